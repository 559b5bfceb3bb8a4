@NullMarked
package dev.millrace.examples.quickstart;

import org.jspecify.annotations.NullMarked;
