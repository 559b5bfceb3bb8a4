/** Tests of the migrations. */
@NullMarked
package dev.millrace.migrations;

import org.jspecify.annotations.NullMarked;
