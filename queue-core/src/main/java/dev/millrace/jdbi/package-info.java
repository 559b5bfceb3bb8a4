/** Enqueue in the transaction of a Jdbi handle. Needs {@code jdbi3-core}, which is an optional dependency. */
@NullMarked
package dev.millrace.jdbi;

import org.jspecify.annotations.NullMarked;
