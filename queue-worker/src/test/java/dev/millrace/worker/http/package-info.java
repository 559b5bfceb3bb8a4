@NullMarked
package dev.millrace.worker.http;

import org.jspecify.annotations.NullMarked;
