package dev.millrace.worker.cli;

import dev.millrace.job.JobState;
import java.util.Arrays;
import java.util.regex.Pattern;

/**
 * Colours of a terminal, or none. Colours only ever repeat what the text says. Immutable.
 *
 * @param isOn whether to colour
 */
record Colors(boolean isOn) {

    static final Colors NONE = new Colors(false);

    private static final Pattern SEQUENCE = Pattern.compile("\u001b\\[[0-9]*m");

    /** As asked for; {@code auto} on a terminal that has them, unless the user wants none by the convention of {@code NO_COLOR}. */
    static Colors of(CommonOptions.Color wanted, Terminal terminal) {
        return switch (wanted) {
            case always -> new Colors(true);
            case never -> NONE;
            case auto ->
                new Colors(terminal.interactive()
                        && terminal.environment().getOrDefault("NO_COLOR", "").isEmpty()
                        && !"dumb".equals(terminal.environment().get("TERM")));
        };
    }

    /** The head of a table. */
    String[] head(String... columns) {
        return Arrays.stream(columns).map(column -> with(1, column)).toArray(String[]::new);
    }

    String red(String text) {
        return with(31, text);
    }

    String green(String text) {
        return with(32, text);
    }

    String yellow(String text) {
        return with(33, text);
    }

    String cyan(String text) {
        return with(36, text);
    }

    /** The word of a state. */
    String state(JobState state) {
        return switch (state) {
            case RUNNING -> cyan(state.sql());
            case COMPLETED -> green(state.sql());
            case RETRYABLE, CANCELLED -> yellow(state.sql());
            case DISCARDED -> red(state.sql());
            case AVAILABLE, SCHEDULED, PENDING -> state.sql();
        };
    }

    /** Characters that are seen of a text with or without colours. */
    static int width(String text) {
        return SEQUENCE.matcher(text).replaceAll("").length();
    }

    private String with(int code, String text) {
        return isOn && !text.isEmpty() ? "\u001b[" + code + "m" + text + "\u001b[0m" : text;
    }
}
