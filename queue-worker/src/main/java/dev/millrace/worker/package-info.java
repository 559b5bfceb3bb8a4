/** Runs jobs: {@link dev.millrace.worker.Worker}. */
@NullMarked
package dev.millrace.worker;

import org.jspecify.annotations.NullMarked;
