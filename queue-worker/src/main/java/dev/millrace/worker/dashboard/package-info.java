/** The dashboard: pages that show jobs, queues and workers, and actions on them. */
@NullMarked
package dev.millrace.worker.dashboard;

import org.jspecify.annotations.NullMarked;
