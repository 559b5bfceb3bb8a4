package dev.millrace.connection;

import dev.millrace.migrations.SchemaException;
import dev.millrace.worker.engine.LeaseClock;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * One simulated life of a process beside its database, single-threaded and repeatable by its seed: the real state machine, pacing,
 * pool growth and lease clock, on a clock that jumps and a server that fails in every way it can think of. Time passes in ticks of
 * 100 ms, also while an attempt to connect hangs, so what runs beside it in reality runs beside it here.
 */
final class Simulation implements Machine.World {

    /** What the server does for a while. */
    private enum Weather {
        FAIR,
        REFUSED,
        SILENT,
        STARTING,
        FULL,
        WRONG_PASSWORD,
        READ_ONLY,
        NO_SCHEMA,
        BLACK_HOLE,
        SLOW
    }

    private static final long TICK = Duration.ofMillis(100).toNanos();
    private static final Duration FAULTS = Duration.ofMinutes(6);
    private static final Duration CALM = Duration.ofSeconds(120);
    private static final Duration LEASE = Duration.ofSeconds(30);
    private static final int POOL = 4;

    /** The one job there is, as the database has it. */
    private static final class Row {
        private long token;
        private boolean ours;
        private long othersDoneNanos;
    }

    private final SplittableRandom random;
    private final ConnectionMetrics metrics = new ConnectionMetrics();
    private final Standing standing;
    private final Machine machine;
    private final Growth growth;
    private final LeaseClock lease;
    private final Row row = new Row();
    private final Map<Long, Integer> accepted = new HashMap<>();
    private final Deque<Long> attempts = new ArrayDeque<>();
    private final List<Link> live = new ArrayList<>();
    private final List<Link> old = new ArrayList<>();
    private final Timeouts timeouts = Timeouts.DEFAULT;

    private long now;
    private Weather weather = Weather.FAIR;
    private long weatherEnds;
    private long heartbeatDue;
    private boolean suspected;

    private long leaseEndsOnServer;
    private boolean registered;
    private long heldToken;
    private long runsUntil;
    private boolean running;
    private boolean finished;
    private long nextToken = 1;

    private long recoveredNanos = -1;
    private long lastClassCap;
    private boolean downAtEnd;
    private int stale;
    private int lateRejected;

    Simulation(long seed) {
        this.random = new SplittableRandom(seed);
        this.now = random.nextLong();
        Database database = Database.of("jdbc:postgresql://sim/sim").withPoolSize(POOL);
        this.standing = new Standing(database, metrics, () -> now);
        this.machine = new Machine(database, this, standing, metrics, event -> {}, () -> now, random.split());
        this.growth = new Growth(POOL, random.split(), () -> now);
        this.lease = new LeaseClock(LEASE, now);
        this.weatherEnds = now;
        this.heartbeatDue = now;
        claimByOthers();
    }

    /** Runs it; throws an AssertionError that names what was violated. */
    void run() {
        long faultsEnd = now + FAULTS.toNanos();
        long end = faultsEnd + CALM.toNanos();
        long nextStep = now;
        while (now - end < 0) {
            if (now - faultsEnd >= 0 && weather != Weather.FAIR) {
                downAtEnd = !standing.isUsable();
                change(Weather.FAIR, end);
            } else if (now - faultsEnd < 0 && now - weatherEnds >= 0) {
                Weather[] all = Weather.values();
                change(
                        all[random.nextInt(all.length)],
                        now + random.nextLong(Duration.ofSeconds(40).toNanos()));
            }
            if (now - nextStep >= 0 || suspected) {
                suspected = false;
                nextStep = now + machine.step().toNanos();
                long controls = live.stream()
                        .filter(link -> link.role() == Link.Role.CONTROL)
                        .count();
                require(controls <= (standing.isUsable() ? 1 : 0), controls + " control links, " + standing.state());
                if (now - faultsEnd < 0) {
                    recoveredNanos = -1;
                }
            }
            if (standing.isUsable()) {
                if (recoveredNanos < 0 && now - faultsEnd >= 0) {
                    recoveredNanos = now - faultsEnd;
                }
                use();
            }
            gossip();
            advance(TICK);
        }
        require(standing.state() == State.UP, "not up long after the faults: " + standing.state());
        require(
                recoveredNanos >= 0
                        && recoveredNanos
                                <= lastClassCap
                                        + timeouts.connect().toNanos()
                                        + Duration.ofSeconds(14).toNanos(),
                "up only " + Duration.ofNanos(recoveredNanos) + " after the faults");
        require(accepted.values().stream().allMatch(count -> count == 1), "a lease with two accepted completions");
        require(metrics.count(ConnectionMetrics.Counter.STALE_EPOCH_EVENTS) == stale, "stale events");
        require(metrics.count(ConnectionMetrics.Counter.SPIN_GUARD_TRIPS) == 0, "the spin guard had to help");
    }

    /** So that a test can tell that the simulation met what it is for. */
    int staleEvents() {
        return stale;
    }

    int lateRejected() {
        return lateRejected;
    }

    int completions() {
        return accepted.size();
    }

    long epochs() {
        return standing.epoch();
    }

    long recoveredMillis() {
        return Duration.ofNanos(recoveredNanos).toMillis();
    }

    /** Whether it was down when the faults ended, for a reason that has the shortest of the caps. */
    boolean endedInANetworkFault() {
        return downAtEnd && lastClassCap == capOf(FaultClass.RECONNECT);
    }

    private void change(Weather next, long until) {
        weather = next;
        weatherEnds = until;
        if (next != Weather.FAIR && next != Weather.FULL && next != Weather.BLACK_HOLE && next != Weather.SLOW) {
            // Whatever it is, what was connected notices by itself.
            for (Link link : List.copyOf(live)) {
                reportFrom(link, new SQLException("gone", next == Weather.READ_ONLY ? "25006" : "57P01"));
            }
        }
    }

    private void reportFrom(Link link, SQLException failure) {
        boolean current = standing.isUsable() && link.epoch() == standing.epoch();
        if (!failure.getSQLState().equals("25006") || random.nextBoolean()) {
            link.kill("reported");
        }
        if (!current) {
            stale++;
        }
        standing.suspect(link, Faults.classify(failure, Faults.Phase.USE), failure);
        suspected |= current;
    }

    /** Reports of links that are long gone. */
    private void gossip() {
        if (!old.isEmpty() && random.nextInt(20) == 0) {
            Link link = old.get(random.nextInt(old.size()));
            if (link.epoch() != standing.epoch() || !standing.isUsable()) {
                State before = standing.state();
                Link control = standing.control();
                long epoch = standing.epoch();
                reportFrom(link, new SQLException("late news", "08006"));
                require(
                        standing.state() == before && standing.control() == control && standing.epoch() == epoch,
                        "news of an old epoch changed the state");
            }
        }
    }

    /** What the parts of a worker do while the database is usable. */
    private void use() {
        if (live.size() <= POOL && growth.take().isZero()) {
            if (weather == Weather.FULL) {
                growth.failed(FaultClass.OVERLOAD, true);
            } else if (weather == Weather.FAIR && live.size() - 1 < growth.target()) {
                link(Link.Role.WORK, standing.epoch());
                growth.opened();
            }
        }
        if (now - heartbeatDue >= 0) {
            heartbeat();
        }
        if (weather != Weather.FAIR) {
            return;
        }
        if (finished) {
            complete();
        } else if (!running && registered && !row.ours && now - leaseEndsOnServer < 0) {
            claim();
        }
    }

    private void heartbeat() {
        heartbeatDue = now + LEASE.toNanos() / 4;
        long sent = now;
        boolean arrives = weather == Weather.FAIR || weather == Weather.FULL || weather == Weather.SLOW;
        if (weather == Weather.SLOW) {
            advance(random.nextLong(Duration.ofSeconds(3).toNanos()));
        }
        if (arrives && now - weatherEnds < 0) {
            registered = true;
            leaseEndsOnServer = now + LEASE.toNanos();
            if (random.nextInt(10) != 0) {
                lease.renewed(sent);
            }
        }
    }

    private void claim() {
        row.token = nextToken++;
        row.ours = true;
        if (random.nextInt(10) == 0) {
            // The answer is lost: reconciling releases it, here at once.
            row.ours = false;
            return;
        }
        heldToken = row.token;
        running = true;
        runsUntil = now + random.nextLong(Duration.ofSeconds(60).toNanos());
    }

    /** The fence: accepted only where the token is still that of the row. */
    private void complete() {
        finished = false;
        boolean answerLost = random.nextInt(5) == 0;
        for (int tries = answerLost ? 2 : 1; tries > 0; tries--) {
            if (row.ours && row.token == heldToken) {
                accepted.merge(heldToken, 1, Integer::sum);
                row.ours = false;
            } else if (!answerLost) {
                lateRejected++;
            }
        }
        claimByOthers();
    }

    private void claimByOthers() {
        row.othersDoneNanos = now + random.nextLong(Duration.ofSeconds(20).toNanos());
    }

    /** What goes on beside the supervisor's thread, whatever it waits for. */
    private void advance(long nanos) {
        for (long left = nanos; left > 0; left -= TICK) {
            now += Math.min(left, TICK);
            if (running && lease.nanosOver(now) >= 0) {
                running = false;
                finished = random.nextBoolean();
            }
            if (running && now - runsUntil >= 0) {
                running = false;
                finished = true;
            }
            require(
                    !running || now - leaseEndsOnServer < 0,
                    "a job runs " + Duration.ofNanos(now - leaseEndsOnServer) + " after its lease has ended");
            boolean rescued = row.ours && now - leaseEndsOnServer > TICK;
            if (rescued) {
                row.ours = false;
                row.token = nextToken++;
                claimByOthers();
            }
            require(live.size() <= POOL + 2, live.size() + " connections");
        }
    }

    private Link link(Link.Role role, long epoch) {
        Link link = new Link("sim", role, epoch, metrics, ended -> {
            live.remove(ended);
            old.add(ended);
            if (old.size() > 50) {
                old.remove(0);
            }
        });
        live.add(link);
        return link;
    }

    @Override
    public Link open(long epoch) throws SQLException {
        attempts.addLast(now);
        while (now - attempts.getFirst() > Duration.ofMinutes(1).toNanos()) {
            attempts.removeFirst();
        }
        require(attempts.size() <= 30, attempts.size() + " attempts to connect within a minute");
        long recent = attempts.stream()
                .filter(at -> now - at <= Duration.ofSeconds(15).toNanos())
                .count();
        require(recent <= 15, recent + " attempts to connect within 15 seconds");
        switch (weather) {
            case REFUSED -> throw failing("08001", FaultClass.RECONNECT);
            case SILENT, BLACK_HOLE -> {
                advance(timeouts.connect().toNanos());
                throw failing("08001", FaultClass.RECONNECT);
            }
            case STARTING -> throw failing("57P03", FaultClass.STARTUP);
            case FULL -> throw failing("53300", FaultClass.OVERLOAD);
            case WRONG_PASSWORD -> throw failing("28P01", FaultClass.CONFIGURATION);
            case SLOW -> advance(random.nextLong(timeouts.connect().toNanos()));
            case FAIR, READ_ONLY, NO_SCHEMA -> advance(random.nextLong(TICK));
        }
        return link(Link.Role.CONTROL, epoch);
    }

    private SQLException failing(String state, FaultClass fault) {
        lastClassCap = capOf(fault);
        return new SQLException("simulated", state);
    }

    private static long capOf(FaultClass fault) {
        return Duration.ofSeconds(
                        switch (fault) {
                            case CONFIGURATION, SCHEMA -> 60;
                            case OVERLOAD -> 30;
                            default -> 10;
                        })
                .toNanos();
    }

    @Override
    public void validate(Link link) throws SQLException {
        if (weather == Weather.READ_ONLY) {
            throw failing("25006", FaultClass.FAILOVER);
        }
        if (weather == Weather.NO_SCHEMA) {
            lastClassCap = capOf(FaultClass.SCHEMA);
            throw new SchemaException("simulated", null);
        }
        probe(link);
    }

    @Override
    public void probe(Link link) throws SQLException {
        if (weather == Weather.BLACK_HOLE || weather == Weather.SILENT) {
            advance(timeouts.probe().toNanos());
            throw failing("08006", FaultClass.RECONNECT);
        }
        if (weather == Weather.READ_ONLY) {
            throw failing("25006", FaultClass.FAILOVER);
        }
        if (link.isDead() || weather != Weather.FAIR && weather != Weather.FULL && weather != Weather.SLOW) {
            throw failing("08006", FaultClass.RECONNECT);
        }
    }

    @Override
    public void usable(Link link) {
        heartbeatDue = now;
    }

    @Override
    public void dropAll(String reason) {
        List.copyOf(live).forEach(each -> each.kill(reason));
    }

    @Override
    public void retire() {
        for (Link each : List.copyOf(live)) {
            if (each.role() == Link.Role.WORK) {
                each.kill("retired");
            }
        }
    }

    private static void require(boolean holds, String violated) {
        if (!holds) {
            throw new AssertionError(violated);
        }
    }
}
