/** The command line of the runnable jar. Optional for users of the library, who do not get its dependencies. */
@NullMarked
package dev.millrace.worker.cli;

import org.jspecify.annotations.NullMarked;
