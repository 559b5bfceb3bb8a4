@NullMarked
package dev.millrace.examples.bench;

import org.jspecify.annotations.NullMarked;
