package dev.millrace.worker.http;

/**
 * How an action ended, for the audit log and for who asked.
 *
 * @param on what it was done to: ids, the name of a queue, a filter in words
 * @param count how many it changed
 * @param result in a few words, such as "cancelled" or "was not running any more"
 * @param reply for who asked; mostly a redirect
 */
public record Acted(String on, long count, String result, Reply reply) {}
