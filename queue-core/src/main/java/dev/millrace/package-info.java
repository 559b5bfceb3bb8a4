/** The front door for producers: {@link dev.millrace.Millrace}. */
@NullMarked
package dev.millrace;

import org.jspecify.annotations.NullMarked;
