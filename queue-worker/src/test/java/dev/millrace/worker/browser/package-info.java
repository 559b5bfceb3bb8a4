/** The dashboard in a real browser. */
@NullMarked
package dev.millrace.worker.browser;

import org.jspecify.annotations.NullMarked;
