package dev.millrace.worker.cli;

import dev.millrace.job.JobState;
import dev.millrace.job.Unique;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Reads what makes a job unique from the words of the command line or of a JSON line. */
final class UniqueWords {

    private static final String ARGS = "args.";
    private static final String WORD = "word=";
    private static final String HINT = "use kind, any_kind, queue, and one of args, args.FIELD (several), word=WORD";

    private UniqueWords() {}

    /**
     * The rule that the words make.
     *
     * @param by words for what it is unique by
     * @param period window of time, or null
     * @param states states besides the waiting ones, or null for the default
     * @param onConflict skip, replace or debounce, or null for the default
     * @param replace what replace replaces
     * @throws IllegalArgumentException if a word is not known, or they contradict each other
     */
    static Unique parse(
            List<String> by,
            @Nullable Duration period,
            @Nullable List<String> states,
            @Nullable String onConflict,
            List<String> replace) {
        Unique unique = base(by);
        unique = by.contains("queue") ? unique.perQueue() : unique;
        unique = by.contains("any_kind") ? unique.acrossKinds() : unique;
        unique = period == null ? unique : unique.within(period);
        if (states != null) {
            unique = unique.states(states.stream().map(JobState::ofSql).toArray(JobState[]::new));
        }
        if (!replace.isEmpty() && !"replace".equals(onConflict)) {
            throw new IllegalArgumentException("what to replace is given, but not that a conflict replaces");
        }
        return switch (onConflict == null ? "skip" : onConflict) {
            case "skip" -> unique;
            case "debounce" -> unique.debounced();
            case "replace" ->
                unique.replacing(
                        replace.isEmpty()
                                ? new Unique.Part[] {Unique.Part.ARGS}
                                : replace.stream().map(UniqueWords::part).toArray(Unique.Part[]::new));
            default ->
                throw new IllegalArgumentException(
                        "on conflict '" + onConflict + "' is not known: use skip, replace or debounce");
        };
    }

    private static Unique base(List<String> by) {
        List<String> fields = by.stream()
                .filter(word -> word.startsWith(ARGS))
                .map(word -> word.substring(ARGS.length()))
                .toList();
        List<String> words = by.stream()
                .filter(word -> word.startsWith(WORD))
                .map(word -> word.substring(WORD.length()))
                .toList();
        for (String word : by) {
            if (!List.of("kind", "any_kind", "queue", "args").contains(word)
                    && !word.startsWith(ARGS)
                    && !word.startsWith(WORD)) {
                throw new IllegalArgumentException("unique by '" + word + "' is not known: " + HINT);
            }
        }
        int given = (fields.isEmpty() ? 0 : 1) + words.size() + (by.contains("args") ? 1 : 0);
        if (by.isEmpty() || given > 1) {
            throw new IllegalArgumentException("unique by " + by + " is not possible: " + HINT);
        }
        if (!fields.isEmpty()) {
            return Unique.byFields(fields.toArray(new String[0]));
        }
        if (!words.isEmpty()) {
            return Unique.byWord(words.get(0));
        }
        return by.contains("args") ? Unique.byArgs() : Unique.byKind();
    }

    private static Unique.Part part(String word) {
        for (Unique.Part part : Unique.Part.values()) {
            if (part.name().toLowerCase(Locale.ROOT).equals(word)) {
                return part;
            }
        }
        throw new IllegalArgumentException("'" + word + "' can't be replaced: use args, priority, max_attempts,"
                + " scheduled_at, timeout, tags, metadata, retry_policy");
    }
}
