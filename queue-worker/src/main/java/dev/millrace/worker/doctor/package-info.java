/** Whether a database is fit for a queue: looked at once, in a screenful of findings. */
@NullMarked
package dev.millrace.worker.doctor;

import org.jspecify.annotations.NullMarked;
