package dev.millrace.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.awaitility.core.ConditionTimeoutException;

/**
 * Finds what a test left behind: threads of Millrace or of its connection pool, sessions of Millrace, open
 * transactions. Threads that were there before are not counted; what is on its way out gets 20 seconds.
 */
public final class LeakCheck {

    private static final Duration GRACE = Duration.ofSeconds(20);

    private final TestDatabase database;
    private final Set<Thread> before;
    private final Duration grace;

    private LeakCheck(TestDatabase database, Set<Thread> before, Duration grace) {
        this.database = database;
        this.before = before;
        this.grace = grace;
    }

    /** Remembers the threads alive now. */
    public static LeakCheck remember(TestDatabase database) {
        return remember(database, GRACE);
    }

    /** With another time for what is on its way out. */
    public static LeakCheck remember(TestDatabase database, Duration grace) {
        return new LeakCheck(database, Set.copyOf(Thread.getAllStackTraces().keySet()), grace);
    }

    /**
     * Waits until nothing is left.
     *
     * @throws AssertionError with stack traces and queries of what is still there after that time
     */
    public void verify() {
        try {
            await().pollDelay(Duration.ZERO)
                    .pollInterval(Duration.ofMillis(20))
                    .atMost(grace)
                    .until(() -> leaks().isEmpty());
        } catch (ConditionTimeoutException late) {
            // A look may take longer than the grace: this one decides, and names what is there.
            assertThat(leaks()).as("left behind by this test").isEmpty();
        }
    }

    private List<String> leaks() {
        List<String> leaks = new ArrayList<>();
        for (Map.Entry<Thread, StackTraceElement[]> thread :
                Thread.getAllStackTraces().entrySet()) {
            String name = thread.getKey().getName();
            if ((name.startsWith("millrace") || name.contains("Hikari")) && !before.contains(thread.getKey())) {
                StringBuilder leak = new StringBuilder("thread ").append(name);
                for (StackTraceElement frame : thread.getValue()) {
                    leak.append("\n    at ").append(frame);
                }
                leaks.add(leak.toString());
            }
        }
        for (Map<String, Object> session : database.query("""
                SELECT pid, application_name, state, query FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
                  AND (application_name LIKE 'millrace%' OR state LIKE 'idle in transaction%')
                """)) {
            leaks.add("session " + session);
        }
        return leaks;
    }
}
