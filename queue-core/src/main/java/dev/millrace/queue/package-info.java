/** What is to be seen of queues, and what is set for them at run time. */
@NullMarked
package dev.millrace.queue;

import org.jspecify.annotations.NullMarked;
