package dev.millrace.periodic;

import java.util.List;
import java.util.Locale;

/**
 * One field of a cron expression as it was written. Immutable.
 *
 * @param expression the whole, for messages
 * @param name of the field
 * @param text of the field
 * @param min least number
 * @param max greatest number
 * @param names for the numbers from {@code min} on; may be empty
 */
record CronField(String expression, String name, String text, int min, int max, List<String> names) {

    boolean beginsWithStar() {
        return text.startsWith("*") || text.equals("?");
    }

    /** The parts of the list, in capitals. */
    String[] items() {
        return text.toUpperCase(Locale.ROOT).split(",", -1);
    }

    /** All numbers of the list, for fields that have nothing else. */
    long bits() {
        long bits = 0;
        for (String item : items()) {
            bits |= plain(item);
        }
        return bits;
    }

    /** The numbers of a star, a value or a range, with or without a step. */
    long plain(String item) {
        int slash = item.indexOf('/');
        String range = slash < 0 ? item : item.substring(0, slash);
        int step = slash < 0 ? 1 : number(item.substring(slash + 1), 1, max);
        int dash = range.indexOf('-');
        int from;
        int to;
        if (range.equals("*") || (range.equals("?") && name.startsWith("day"))) {
            from = min;
            // Of the two numbers that Sunday has, a step must meet one.
            to = name.equals("day-of-week") ? 6 : max;
        } else if (dash >= 0) {
            from = value(range.substring(0, dash));
            to = value(range.substring(dash + 1));
            if (to == 0 && from > 0 && name.equals("day-of-week")) {
                to = 7;
            }
            if (from > to) {
                throw bad(item, "a range goes from the lower to the higher; write two of them");
            }
        } else {
            from = value(range);
            to = slash < 0 ? from : Math.max(from, name.equals("day-of-week") ? 6 : max);
        }
        long bits = 0;
        for (int number = from; number <= to; number += step) {
            bits |= 1L << number;
        }
        return bits;
    }

    /** A number or name of this field. */
    int value(String word) {
        int index = names.indexOf(word);
        return index >= 0 ? index + min : number(word, min, max);
    }

    int number(String digits, int least, int most) {
        if (digits.length() >= 1 && digits.length() <= 2 && digits.chars().allMatch(c -> c >= '0' && c <= '9')) {
            int number = Integer.parseInt(digits);
            if (number >= least && number <= most) {
                return number;
            }
        }
        String alsoNames =
                names.isEmpty() || least != min ? "" : " or " + names.get(0) + " to " + names.get(names.size() - 1);
        throw bad(digits, "allowed is " + least + " to " + most + alsoNames);
    }

    private IllegalArgumentException bad(String what, String why) {
        return new IllegalArgumentException("Cron expression '" + expression + "': '" + what + "' in the field " + name
                + " is not possible, " + why);
    }
}
