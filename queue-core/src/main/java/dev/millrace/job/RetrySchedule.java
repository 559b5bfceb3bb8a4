package dev.millrace.job;

import java.math.BigDecimal;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/**
 * A {@link RetryPolicy} that is data, so that it can be stored with a job in {@code job.retry_policy}: {@code fixed 10s} or
 * {@code exponential 1s 2.0 1h} (first wait, factor, longest wait). Immutable.
 */
public sealed interface RetrySchedule extends RetryPolicy {

    /** The form in which it is stored; {@link #parse} reads it. */
    String text();

    /**
     * Reads what {@link #text} writes, and what people write: any white space between the words, durations as in
     * {@link DurationText}.
     *
     * @throws IllegalArgumentException if it is none
     */
    static RetrySchedule parse(String text) {
        // Anybody with SQL may have written it, and reading a number without end takes as long.
        String[] words = text.length() > 100 ? new String[0] : text.strip().split("\\s+");
        if (words.length == 2 && words[0].equals("fixed")) {
            return new Fixed(DurationText.parse(words[1]));
        }
        if (words.length == 4 && words[0].equals("exponential")) {
            return new Exponential(DurationText.parse(words[1]), factor(words[2]), DurationText.parse(words[3]));
        }
        throw new IllegalArgumentException("'" + text.substring(0, Math.min(100, text.length()))
                + "' is not a retry policy: write 'fixed 10s' or 'exponential 1s 2.0 1h' (first, factor, most)");
    }

    private static double factor(String word) {
        try {
            return new BigDecimal(word).doubleValue();
        } catch (NumberFormatException noNumber) {
            throw new IllegalArgumentException("Factor '" + word + "' is not a number", noNumber);
        }
    }

    /**
     * The same wait each time.
     *
     * @param delay 0 to 36,500 days in whole milliseconds
     */
    record Fixed(Duration delay) implements RetrySchedule {
        public Fixed {
            requireBetween("Retry delay", delay, Duration.ZERO);
        }

        @Override
        public Duration delay(int attempt, Throwable error) {
            return delay;
        }

        @Override
        public String text() {
            return "fixed " + DurationText.format(delay);
        }
    }

    /**
     * A wait that grows by a factor each time, ± 10 %, so that jobs that failed together do not come back together.
     *
     * @param first 1 ms or more
     * @param factor 1 to 1,000
     * @param most from {@code first} to 36,500 days; waits stay below it, their jitter included
     */
    record Exponential(Duration first, double factor, Duration most) implements RetrySchedule {
        public Exponential {
            requireBetween("First retry delay", first, Duration.ofMillis(1));
            requireBetween("Longest retry delay", most, first);
            if (!(factor >= 1 && factor <= 1_000)) {
                throw new IllegalArgumentException("Retry factor " + factor + " is out of range: 1 to 1000");
            }
        }

        @Override
        public Duration delay(int attempt, Throwable error) {
            // Infinity where the power is too large for a double: the minimum takes care of it.
            double grown = first.toMillis() * Math.pow(factor, Math.max(0, attempt - 1));
            double jittered = grown * ThreadLocalRandom.current().nextDouble(0.9, 1.1);
            return Duration.ofMillis((long) Math.min((double) most.toMillis(), jittered));
        }

        @Override
        public String text() {
            return "exponential " + DurationText.format(first) + " "
                    + BigDecimal.valueOf(factor).toPlainString() + " " + DurationText.format(most);
        }
    }

    private static void requireBetween(String what, Duration value, Duration least) {
        Duration most = Duration.ofDays(36_500);
        if (value.compareTo(least) < 0 || value.compareTo(most) > 0 || value.toNanosPart() % 1_000_000 != 0) {
            throw new IllegalArgumentException(what + " " + value + " is out of range: " + least + " to "
                    + most.toDays() + " days in whole milliseconds");
        }
    }
}
