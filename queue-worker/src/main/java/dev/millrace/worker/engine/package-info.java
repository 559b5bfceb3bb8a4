/** The engine: claims, runs, completes, keeps leases alive, and maintains. Not for use by applications. */
@NullMarked
package dev.millrace.worker.engine;

import org.jspecify.annotations.NullMarked;
