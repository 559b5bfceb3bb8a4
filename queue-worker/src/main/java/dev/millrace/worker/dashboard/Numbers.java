package dev.millrace.worker.dashboard;

import java.util.Locale;

/** Numbers as pages show them. */
final class Numbers {

    private static final double MINUTE = 60;

    private Numbers() {}

    static String of(long number) {
        return String.format(Locale.ROOT, "%,d", number);
    }

    /** A number that may not have been counted to its end. */
    static String of(long number, boolean more) {
        return more ? of(number) + "+" : of(number);
    }

    /** A number that follows from a sample. One that has found none does not say that there is none. */
    static String estimated(long number) {
        return number == 0 ? "few or none" : "≈ " + of(number);
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
