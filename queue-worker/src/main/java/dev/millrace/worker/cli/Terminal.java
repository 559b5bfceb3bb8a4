package dev.millrace.worker.cli;

import java.io.InputStream;
import java.io.PrintWriter;
import java.util.Map;

/**
 * What surrounds a command.
 *
 * @param in where it reads
 * @param out results, and nothing else
 * @param err what went wrong
 * @param environment variables by name
 * @param logging how logs are set up
 * @param interactive whether a person reads and answers
 */
record Terminal(
        InputStream in,
        PrintWriter out,
        PrintWriter err,
        Map<String, String> environment,
        Logging logging,
        boolean interactive) {}
