package dev.millrace.worker.engine;

import dev.millrace.connection.Faults;
import dev.millrace.connection.SupervisedLoop;
import dev.millrace.connection.Supervisor;
import dev.millrace.job.JobMeter.History;
import java.sql.SQLException;
import java.time.Duration;
import java.time.LocalDate;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps history for as long as the table {@code retention} asks, at least, while this worker leads. A day is dropped when all of it is
 * over but for few rows, which are moved aside; rows are deleted one by one where that can't be, or where they are kept for less than
 * a day. Each step is one short statement or transaction, and waits 19 times as long as it took: history costs 5 % of one connection
 * at most.
 */
final class Retention {

    private static final Logger LOG = LoggerFactory.getLogger(Retention.class);

    private static final Duration EVERY = Duration.ofMinutes(1);
    private static final Duration NOT_LEADING = Duration.ofMinutes(5);
    private static final Duration ANALYZE_EVERY = Duration.ofHours(6);
    private static final int REST_FACTOR = 19;
    private static final int DROP_TRIES = 3;
    private static final String LOCK_NOT_AVAILABLE = "55P03";

    /** A part of a pass; returns what follows it. */
    @FunctionalInterface
    private interface Step {
        @Nullable Step run() throws SQLException;
    }

    private final Supervisor supervisor;
    private final HistoryTable table;
    private final String workerId;
    private final Lead lead;
    private final JobEvents events;
    private final SupervisedLoop loop;

    private final Deque<Step> pass = new ArrayDeque<>();
    /** By table: the rules that were over when it was last looked through. */
    private final Map<String, Integer> lookedThrough = new HashMap<>();

    private final List<String> dropped = new ArrayList<>();
    private long moved;
    private long deleted;
    private long analyzedNanos;
    private boolean analyzed;
    private boolean underWay;
    /** However often it is woken. */
    private long notBeforeNanos = System.nanoTime();

    private volatile boolean settingsChanged;

    Retention(Supervisor supervisor, HistoryTable table, String workerId, Lead lead, JobEvents events) {
        this.supervisor = supervisor;
        this.table = table;
        this.workerId = workerId;
        this.lead = lead;
        this.events = events;
        this.loop = new SupervisedLoop("retention-" + supervisor.database().instance(), supervisor, this::step);
    }

    void start() {
        loop.start();
    }

    void wake() {
        loop.wake();
    }

    /** A pass that is under way goes on; the next one follows at once. */
    void settingsChanged() {
        settingsChanged = true;
        loop.wake();
    }

    void stop() {
        loop.stop();
    }

    boolean join(Duration limit) {
        return loop.join(limit);
    }

    private Duration step() throws SQLException {
        if (!lead.isHeld()) {
            pass.clear();
            underWay = false;
            return NOT_LEADING;
        }
        long began = System.nanoTime();
        if (began - notBeforeNanos < 0) {
            return Duration.ofNanos(notBeforeNanos - began);
        }
        if (!underWay) {
            if (settingsChanged) {
                settingsChanged = false;
                lookedThrough.clear();
            }
            begin();
        }
        Step next = pass.poll();
        if (next == null) {
            end();
            return settingsChanged ? Duration.ZERO : EVERY;
        }
        // A step that fails is left out of this pass: the next one begins with a fresh look.
        Step following = next.run();
        if (following != null) {
            pass.addFirst(following);
        }
        long rest = REST_FACTOR * (System.nanoTime() - began);
        notBeforeNanos = System.nanoTime() + rest;
        return Duration.ofNanos(rest);
    }

    private void begin() throws SQLException {
        HistoryTable.Outlook outlook = supervisor.work(table::look);
        underWay = true;
        outlook.missing().forEach(day -> pass.add(() -> createDay(day)));
        outlook.days().forEach(day -> {
            if (day.over()) {
                pass.add(() -> releaseKeys(day, List.of(), Long.MIN_VALUE));
            } else if (day.rulesOver() > lookedThrough.getOrDefault(day.table(), 0)) {
                pass.add(() -> findStragglers(day, new ArrayList<>(), 0));
            } else if (day.shortRules()) {
                pass.add(() -> deleteExpired(day, 0));
            }
        });
        pass.add(() -> deleteExpired(HistoryTable.Part.REST, 0));
        boolean newDays = !outlook.missing().isEmpty();
        if (!analyzed || newDays || System.nanoTime() - analyzedNanos > ANALYZE_EVERY.toNanos()) {
            // A worker that starts and leads finds what the one before it has done: it begins with the jobs.
            boolean first = !analyzed && !newDays;
            pass.add(() -> analyze(first));
        }
    }

    private void end() {
        underWay = false;
        if (!dropped.isEmpty() || deleted > 0) {
            LOG.info(
                    "History: dropped the days {} after moving {} rows that are kept longer, deleted {} rows",
                    dropped,
                    moved,
                    deleted);
        }
        dropped.clear();
        moved = 0;
        deleted = 0;
    }

    private @Nullable Step createDay(LocalDate day) throws SQLException {
        Boolean created = unlessLocked(
                "create the partition of " + day,
                () -> supervisor.transaction(connection -> table.createDay(connection, day)));
        if (Boolean.FALSE.equals(created)) {
            LOG.debug("History of {} stays in the default partition: it holds too many rows of that day to move", day);
        } else if (created != null) {
            events.history(History.DAYS_PREPARED, 1);
        }
        return null;
    }

    private @Nullable Step findStragglers(HistoryTable.Part day, List<Long> found, long page) throws SQLException {
        Optional<List<Long>> more = supervisor.work(connection -> table.stragglers(connection, day.table(), page));
        if (more.isEmpty()) {
            return () -> releaseKeys(day, found, Long.MIN_VALUE);
        }
        found.addAll(more.get());
        return found.size() > HistoryTable.MOST_MOVED
                ? () -> deleteExpired(day, 0)
                : () -> findStragglers(day, found, page + HistoryTable.PAGES);
    }

    private @Nullable Step releaseKeys(HistoryTable.Part day, List<Long> stragglers, long after) throws SQLException {
        OptionalLong last =
                supervisor.work(connection -> table.releaseKeys(connection, day.table(), stragglers, after));
        return last.isPresent()
                ? () -> releaseKeys(day, stragglers, last.getAsLong())
                : () -> dropDay(day, stragglers, DROP_TRIES);
    }

    /** Where somebody holds a lock, other steps come first, and this is tried again: at last by the next pass. */
    private @Nullable Step dropDay(HistoryTable.Part day, List<Long> stragglers, int triesLeft) throws SQLException {
        Boolean done = unlessLocked(
                "drop " + day.table(),
                () -> supervisor.transaction(
                        connection -> table.dropDay(connection, day.table(), stragglers, workerId, lead.term())));
        if (Boolean.TRUE.equals(done)) {
            dropped.add(day.table());
            moved += stragglers.size();
            events.history(History.DAYS_DROPPED, 1);
            events.history(History.ROWS_MOVED, stragglers.size());
            lookedThrough.remove(day.table());
        } else if (done == null && triesLeft > 1) {
            pass.addLast(() -> dropDay(day, stragglers, triesLeft - 1));
        }
        return null;
    }

    private @Nullable Step deleteExpired(HistoryTable.Part part, long page) throws SQLException {
        int gone = supervisor.work(connection -> table.deleteExpired(connection, part, page));
        if (gone < 0) {
            lookedThrough.put(part.table(), part.rulesOver());
            return null;
        }
        deleted += gone;
        events.history(History.ROWS_DELETED, gone);
        return () -> deleteExpired(part, page + HistoryTable.PAGES);
    }

    private @Nullable Step analyze(boolean unlessDone) {
        try {
            if (unlessDone && supervisor.work(connection -> table.analyzedWithin(connection, ANALYZE_EVERY))) {
                return null;
            }
            analyzed = true;
            analyzedNanos = System.nanoTime();
            supervisor.work(table::analyze);
        } catch (SQLException | RuntimeException nextTime) {
            LOG.debug("The job table could not be analysed: {}", Faults.brief(nextTime), nextTime);
        }
        return null;
    }

    @FunctionalInterface
    private interface Change {
        boolean run() throws SQLException;
    }

    /** Returns null where somebody holds a lock: the next pass tries again. */
    private static @Nullable Boolean unlessLocked(String what, Change change) throws SQLException {
        try {
            return change.run();
        } catch (SQLException failure) {
            if (!LOCK_NOT_AVAILABLE.equals(failure.getSQLState())) {
                throw failure;
            }
            LOG.debug("Could not {} while the history is in use: next time", what, failure);
            return null;
        }
    }
}
