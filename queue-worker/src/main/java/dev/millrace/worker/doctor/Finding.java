package dev.millrace.worker.doctor;

import org.jspecify.annotations.Nullable;

/**
 * One line of a report. Immutable.
 *
 * @param check what was looked at
 * @param level how it is
 * @param found what was found
 * @param advice what to do; null where there is nothing to do
 */
public record Finding(
        String check, Level level, String found, @Nullable String advice) {

    /** From good to bad. */
    public enum Level {
        /** As it should be. */
        OK,
        /** Works, with a risk or a cost; or this role was not allowed to look. */
        WARN,
        /** Jobs do not run as they should, or will not soon, or may be lost. */
        FAIL
    }

    static Finding ok(String check, String found) {
        return new Finding(check, Level.OK, found, null);
    }

    static Finding warn(String check, String found, String advice) {
        return new Finding(check, Level.WARN, found, advice);
    }

    static Finding fail(String check, String found, String advice) {
        return new Finding(check, Level.FAIL, found, advice);
    }
}
