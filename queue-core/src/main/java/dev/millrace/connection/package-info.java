/** Supervised connections: one owner for every physical connection of a process, one place that paces retries. */
@NullMarked
package dev.millrace.connection;

import org.jspecify.annotations.NullMarked;
