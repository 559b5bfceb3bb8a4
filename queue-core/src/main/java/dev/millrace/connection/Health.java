package dev.millrace.connection;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * What to tell those who watch the process.
 *
 * @param live whether the supervision itself goes on; does not depend on the database, else an outage would restart the fleet
 * @param ready whether jobs can be enqueued and claimed now
 * @param state where the supervisor stands
 * @param since how long it has stood there
 * @param epoch number of connects begun so far
 * @param lastError one line while the database is not usable; null otherwise
 * @param retryIn until the next attempt to connect; zero while the database is usable
 * @param budget what the server has room for; null before it was first looked at
 * @param pool the work lane's connections
 * @param listenerSilence since the server last answered the listener, which it does twice in a probe interval; null without one
 */
public record Health(
        boolean live,
        boolean ready,
        State state,
        Duration since,
        long epoch,
        @Nullable String lastError,
        Duration retryIn,
        @Nullable Budget budget,
        PoolUsage pool,
        @Nullable Duration listenerSilence) {

    /** The same, for a part that can't take work although the database is usable; for the library's own use. */
    public Health notReady() {
        return new Health(live, false, state, since, epoch, lastError, retryIn, budget, pool, listenerSilence);
    }
}
