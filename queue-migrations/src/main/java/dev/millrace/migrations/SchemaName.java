package dev.millrace.migrations;

import java.nio.charset.StandardCharsets;

/**
 * Name of the schema that holds the job tables: any name PostgreSQL accepts, taken literally (case-sensitive, as if
 * quoted).
 *
 * @param value the name as stored in the catalogue, without quotes
 */
public record SchemaName(String value) {

    /** The schema used where none is named: {@code millrace}. */
    public static final SchemaName DEFAULT = new SchemaName("millrace");

    /** PostgreSQL truncates longer names silently (NAMEDATALEN - 1), which would let two names meet in one schema. */
    private static final int MAX_BYTES = 63;

    /**
     * Checks the name.
     *
     * @throws IllegalArgumentException for a name that is empty, longer than 63 bytes, has a NUL character, or starts
     *     with {@code pg_}, which PostgreSQL reserves
     */
    public SchemaName {
        int bytes = value.getBytes(StandardCharsets.UTF_8).length;
        if (value.isEmpty() || bytes > MAX_BYTES || value.indexOf('\0') >= 0 || value.startsWith("pg_")) {
            throw new IllegalArgumentException("Schema name '" + value.replace("\0", "\\0")
                    + "' is not possible: use 1 to " + MAX_BYTES + " bytes, no NUL, not starting with pg_");
        }
    }

    /** The name as an SQL identifier, always quoted. */
    public String quoted() {
        return '"' + value.replace("\"", "\"\"") + '"';
    }

    @Override
    public String toString() {
        return value;
    }
}
