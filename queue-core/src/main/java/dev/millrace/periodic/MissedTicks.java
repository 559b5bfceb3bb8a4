package dev.millrace.periodic;

import java.util.Arrays;
import java.util.Locale;

/**
 * What becomes of ticks that no worker was there for. A tick is missed when it is more than one minute late: while all workers were
 * stopped, or the database was away. Up to a minute late it runs as if it were on time, each tick by itself, whatever is chosen here.
 * Ticks while a periodic job was disabled are not missed but left out.
 */
public enum MissedTicks {
    /** Missed ticks do not run. */
    SKIP,
    /** One job for all that were missed, the one of the newest; none if a tick is on time already. The default. */
    ONE,
    /** Every missed tick runs, in order. A schedule of every second after a day away is 86,400 jobs. */
    ALL;

    /** The word in the table and on the command line. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    /**
     * Reads the word.
     *
     * @throws IllegalArgumentException unless it is skip, one or all
     */
    public static MissedTicks of(String word) {
        return Arrays.stream(values())
                .filter(missed -> missed.word().equals(word))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(
                        "Policy '" + word + "' for missed ticks is not possible: skip, one or all"));
    }
}
