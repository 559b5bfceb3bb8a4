package dev.millrace.testing;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * What a {@link WireServer} answers. The first rule that matches a query, the whole of it and regardless of case,
 * counts; a rule for the n-th match lets other matches through to the rules after it. Without a rule, transactions,
 * {@code SET}, {@code LISTEN}, {@code DISCARD} and the like succeed, and any other query fails with an ERROR that names
 * it.
 *
 * <p>All steps of an answer are written at once. Steps that say nothing about the result (a notification, a notice) are
 * followed by the result as it would be without a rule. Build it before the start; not for concurrent use.
 */
public final class WireScript {

    private static final List<String> ACCEPTED = List.of(
            "BEGIN",
            "START",
            "COMMIT",
            "END",
            "ROLLBACK",
            "SAVEPOINT",
            "RELEASE",
            "SET",
            "RESET",
            "LISTEN",
            "UNLISTEN",
            "NOTIFY",
            "DISCARD",
            "DEALLOCATE",
            "CLOSE");

    private static final class Rule {
        final Pattern pattern;
        final int nth;
        final List<WireStep> steps;
        int matches;

        Rule(String regex, int nth, WireStep... steps) {
            this.pattern = Pattern.compile(regex, Pattern.CASE_INSENSITIVE | Pattern.DOTALL);
            this.nth = nth;
            this.steps = List.of(steps);
        }
    }

    private final List<Rule> rules = new ArrayList<>();
    private final List<Rule> connectRules = new ArrayList<>();

    WireScript() {}

    /** Every time a query matches, of all sessions. */
    public WireScript onQuery(String regex, WireStep... steps) {
        rules.add(new Rule(regex, 0, steps));
        return this;
    }

    /** The n-th time only, counted from 1 over all sessions. */
    public WireScript onQuery(int nth, String regex, WireStep... steps) {
        rules.add(new Rule(regex, nth, steps));
        return this;
    }

    /** In place of the answer to the n-th session's start, counted from 1; 0 means every. */
    public WireScript onConnect(int nth, WireStep... steps) {
        connectRules.add(new Rule(".*", nth, steps));
        return this;
    }

    public WireServer start() {
        return new WireServer(this);
    }

    /** Counts one execution. */
    synchronized List<WireStep> answer(String query) {
        return completed(query, find(rules, query, true).orElse(List.of()));
    }

    /** What {@link #answer} would say now. */
    synchronized List<WireStep> peek(String query) {
        return completed(query, find(rules, query, false).orElse(List.of()));
    }

    synchronized Optional<List<WireStep>> connect() {
        return find(connectRules, "", true);
    }

    static String verb(String query) {
        return query.strip().split("[\\s;(]", 2)[0].toUpperCase(Locale.ROOT);
    }

    private static Optional<List<WireStep>> find(List<Rule> rules, String query, boolean count) {
        for (Rule rule : rules) {
            if (!rule.pattern.matcher(query.strip()).matches()) {
                continue;
            }
            int match = rule.matches + 1;
            if (count) {
                rule.matches = match;
            }
            if (rule.nth == 0 || rule.nth == match) {
                return Optional.of(rule.steps);
            }
        }
        return Optional.empty();
    }

    private static List<WireStep> completed(String query, List<WireStep> steps) {
        boolean complete = steps.stream()
                .anyMatch(step -> !(step instanceof WireStep.Raw raw) || raw.after() != WireStep.After.READY);
        if (complete) {
            return steps;
        }
        List<WireStep> all = new ArrayList<>(steps);
        all.add(byDefault(query));
        return all;
    }

    private static WireStep byDefault(String query) {
        String verb = verb(query);
        if (query.strip().matches("(?is)SHOW\\s+TRANSACTION[_ ]ISOLATION.*")) {
            return WireStep.rows("transaction_isolation", "read committed");
        }
        if (ACCEPTED.contains(verb)) {
            return WireStep.done(verb.equals("END") ? "COMMIT" : verb.equals("START") ? "START TRANSACTION" : verb);
        }
        return WireStep.error("0A000", "no rule of the script matches: " + query);
    }
}
