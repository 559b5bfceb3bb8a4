package dev.millrace.worker.http;

/**
 * One event of a stream.
 *
 * @param name of its sort, for the page's script; one line
 * @param data may have several lines
 */
public record ServerEvent(String name, String data) {

    /** @throws IllegalArgumentException if the name is more than one line */
    public ServerEvent {
        if (name.indexOf('\n') >= 0 || name.indexOf('\r') >= 0) {
            throw new IllegalArgumentException("The name of an event is one line");
        }
    }

    /** As server-sent events are written. */
    String wire() {
        StringBuilder wire = new StringBuilder("event: ").append(name).append('\n');
        for (String line : data.split("\r\n|\r|\n", -1)) {
            wire.append("data: ").append(line).append('\n');
        }
        return wire.append('\n').toString();
    }
}
