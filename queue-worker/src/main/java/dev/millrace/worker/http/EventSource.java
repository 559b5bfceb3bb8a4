package dev.millrace.worker.http;

import java.util.List;

/**
 * What one viewer is told live. Asked by the thread of its stream, once in each interval; should keep what it needs for all viewers
 * elsewhere, so that it is made once.
 */
@FunctionalInterface
public interface EventSource {

    /** What is new; empty sends a sign of life. An exception is logged and ends the stream, after which the browser asks anew. */
    List<ServerEvent> next();
}
