package dev.millrace.worker.cli;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Lines of UTF-8 text, each decoded on its own, so that broken text is found in the line that has it, and none longer than a
 * limit, so that a file without line ends does not fill the memory. Not thread-safe.
 */
final class ByteLines {

    private static final int BUFFER_BYTES = 1 << 16;
    private static final String BYTE_ORDER_MARK = "\uFEFF";

    private final InputStream in;
    private final long maxBytes;
    private final byte[] buffer = new byte[BUFFER_BYTES];
    private int position;
    private int limit;
    private byte[] line = new byte[1_024];
    private int length;
    private long number;

    ByteLines(InputStream in, long maxBytes) {
        this.in = in;
        this.maxBytes = maxBytes;
    }

    /** Number of the line that {@link #next} read last, from 1. */
    long number() {
        return number;
    }

    /**
     * The next line without its end, null after the last.
     *
     * @throws BadLineException if it is not UTF-8 text, or too long
     */
    @Nullable String next() throws IOException {
        length = 0;
        boolean ended = false;
        boolean any = false;
        while (!ended && fill()) {
            if (!any) {
                any = true;
                number++;
            }
            int end = position;
            while (end < limit && buffer[end] != '\n') {
                end++;
            }
            append(end);
            ended = end < limit;
            position = ended ? end + 1 : end;
        }
        return any ? decoded() : null;
    }

    private boolean fill() throws IOException {
        if (position == limit) {
            position = 0;
            limit = Math.max(0, in.read(buffer));
        }
        return position < limit;
    }

    private void append(int end) {
        int more = end - position;
        if ((long) length + more > maxBytes) {
            throw new BadLineException(number, "it is longer than " + maxBytes + " bytes, see --max-args-bytes", null);
        }
        if (line.length - length < more) {
            line = Arrays.copyOf(line, Math.max(line.length * 2, length + more));
        }
        System.arraycopy(buffer, position, line, length, more);
        length += more;
    }

    private String decoded() {
        int end = length > 0 && line[length - 1] == '\r' ? length - 1 : length;
        try {
            String text = StandardCharsets.UTF_8
                    .newDecoder()
                    .onMalformedInput(CodingErrorAction.REPORT)
                    .onUnmappableCharacter(CodingErrorAction.REPORT)
                    .decode(ByteBuffer.wrap(line, 0, end))
                    .toString();
            return number == 1 && text.startsWith(BYTE_ORDER_MARK) ? text.substring(1) : text;
        } catch (CharacterCodingException failure) {
            throw new BadLineException(number, "it is not UTF-8 text", failure);
        }
    }
}
