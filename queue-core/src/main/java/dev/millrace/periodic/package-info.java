/** Jobs at given times: schedules, the entries of the table {@code periodic}, and what is done to them. */
@NullMarked
package dev.millrace.periodic;

import org.jspecify.annotations.NullMarked;
