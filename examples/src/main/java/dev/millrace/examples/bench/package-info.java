/** The benchmark of the runnable jar on a PostgreSQL of its own. */
@NullMarked
package dev.millrace.examples.bench;

import org.jspecify.annotations.NullMarked;
