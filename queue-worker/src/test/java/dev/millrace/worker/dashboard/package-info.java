@NullMarked
package dev.millrace.worker.dashboard;

import org.jspecify.annotations.NullMarked;
