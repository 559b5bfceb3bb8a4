/** What a job is: its type, its arguments, its options and states. */
@NullMarked
package dev.millrace.job;

import org.jspecify.annotations.NullMarked;
