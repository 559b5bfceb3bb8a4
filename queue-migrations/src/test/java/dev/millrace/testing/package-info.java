/**
 * What every module's tests stand on: a real PostgreSQL, one database per test class, processes that can be killed, and
 * the check that nothing is left behind. Shipped as the test-jar of this module.
 */
@NullMarked
package dev.millrace.testing;

import org.jspecify.annotations.NullMarked;
