/** Creates, upgrades and checks the schema that holds the job tables. */
@NullMarked
package dev.millrace.migrations;

import org.jspecify.annotations.NullMarked;
