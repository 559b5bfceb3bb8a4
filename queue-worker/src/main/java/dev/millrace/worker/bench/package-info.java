/** Measures what this database and this machine can do. */
@NullMarked
package dev.millrace.worker.bench;

import org.jspecify.annotations.NullMarked;
