/** Puts jobs into the tables: one by one, in a caller's transaction, or in bulk by COPY. */
@NullMarked
package dev.millrace.enqueue;

import org.jspecify.annotations.NullMarked;
