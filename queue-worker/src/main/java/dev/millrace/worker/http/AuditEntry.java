package dev.millrace.worker.http;

import java.time.Instant;

/**
 * One action, carried out or refused.
 *
 * @param at when
 * @param who the caller's name; "?" for somebody unknown
 * @param remote address of the other end of the connection
 * @param action name of what was asked for
 * @param on what it was done to; the path if it was refused
 * @param count how many it changed
 * @param result how it ended
 */
public record AuditEntry(Instant at, String who, String remote, String action, String on, long count, String result) {}
