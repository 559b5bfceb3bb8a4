/** Looking at jobs and operating on them: one, many, or all that a filter matches. */
@NullMarked
package dev.millrace.ops;

import org.jspecify.annotations.NullMarked;
