/** Holds README.md and the guides to what they say: Java is compiled, SQL and commands are run. */
@NullMarked
package dev.millrace.examples.docs;

import org.jspecify.annotations.NullMarked;
