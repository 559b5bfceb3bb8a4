package dev.millrace.ops;

/**
 * How many jobs match, as far as was looked.
 *
 * @param jobs that were found to match
 * @param complete whether all jobs in question were looked at; if not, more may match
 */
public record JobCount(long jobs, boolean complete) {}
