/** A small HTTP server for those who watch a worker: health and metrics. */
@NullMarked
package dev.millrace.worker.http;

import org.jspecify.annotations.NullMarked;
