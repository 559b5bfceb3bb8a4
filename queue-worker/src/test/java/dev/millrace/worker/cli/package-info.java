/** Tests of the command line: its parts, its commands in this JVM, and the packaged jar as a process. */
@NullMarked
package dev.millrace.worker.cli;

import org.jspecify.annotations.NullMarked;
