/** The quickstart: a PostgreSQL of its own, a worker process, and one job for each file of a folder. */
@NullMarked
package dev.millrace.examples.quickstart;

import org.jspecify.annotations.NullMarked;
