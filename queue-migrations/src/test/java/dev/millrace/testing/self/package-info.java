/** Tests of the test foundation; not shipped. */
@NullMarked
package dev.millrace.testing.self;

import org.jspecify.annotations.NullMarked;
