/** The one root of everything Millrace throws. */
@NullMarked
package dev.millrace.error;

import org.jspecify.annotations.NullMarked;
