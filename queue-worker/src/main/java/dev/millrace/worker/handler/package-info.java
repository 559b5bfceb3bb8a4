/** What user code implements and sees: handlers, the running job, results. */
@NullMarked
package dev.millrace.worker.handler;

import org.jspecify.annotations.NullMarked;
