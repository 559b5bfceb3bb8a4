/** For the tests of applications that enqueue and run jobs. */
@NullMarked
package dev.millrace.testkit;

import org.jspecify.annotations.NullMarked;
