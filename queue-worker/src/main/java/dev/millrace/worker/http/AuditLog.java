package dev.millrace.worker.http;

import java.time.Clock;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Who has done what through a server: each action is a line of the logger {@value #LOGGER}, and the last {@value #KEPT} are kept for a
 * page, with the last {@value #KEPT_OF_UNKNOWN} of callers whom nobody knows: these can't push others out. What users typed is quoted, with control characters escaped and cut at {@value #LONGEST} characters, so nobody can forge a
 * line. Thread-safe.
 */
public final class AuditLog {

    /** Name of the logger. */
    public static final String LOGGER = "millrace.audit";

    /** Who, where nobody knows. */
    static final String UNKNOWN = "?";

    private static final Logger LOG = LoggerFactory.getLogger(LOGGER);
    static final int KEPT = 200;
    static final int KEPT_OF_UNKNOWN = 50;
    private static final int LONGEST = 500;

    private final Clock clock;
    private final Deque<AuditEntry> last = new ArrayDeque<>();

    /** An empty one. */
    public AuditLog() {
        this(Clock.systemUTC());
    }

    AuditLog(Clock clock) {
        this.clock = clock;
    }

    /** The last ones, newest first. */
    public List<AuditEntry> recent() {
        synchronized (last) {
            List<AuditEntry> newestFirst = new ArrayList<>(last);
            Collections.reverse(newestFirst);
            return newestFirst;
        }
    }

    /** Adds what somebody did, or what came of it later; the server itself writes each action when it is asked for. */
    public void write(String who, String remote, String action, String on, long count, String result) {
        LOG.info(
                "who={} remote={} action={} on={} count={} result={}",
                quoted(who),
                quoted(remote),
                quoted(action),
                quoted(on),
                count,
                quoted(result));
        AuditEntry entry = new AuditEntry(clock.instant(), cut(who), remote, action, cut(on), count, cut(result));
        synchronized (last) {
            last.addLast(entry);
            Predicate<AuditEntry> alike = kept -> isOfUnknown(kept) == isOfUnknown(entry);
            if (last.stream().filter(alike).count() > (isOfUnknown(entry) ? KEPT_OF_UNKNOWN : KEPT)) {
                last.stream().filter(alike).findFirst().ifPresent(last::removeFirstOccurrence);
            }
        }
    }

    private static boolean isOfUnknown(AuditEntry entry) {
        return entry.who().equals(UNKNOWN);
    }

    private static String cut(String text) {
        return text.length() <= LONGEST ? text : text.substring(0, LONGEST) + "…";
    }

    private static String quoted(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        cut(text).codePoints().forEach(point -> append(quoted, point));
        return quoted.append('"').toString();
    }

    private static void append(StringBuilder quoted, int point) {
        switch (Character.getType(point)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR,
                    Character.SURROGATE,
                    Character.PRIVATE_USE,
                    Character.UNASSIGNED -> quoted.append(String.format("\\u%04x", point));
            default -> {
                if (point == '"' || point == '\\') {
                    quoted.append('\\');
                }
                quoted.appendCodePoint(point);
            }
        }
    }
}
