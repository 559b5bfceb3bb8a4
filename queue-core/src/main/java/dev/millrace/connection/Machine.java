package dev.millrace.connection;

import dev.millrace.migrations.SchemaException;
import java.sql.SQLException;
import java.time.Duration;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * What the supervisor decides, one step at a time: connect, validate, probe, give up an epoch, and how long to wait until the next
 * step. It has no thread, no clock and no socket of its own, so that a simulation can run it through years of faults in a second.
 * One owner calls {@link #step}.
 */
final class Machine {

    /** What the decisions act on. */
    interface World {
        /** Opens the control link; bounded in time. */
        Link open(long epoch) throws SQLException;

        /** Looks whether the server at the link can be used. */
        void validate(Link link) throws SQLException;

        /** Looks whether the server at the link still answers and may be written to; bounded in time. */
        void probe(Link link) throws SQLException;

        /** The database has become usable. */
        void usable(Link link);

        /** Ends all links at once. */
        void dropAll(String reason);

        /** Lets the work lane's idle connections go, and its busy ones when they come back. */
        void retire();
    }

    private static final int GOOD_PROBES = 2;

    private final World world;
    private final Standing standing;
    private final Outage outage;
    private final TokenBucket attempts;
    private final Backoff backoff;
    private final SpinGuard guard;
    private final Timeouts timeouts;
    private final ConnectionMetrics metrics;
    private final Consumer<ConnectionEvent> events;
    private final LongSupplier nanoTime;
    private final RandomGenerator random;
    private long upSinceNanos;
    private int goodProbes;
    private boolean suspended;

    Machine(
            Database database,
            World world,
            Standing standing,
            ConnectionMetrics metrics,
            Consumer<ConnectionEvent> events,
            LongSupplier nanoTime,
            RandomGenerator random) {
        this.world = world;
        this.standing = standing;
        this.outage = new Outage(database, metrics, nanoTime);
        this.attempts = new TokenBucket(10, 20, nanoTime);
        this.backoff = new Backoff(random);
        this.guard = new SpinGuard(40, Duration.ofSeconds(2), Duration.ofSeconds(1), nanoTime);
        this.timeouts = database.timeouts();
        this.metrics = metrics;
        this.events = events;
        this.nanoTime = nanoTime;
        this.random = random;
    }

    /** The bucket that every connect outside the work lane takes from. */
    TokenBucket attempts() {
        return attempts;
    }

    /** Does what is due; returns how long to wait for the next step, unless something is reported. */
    Duration step() {
        Duration pause = guard.round();
        if (!pause.isZero()) {
            metrics.add(ConnectionMetrics.Counter.SPIN_GUARD_TRIPS);
            // Or the wait would end at once; the next step looks at the link in any case.
            standing.takeSuspicion();
            return pause;
        }
        Link current = standing.control();
        return current == null ? connect() : probe(current);
    }

    /** A mistake of ours must not end the supervision, nor make it spin. */
    Duration unexpected() {
        return backoff.next(FaultClass.CONFIGURATION);
    }

    /** One attempt, if the bucket allows it. */
    private Duration connect() {
        Duration pace = attempts.take();
        if (!pace.isZero()) {
            return pace;
        }
        outage.attempt();
        long epoch = standing.begin();
        Link link = null;
        try {
            link = world.open(epoch);
            standing.validating();
            world.validate(link);
            up(link);
            return timeouts.probeInterval();
        } catch (SQLException failure) {
            return failed(link, failure, Faults.classify(failure, Faults.Phase.CONNECT));
        } catch (SchemaException failure) {
            return failed(link, failure, FaultClass.SCHEMA);
        } catch (RuntimeException | Error bug) {
            if (link != null) {
                link.kill("an unexpected error");
            }
            throw bug;
        }
    }

    private void up(Link link) {
        upSinceNanos = nanoTime.getAsLong();
        goodProbes = 0;
        suspended = false;
        // What was opened while the epoch before came to its end.
        world.retire();
        standing.up(link);
        if (!standing.isUsable()) {
            link.kill("closed meanwhile");
            return;
        }
        events.accept(new ConnectionEvent.LinkUp(link.epoch(), outage.ended()));
        world.usable(link);
    }

    private Duration failed(@Nullable Link link, Throwable failure, FaultClass fault) {
        if (link != null) {
            link.kill(Faults.brief(failure));
        }
        world.dropAll("the database is not reachable");
        Duration retry = backoff.next(fault);
        standing.failed(fault, failure, retry);
        outage.failed(fault, failure);
        boolean suspends = fault == FaultClass.CONFIGURATION || fault == FaultClass.SCHEMA;
        if (suspends && !suspended) {
            events.accept(new ConnectionEvent.Suspended(fault, Faults.brief(failure)));
        }
        suspended = suspends;
        return retry;
    }

    private Duration probe(Link link) {
        FaultClass reported = standing.takeSuspicion();
        if (reported != FaultClass.FAILOVER && !link.isDead() && answers(link)) {
            goodProbes++;
            if (goodProbes >= GOOD_PROBES && nanoTime.getAsLong() - upSinceNanos > Timeouts.PROVEN_UPTIME.toNanos()) {
                backoff.reset();
            }
            return timeouts.probeInterval();
        }
        return lost(link);
    }

    private boolean answers(Link link) {
        try {
            world.probe(link);
            return true;
        } catch (SQLException failure) {
            standing.met(Faults.classify(failure, Faults.Phase.USE), failure);
            return false;
        }
    }

    /** The epoch is over. The first retry comes soon: most often one backend was ended and the server is well. */
    private Duration lost(Link link) {
        link.kill("lost");
        metrics.measure(ConnectionMetrics.Timer.DETECTION, Math.max(0, nanoTime.getAsLong() - link.aliveNanos()));
        Standing.Loss loss = standing.lost();
        outage.began(loss.fault(), loss.error(), standing.epoch());
        events.accept(new ConnectionEvent.LinkLost(standing.epoch(), loss.fault(), Faults.brief(loss.error())));
        if (loss.fault() == FaultClass.FAILOVER) {
            world.dropAll("the server is read-only");
        }
        world.retire();
        return Duration.ofMillis(random.nextLong(1, 250));
    }
}
