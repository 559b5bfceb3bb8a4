/** Handlers to try Millrace with, and samples of its use that are compiled and tested. */
@NullMarked
package dev.millrace.examples;

import org.jspecify.annotations.NullMarked;
