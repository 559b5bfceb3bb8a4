package dev.millrace.periodic;

import dev.millrace.connection.DatabaseUnavailableException;
import dev.millrace.connection.FaultClass;
import dev.millrace.connection.Faults;
import dev.millrace.connection.SqlFunction;
import dev.millrace.connection.Supervisor;
import dev.millrace.job.ArgsCodec;
import java.sql.SQLException;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * The periodic jobs that the database keeps: looked at and changed while workers run, which take notice within five seconds. Safe for use
 * by many threads.
 *
 * <p>All methods throw {@link PeriodicException} if the database refuses, and {@link DatabaseUnavailableException} if it can't be
 * reached. All but {@link #runNow} may be repeated without harm.
 */
public final class PeriodicJobs {

    private final Supervisor supervisor;
    private final PeriodicStatements statements;
    private final ArgsCodec codec;

    public PeriodicJobs(Supervisor supervisor, ArgsCodec codec) {
        this.supervisor = supervisor;
        this.statements = new PeriodicStatements(supervisor.database().schema());
        this.codec = codec;
    }

    /** All of them, by name. */
    public List<PeriodicEntry> list() {
        return run("list periodic jobs", connection -> statements.list(connection, null));
    }

    /** The one of this name. */
    public Optional<PeriodicEntry> find(String name) {
        return run(what("look for", name), connection -> statements.list(connection, name)).stream()
                .findFirst();
    }

    /**
     * Adds it, or replaces the definition of that name; whether it is enabled stays as it is. With a new schedule, its ticks count
     * from now; with the same, none is lost.
     *
     * @throws IllegalArgumentException if its schedule is neither cron nor interval: only workers that have its code could run it,
     *     so it is given to them, by {@code Worker.Builder.periodic}
     * @throws PeriodicException also if a program defines it: it would be changed back at the next start of a worker
     */
    public PeriodicStatements.Added add(PeriodicJob job) {
        if (job.isCustom()) {
            throw new IllegalArgumentException(
                    "Periodic job '" + job.name()
                            + "' has a schedule of your own, which can't be kept in the database: give it to Worker.Builder.periodic");
        }
        return run(what("add", job.name()), connection -> statements.add(connection, job, codec, false));
    }

    /** Takes it away for good; jobs that it has enqueued stay. One that a program defines comes back at the next start of a worker. */
    public boolean remove(String name) {
        return run(what("remove", name), connection -> statements.change(connection, "remove_periodic", name));
    }

    /**
     * Lets it run again. Ticks that passed while it was disabled are left out.
     *
     * @return false if there is none of that name
     */
    public boolean enable(String name) {
        return run(what("enable", name), connection -> statements.change(connection, "enable_periodic", name));
    }

    /**
     * Stops it until it is enabled again, also across restarts of the workers. A tick that is enqueued already runs.
     *
     * @return false if there is none of that name
     */
    public boolean disable(String name) {
        return run(what("disable", name), connection -> statements.change(connection, "disable_periodic", name));
    }

    /**
     * Enqueues one of its jobs now, also if it is disabled. It is no tick: the schedule goes on as if nothing had been.
     *
     * @return the id of the job
     * @throws PeriodicException also if there is none of that name
     */
    public long runNow(String name) {
        return run(what("run", name), connection -> statements.run(connection, name))
                .orElseThrow(() -> new PeriodicException("There is no periodic job '" + name + "'", null));
    }

    /**
     * The next ticks of a schedule by the database's clock, for people to look at.
     *
     * @throws IllegalArgumentException for a count outside 0 to 1,000
     */
    public List<Instant> upcoming(Schedule schedule, int count) {
        return schedule.upcoming(run("ask for the time", statements::now), count);
    }

    private static String what(String verb, String name) {
        return verb + " periodic job '" + name + "'";
    }

    private <T> T run(String what, SqlFunction<T> operation) {
        try {
            return supervisor.work(operation);
        } catch (SQLException failure) {
            FaultClass fault = Faults.classify(failure, Faults.Phase.USE);
            String message = "Could not " + what + ": " + Faults.brief(failure);
            if (fault.losesConnection() || fault == FaultClass.OVERLOAD) {
                // The statement may have been committed; all of these but runNow can be repeated.
                throw DatabaseUnavailableException.during(supervisor, message, failure, true);
            }
            throw new PeriodicException(message, failure);
        }
    }
}
