package dev.millrace.testing;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** One part of what a {@link WireServer} answers to a query. Immutable. */
public sealed interface WireStep {

    /** What the session does when all steps are written. */
    enum After {
        /** Ends the answer as usual and waits for the next message. */
        READY,
        /** As {@link #READY}, in a failed transaction if there is one. */
        FAILED,
        FIN,
        RESET,
        /** Reads on, but never answers again. */
        SILENCE
    }

    /** Bytes as they are; the last step that is not {@link After#READY} decides what comes after. */
    record Raw(byte[] bytes, After after) implements WireStep {}

    /** CommandComplete without rows. */
    record Done(String tag) implements WireStep {}

    /** RowDescription, rows and CommandComplete; types by the first row: integers, booleans, else text. */
    record Rows(List<String> columns, List<List<Object>> values) implements WireStep {

        /** With one more row; {@code null} is not supported. */
        public Rows row(Object... row) {
            if (row.length != columns.size()) {
                throw new IllegalArgumentException(row.length + " values for " + columns);
            }
            List<List<Object>> more = new ArrayList<>(values);
            more.add(List.of(row));
            return new Rows(columns, List.copyOf(more));
        }
    }

    /** No rows yet: add them by {@link Rows#row}. */
    static Rows columns(String... names) {
        return new Rows(List.of(names), List.of());
    }

    /** Rows of one column. */
    static Rows rows(String column, Object... values) {
        Rows rows = columns(column);
        for (Object value : values) {
            rows = rows.row(value);
        }
        return rows;
    }

    static WireStep done(String tag) {
        return new Done(tag);
    }

    /** An ERROR: the query has failed, the session goes on. */
    static WireStep error(String state, String message) {
        return new Raw(fields('E', "ERROR", state, message), After.FAILED);
    }

    /** A FATAL: the session ends, unless a later step says otherwise. */
    static WireStep fatal(String state, String message) {
        return new Raw(fields('E', "FATAL", state, message), After.FIN);
    }

    static WireStep notice(String state, String message) {
        return new Raw(fields('N', "NOTICE", state, message), After.READY);
    }

    static WireStep notificationResponse(String channel, String payload) {
        return new Raw(new WireMessage('A').int4(1).text(channel).text(payload).bytes(), After.READY);
    }

    /** The first bytes of a message only, then silence. */
    static WireStep half(WireStep message, int bytes) {
        if (!(message instanceof Raw raw) || bytes < 0 || bytes > raw.bytes.length) {
            throw new IllegalArgumentException("not " + bytes + " bytes of " + message);
        }
        return new Raw(Arrays.copyOf(raw.bytes, bytes), After.SILENCE);
    }

    /** Any bytes, then silence. */
    static WireStep garbage(byte... bytes) {
        return new Raw(bytes.clone(), After.SILENCE);
    }

    static WireStep silence() {
        return new Raw(new byte[0], After.SILENCE);
    }

    /** Ends the connection by FIN. */
    static WireStep eof() {
        return new Raw(new byte[0], After.FIN);
    }

    /** Ends the connection by RST. */
    static WireStep reset() {
        return new Raw(new byte[0], After.RESET);
    }

    private static byte[] fields(char type, String severity, String state, String message) {
        WireMessage out = new WireMessage(type);
        for (String field : List.of("S" + severity, "V" + severity, "C" + state, "M" + message)) {
            out.raw(field.getBytes(StandardCharsets.UTF_8)).int1(0);
        }
        return out.int1(0).bytes();
    }
}
