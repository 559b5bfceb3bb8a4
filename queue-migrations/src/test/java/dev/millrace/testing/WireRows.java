package dev.millrace.testing;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** How a {@link WireServer} puts rows on the wire, in text or binary as the client wants each column. */
final class WireRows {

    static final int TEXT = 25;

    private static final int BOOL = 16;
    private static final int INT8 = 20;
    private static final int INT4 = 23;

    private WireRows() {}

    static WireMessage description(WireStep.Rows rows, int[] formats) {
        WireMessage out = new WireMessage('T').int2(rows.columns().size());
        for (int i = 0; i < rows.columns().size(); i++) {
            int type =
                    rows.values().isEmpty() ? TEXT : type(rows.values().get(0).get(i));
            out.text(rows.columns().get(i))
                    .int4(0)
                    .int2(0)
                    .int4(type)
                    .int2(size(type))
                    .int4(-1)
                    .int2(format(formats, i));
        }
        return out;
    }

    static WireMessage data(List<Object> row, int[] formats) {
        WireMessage out = new WireMessage('D').int2(row.size());
        for (int i = 0; i < row.size(); i++) {
            byte[] value = format(formats, i) == 1 ? binary(row.get(i)) : text(row.get(i));
            out.int4(value.length).raw(value);
        }
        return out;
    }

    static String tag(String query, WireStep.Rows rows) {
        String verb = WireScript.verb(query);
        int count = rows.values().size();
        return switch (verb) {
            case "SHOW" -> "SHOW";
            case "INSERT" -> "INSERT 0 " + count;
            case "UPDATE", "DELETE", "MERGE" -> verb + " " + count;
            default -> "SELECT " + count;
        };
    }

    /** As in Bind: none means text, one is for all columns. */
    private static int format(int[] formats, int column) {
        return formats.length == 0 ? 0 : formats[formats.length == 1 ? 0 : column];
    }

    private static int type(Object value) {
        if (value instanceof Integer) {
            return INT4;
        }
        if (value instanceof Long) {
            return INT8;
        }
        return value instanceof Boolean ? BOOL : TEXT;
    }

    private static int size(int type) {
        return switch (type) {
            case INT4 -> 4;
            case INT8 -> 8;
            case BOOL -> 1;
            default -> -1;
        };
    }

    private static byte[] text(Object value) {
        String text = value instanceof Boolean truth ? (truth ? "t" : "f") : value.toString();
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] binary(Object value) {
        if (value instanceof Integer number) {
            return ByteBuffer.allocate(4).putInt(number).array();
        }
        if (value instanceof Long number) {
            return ByteBuffer.allocate(8).putLong(number).array();
        }
        if (value instanceof Boolean truth) {
            return new byte[] {(byte) (truth ? 1 : 0)};
        }
        return text(value);
    }
}
