/** A PostgreSQL server and its folder, for programs that bring their own. */
@NullMarked
package dev.millrace.examples.embedded;

import org.jspecify.annotations.NullMarked;
