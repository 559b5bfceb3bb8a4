package dev.millrace.worker.dashboard;

import java.util.Locale;

/** Numbers as pages show them. */
final class Numbers {

    private static final double MINUTE = 60;

    private Numbers() {}

    static String of(long number) {
        return String.format(Locale.ROOT, "%,d", number);
    }

    /** A number that was not counted to its end, or not counted at all: then none means few. */
    static String of(long number, boolean more, boolean estimated) {
        return more ? of(number) + "+" : estimated ? "≈ " + of(number) : of(number);
    }

    /** How many in a second, of those within a minute. */
    static String rate(long inAMinute) {
        return String.format(Locale.ROOT, inAMinute > 600 ? "%,.0f" : "%.1f", inAMinute / MINUTE) + "/s";
    }

    static String bytes(long bytes) {
        if (bytes < 1_024) {
            return bytes + " B";
        }
        double size = bytes;
        String unit = "";
        for (String next : new String[] {"KiB", "MiB", "GiB", "TiB"}) {
            if (size < 1_024) {
                break;
            }
            size /= 1_024;
            unit = next;
        }
        return String.format(Locale.ROOT, "%.1f %s", size, unit);
    }
}
