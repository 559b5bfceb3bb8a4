/** Tracing with OpenTelemetry, whose API a library user brings along; nothing else of this library needs it. */
@NullMarked
package dev.millrace.worker.tracing;

import org.jspecify.annotations.NullMarked;
