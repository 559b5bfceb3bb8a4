/** Figures of workers and producers for Micrometer, which is an optional dependency. */
@NullMarked
package dev.millrace.worker.metrics;

import org.jspecify.annotations.NullMarked;
