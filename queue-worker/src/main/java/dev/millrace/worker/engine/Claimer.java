package dev.millrace.worker.engine;

import dev.millrace.connection.FaultClass;
import dev.millrace.connection.Faults;
import dev.millrace.connection.Plans;
import dev.millrace.connection.SupervisedLoop;
import dev.millrace.connection.Supervisor;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Claims for one queue: as many jobs as there are free slots, and for short jobs a prefetch of what the slots get through in the
 * time of a claim or two. Claims again at once after a full batch; after a short one waits for a wake-up or the poll interval. A
 * large claim from a deep backlog is made in two halves side by side, since one connection is slower than a processor or two.
 */
final class Claimer {

    private static final Logger LOG = LoggerFactory.getLogger(Claimer.class);

    private static final int MAX_PREFETCH = 4_000;
    /** Of arguments like those of the last claim: large ones are not gathered by the thousand. */
    private static final int MAX_PREFETCH_CHARS = 4 << 20;
    /**
     * What is prefetched would run within this time, so it does not wait here while another worker idles; or within two claims of a
     * database that is slower than that: then nobody idles, and larger claims are what makes it faster.
     */
    private static final double PREFETCH_SECONDS = 0.02;

    private static final double MOST_PREFETCH_SECONDS = 0.2;

    /** Claims of so many are made in two halves. A smaller half would be mostly round trip, and more claims get in each other's way. */
    private static final int HALVED_FROM = 1_000;

    private static final Duration HALVING_IDLE = Duration.ofSeconds(10);

    /** Claims in a row that brought nothing, from which on the next one keeps a distance: others are quicker to what is told. */
    private static final int EMPTY_CLAIMS = 3;

    private static final long EMPTY_GAP_NANOS = Duration.ofMillis(5).toNanos();
    /** Often enough that a wait for the database, which excuses, is seen before it counts. */
    private static final Duration STUCK_LOOK = Slots.STUCK.dividedBy(2);

    /** Between the first two comparisons of leases after a lost claim, and from when on there is no further one. */
    private static final Duration FIRST_SUSPICION = Duration.ofSeconds(5);

    private static final Duration LAST_SUSPICION = Duration.ofMinutes(10);

    private final String queue;
    private final QueueOptions options;
    private final Supervisor supervisor;
    private final JobTable table;
    private final Leases leases;
    private final String workerId;
    private final String[] kinds;
    private final Duration pollInterval;
    private final Function<LeasedJob, Execution> executions;
    private final Consumer<List<Execution>> giveBack;
    private final BooleanSupplier outcomesWait;
    private final Floors floors = new Floors();
    private final Slots slots;
    private final SupervisedLoop loop;
    /** Makes the other half of a claim, while the claimer makes the first. */
    private final ThreadPoolExecutor beside;

    /** The answer of a claim may have been lost since this was last set to false. */
    private volatile boolean reconcile;
    /** How long until the next comparison: what was sent on a lost connection may yet be committed. Zero for none. */
    private Duration suspicion = Duration.ZERO;

    private long comparedNanos;
    private volatile int size;

    /** Jobs that are to be claimed from the lowest lane first, for its share. */
    private double owedToLowest;

    /** Mean size of arguments; up at once, down by halves. */
    private double argsChars;

    private double claimSeconds;
    private double donePerSecond;
    private long doneBefore;
    private long measuredNanos = System.nanoTime();
    private int emptyClaims;
    private long endedNanos;
    /** Whether the last claim may have left more. */
    private boolean more;
    /** Where the next claim begins, if the last has left more of the one priority that it met; else 0. */
    private long deepFrom;

    private int deepPriority;
    /** Run orders from one job to the next. */
    private double spacing;
    /** The last claim left nothing to claim: then a freed slot is no reason for another one before the poll. */
    private boolean drained;

    private long pollNanos;
    /** There may be something new since the last claim began. */
    private volatile boolean told;

    Claimer(
            String queue,
            int size,
            QueueOptions options,
            Supervisor supervisor,
            JobTable table,
            Leases leases,
            String workerId,
            String[] kinds,
            Duration pollInterval,
            Function<LeasedJob, Execution> executions,
            Runner runner,
            Consumer<List<Execution>> giveBack,
            BooleanSupplier outcomesWait) {
        this.queue = queue;
        this.size = size;
        this.options = options;
        this.giveBack = giveBack;
        this.outcomesWait = outcomesWait;
        this.supervisor = supervisor;
        this.table = table;
        this.leases = leases;
        this.workerId = workerId;
        this.kinds = kinds;
        this.pollInterval = pollInterval;
        this.executions = executions;
        this.loop = new SupervisedLoop(
                "claimer-" + queue + "-" + supervisor.database().instance(), supervisor, this::step);
        this.beside = new ThreadPoolExecutor(
                1, 1, HALVING_IDLE.toMillis(), TimeUnit.MILLISECONDS, new LinkedBlockingQueue<>(1), runnable -> {
                    Thread thread = new Thread(
                            runnable,
                            "millrace-claimer-beside-" + queue + "-"
                                    + supervisor.database().instance());
                    thread.setDaemon(true);
                    return thread;
                });
        this.beside.allowCoreThreadTimeOut(true);
        this.slots = new Slots(queue, size, runner::run, loop::wake);
    }

    void start() {
        loop.start();
    }

    Slots slots() {
        return slots;
    }

    String queue() {
        return queue;
    }

    /** Sets how many jobs run at once, from the next claim on: none is under way then whose jobs would be too many. */
    void resize(int newSize) {
        if (size != newSize) {
            size = newSize;
            loop.wake();
        }
    }

    /** There may be something to claim. */
    void wake() {
        told = true;
        loop.wake();
    }

    /** The answer of a claim may have been lost: compare with the database before the next claim. */
    void reconcile() {
        reconcile = true;
        loop.wake();
    }

    /** No claim begins after this; one that is under way still ends. */
    void stop() {
        loop.stop();
    }

    boolean join(Duration limit) {
        boolean ended = loop.join(limit);
        // What is under way still ends.
        beside.shutdown();
        return ended;
    }

    private Duration step() throws SQLException {
        if (reconcile) {
            suspicion = FIRST_SUSPICION;
            reconcileLeases();
        } else if (!suspicion.isZero() && System.nanoTime() - comparedNanos > suspicion.toNanos()) {
            suspicion = suspicion.compareTo(LAST_SUSPICION) < 0 ? suspicion.multipliedBy(2) : Duration.ZERO;
            reconcileLeases();
        }
        if (slots.size() != size) {
            LOG.info("Queue {} has {} slots now, after {}", queue, size, slots.size());
            giveBack.accept(slots.resize(size));
        }
        int demand = slots.demand(prefetch());
        if (demand == 0) {
            giveBack.accept(slots.takeStuck(outcomesWait.getAsBoolean()));
            return pollInterval.compareTo(STUCK_LOOK) < 0 ? pollInterval : STUCK_LOOK;
        }
        long began = System.nanoTime();
        boolean sweep = floors.sweepDue(began);
        if (!sweep && drained && !told && began - pollNanos < 0) {
            return Duration.ofNanos(pollNanos - began);
        }
        if (!sweep && emptyClaims >= EMPTY_CLAIMS && began - endedNanos < EMPTY_GAP_NANOS) {
            return Duration.ofNanos(EMPTY_GAP_NANOS - (began - endedNanos));
        }
        if (floors.markDue(began)) {
            floors.mark(supervisor.work(Plans.BY_INDEX, table::sequencePosition), began);
        }
        if (loop.isStopped()) {
            return Duration.ZERO;
        }
        Floors.Range range = sweep ? floors.sweep() : floors.floored();
        drained = false;
        // Before the claim, which may not see what is told while it is under way. A window is not where news would be.
        if (!range.isBounded()) {
            told = false;
        }
        int claimed = claimAndOffer(demand, range);
        endedNanos = System.nanoTime();
        emptyClaims = claimed == 0 ? emptyClaims + 1 : 0;
        // A floored claim that came back short says nothing about what lies below its floor, and a window about what is
        // above.
        if (more || range.isBounded() || floors.sweepDue(endedNanos)) {
            return Duration.ZERO;
        }
        drained = true;
        Duration wait = jittered(pollInterval);
        pollNanos = endedNanos + wait.toNanos();
        return wait;
    }

    /**
     * What is owed to the lowest lane is claimed first, and counts as paid also where others had to be taken for it. Returns how many
     * jobs were claimed.
     */
    private int claimAndOffer(int demand, Floors.Range range) throws SQLException {
        // Its share of this claim included: claims are large where jobs are short, and the next one may be a while
        // away.
        int lowest = (int) Math.min(demand, owedToLowest + options.lowestShare() * demand);
        List<LeasedJob> first = lowest == 0 ? List.of() : claim(lowest, range.fromLowest());
        owedToLowest -= lowest;
        List<LeasedJob> rest = List.of();
        try {
            if (first.size() == lowest && lowest < demand) {
                rest = claim(demand - lowest, range);
            }
        } finally {
            offer(spread(first, rest));
        }
        int claimed = first.size() + rest.size();
        owedToLowest += options.lowestShare() * claimed;
        return claimed;
    }

    /** The first ones evenly among the rest, since a batch is to be no lump of either; within a priority nobody is overtaken. */
    private static List<LeasedJob> spread(List<LeasedJob> first, List<LeasedJob> rest) {
        if (first.isEmpty() || rest.isEmpty()) {
            return first.isEmpty() ? rest : first;
        }
        int all = first.size() + rest.size();
        List<LeasedJob> places = new ArrayList<>(all);
        int taken = 0;
        for (int i = 0; i < all; i++) {
            boolean due = taken < first.size() && (long) taken * all <= (long) i * first.size();
            places.add(due ? first.get(taken++) : rest.get(i - taken));
        }
        Map<Integer, Iterator<LeasedJob>> lanes = new HashMap<>();
        places.stream()
                .collect(Collectors.groupingBy(LeasedJob::priority))
                .forEach((priority, lane) -> lanes.put(
                        priority,
                        lane.stream()
                                .sorted(Comparator.comparingLong(LeasedJob::token))
                                .iterator()));
        return places.stream()
                .map(place -> lanes.getOrDefault(place.priority(), Collections.emptyIterator())
                        .next())
                .toList();
    }

    /**
     * What a claim has brought.
     *
     * @param jobs in the order in which they are run
     * @param atFloor those below which nothing was left where the claim began
     */
    private record Claimed(List<LeasedJob> jobs, List<LeasedJob> atFloor) {}

    private List<LeasedJob> claim(int demand, Floors.Range range) throws SQLException {
        long began = System.nanoTime();
        more = false;
        try {
            Claimed claimed = isHalved(demand, range) ? askTwice(demand, range) : askOnce(demand, range);
            long ended = System.nanoTime();
            // A stall of a moment is no slow database.
            double seconds = Math.min(MOST_PREFETCH_SECONDS / 2, (ended - began) / 1e9);
            claimSeconds += (seconds - claimSeconds) / 4;
            floors.claimed(range, claimed.atFloor(), more, began, ended);
            return claimed.jobs();
        } catch (SQLException failure) {
            reconcile = true;
            if (Faults.classify(failure, Faults.Phase.USE) == FaultClass.TIMED_OUT) {
                floors.timedOut(range, System.nanoTime());
            }
            throw failure;
        } catch (RuntimeException | Error failure) {
            reconcile = true;
            throw failure;
        }
    }

    /** Not for a single slot, where jobs are expected in their order: a half may be larger than it seemed. */
    private boolean isHalved(int demand, Floors.Range range) {
        return deepFrom != 0
                && size > 1
                && demand >= HALVED_FROM
                && options.lowestShare() == 0
                && !range.sweep()
                && !range.isBounded();
    }

    private List<LeasedJob> ask(int demand, Floors.Range range) throws SQLException {
        return supervisor.work(
                Plans.BY_INDEX,
                connection -> table.claim(
                        connection, queue, connection.createArrayOf("text", kinds), demand, range, workerId));
    }

    private Claimed askOnce(int demand, Floors.Range range) throws SQLException {
        List<LeasedJob> claimed = ask(demand, range);
        more = claimed.size() == demand;
        lookAhead(claimed, more ? demand : 0, 0);
        return new Claimed(claimed, claimed);
    }

    /**
     * One half from where it would be claimed anyway, the other from where that is expected to end: so in the priority that the backlog
     * has neither meets what the other has locked. Both look for higher priorities everywhere, and lower ones are left alone, since the
     * other half may have left some of these. When this returns or throws no claim is under way, which takes no longer than a wait
     * for a connection and an operation may; if one half has failed, what the other got is offered first.
     */
    private Claimed askTwice(int demand, Floors.Range range) throws SQLException {
        int lower = demand / 2;
        int upper = demand - lower;
        long middle = deepFrom + Math.max(1, Math.round(lower * spacing));
        CompletableFuture<List<LeasedJob>> other = new CompletableFuture<>();
        beside.execute(() -> {
            try {
                other.complete(ask(upper, range.from(middle, deepPriority)));
            } catch (SQLException | RuntimeException | Error failure) {
                other.completeExceptionally(failure);
            }
        });
        List<LeasedJob> claimed = new ArrayList<>(demand);
        Throwable failure = null;
        try {
            claimed.addAll(ask(lower, range.below(middle, deepPriority)));
        } catch (SQLException | RuntimeException | Error ours) {
            failure = ours;
        }
        int first = claimed.size();
        try {
            claimed.addAll(other.join());
        } catch (CompletionException others) {
            if (failure == null) {
                failure = others.getCause();
            } else {
                failure.addSuppressed(others.getCause());
            }
        }
        if (failure != null) {
            deepFrom = 0;
            claimed.sort(JobTable.IN_ORDER);
            offer(claimed);
            throw rethrown(failure);
        }
        boolean lowerFull = first == lower;
        boolean upperFull = claimed.size() - first == upper;
        List<LeasedJob> atFloor = List.copyOf(lowerFull ? claimed.subList(0, first) : claimed);
        // Lower priorities have not been looked at: the next claim does, in one piece where these halves were not full.
        more = true;
        if (lowerFull) {
            lookAhead(
                    claimed, first, upperFull ? claimed.get(claimed.size() - 1).token() - middle : 0);
        } else {
            lookAhead(claimed, upperFull ? claimed.size() : 0, 0);
        }
        claimed.sort(JobTable.IN_ORDER);
        return new Claimed(claimed, atFloor);
    }

    private static SQLException rethrown(Throwable failure) {
        if (failure instanceof RuntimeException unchecked) {
            throw unchecked;
        }
        if (failure instanceof Error error) {
            throw error;
        }
        return failure instanceof SQLException sql ? sql : new SQLException(failure);
    }

    /**
     * Takes note of where the next claim begins, if there are some jobs to go by and all are of one priority.
     *
     * @param first behind so many of these
     * @param beyond run orders further on that are claimed already
     */
    private void lookAhead(List<LeasedJob> claimed, int first, long beyond) {
        deepFrom = 0;
        if (first > 0) {
            int priority = claimed.get(0).priority();
            LeasedJob end = claimed.get(first - 1);
            if (claimed.stream().allMatch(job -> job.priority() == priority)) {
                deepFrom = end.token() + beyond;
                deepPriority = priority;
                // By the later ones: the first may be stragglers from far below.
                int later = first / 2;
                spacing = (end.token() - claimed.get(later).token() + 1.0) / (first - later);
            }
        }
    }

    private void offer(List<LeasedJob> claimed) {
        List<Execution> offered = new ArrayList<>(claimed.size());
        long chars = 0;
        for (LeasedJob job : claimed) {
            chars += job.args().length();
            Execution execution = executions.apply(job);
            leases.add(execution);
            offered.add(execution);
        }
        if (!claimed.isEmpty()) {
            double mean = chars / (double) claimed.size();
            argsChars = Math.max(mean, (argsChars + mean) / 2);
        }
        if (!slots.offer(offered)) {
            giveBack.accept(offered);
        }
    }

    /**
     * Releases what the database says is leased to us and we know nothing of. This thread is the only one that claims for the
     * queue, so no claim is under way here; but one whose connection was lost may be committed later, when a disk or a standby
     * answers again: so it is done again, at growing intervals. A job that ends meanwhile is protected by the fence.
     */
    private void reconcileLeases() throws SQLException {
        reconcile = false;
        Map<Long, Long> known;
        try {
            known = supervisor.work(connection -> table.leasesOf(connection, workerId, queue));
        } catch (SQLException | RuntimeException failure) {
            reconcile = true;
            throw failure;
        }
        known.keySet().removeIf(leases::holds);
        if (!known.isEmpty()) {
            long[] tokens = known.keySet().stream().mapToLong(Long::longValue).toArray();
            long[] ids = known.values().stream().mapToLong(Long::longValue).toArray();
            int released = supervisor
                    .work(connection -> table.release(connection, ids, tokens, new HashSet<>()))
                    .size();
            LOG.info("Released {} jobs of queue {} whose claim was never answered", released, queue);
        }
        comparedNanos = System.nanoTime();
    }

    /** By short jobs that have ended, since that a job was begun says nothing about how long it takes. */
    private int prefetch() {
        long now = System.nanoTime();
        double seconds = (now - measuredNanos) / 1e9;
        if (seconds > 0.001) {
            long done = slots.shortDone();
            double rate = (done - doneBefore) / seconds;
            donePerSecond += (rate - donePerSecond) * Math.min(1, seconds / 0.01);
            doneBefore = done;
            measuredNanos = now;
        }
        return (int) Math.min(
                Math.min(MAX_PREFETCH, MAX_PREFETCH_CHARS / Math.max(1, argsChars)),
                donePerSecond * Math.min(MOST_PREFETCH_SECONDS, Math.max(PREFETCH_SECONDS, 2 * claimSeconds)));
    }

    /** So that many workers do not poll in step. */
    private static Duration jittered(Duration interval) {
        return Duration.ofNanos(
                (long) (interval.toNanos() * ThreadLocalRandom.current().nextDouble(0.9, 1.1)));
    }
}
