package dev.millrace.worker.engine;

/**
 * Makes text and JSON storable: PostgreSQL's {@code text} and {@code jsonb} refuse the NUL character and surrogates without their
 * partner, and one such row would make a whole batch fail. Both become U+FFFD, the replacement character. Stateless.
 */
final class Storable {

    private static final char REPLACEMENT = '\uFFFD';
    private static final int ESCAPE = 6;

    private Storable() {}

    /** At most {@code max} characters of the text. */
    static String text(String text, int max) {
        StringBuilder clean = new StringBuilder(Math.min(text.length(), max));
        for (int i = 0; i < text.length() && clean.length() < max; ) {
            int point = text.codePointAt(i);
            i += Character.charCount(point);
            clean.appendCodePoint(point == 0 || isSurrogate(point) ? REPLACEMENT : point);
        }
        return clean.toString();
    }

    /** The same JSON; what it escapes counts like what it writes out. */
    static String json(String json) {
        StringBuilder clean = new StringBuilder(json.length());
        for (int i = 0; i < json.length(); ) {
            int unit = escaped(json, i);
            if (unit < 0) {
                int length =
                        json.charAt(i) == '\\' && i + 1 < json.length() ? 2 : Character.charCount(json.codePointAt(i));
                int point = json.codePointAt(i);
                if (length == 2 && json.charAt(i) == '\\') {
                    clean.append(json, i, i + 2);
                } else {
                    clean.appendCodePoint(point == 0 || isSurrogate(point) ? REPLACEMENT : point);
                }
                i += length;
            } else if (Character.isHighSurrogate((char) unit) && isLow(escaped(json, i + ESCAPE))) {
                clean.append(json, i, i + 2 * ESCAPE);
                i += 2 * ESCAPE;
            } else {
                if (unit == 0 || isSurrogate(unit)) {
                    clean.append(REPLACEMENT);
                } else {
                    clean.append(json, i, i + ESCAPE);
                }
                i += ESCAPE;
            }
        }
        return clean.toString();
    }

    /** The unit that a {@code \}{@code uXXXX} escape at this place stands for, or -1. */
    private static int escaped(String json, int at) {
        if (at + ESCAPE > json.length() || json.charAt(at) != '\\' || json.charAt(at + 1) != 'u') {
            return -1;
        }
        int unit = 0;
        for (int i = at + 2; i < at + ESCAPE; i++) {
            int digit = Character.digit(json.charAt(i), 16);
            if (digit < 0) {
                return -1;
            }
            unit = unit << 4 | digit;
        }
        return unit;
    }

    private static boolean isLow(int unit) {
        return unit >= 0 && Character.isLowSurrogate((char) unit);
    }

    private static boolean isSurrogate(int point) {
        return point >= Character.MIN_SURROGATE && point <= Character.MAX_SURROGATE;
    }
}
