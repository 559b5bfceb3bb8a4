package dev.millrace.periodic;

import dev.millrace.job.ArgsCodec;
import dev.millrace.job.EnqueueOptions;
import dev.millrace.job.JobType;
import dev.millrace.job.NewJob;
import java.util.Objects;
import java.util.function.Function;
import java.util.function.UnaryOperator;

/**
 * A job that is enqueued again and again: under a name, at the ticks of a schedule. Each tick is enqueued exactly once, whatever number
 * of workers there is and whichever of them dies when. Immutable: each method returns a changed copy.
 *
 * <p>Such a job has the tick as its {@code scheduled_at}, and {@code {"periodic": name, "tick": moment}} in its metadata.
 */
public final class PeriodicJob {

    private static final int MAX_NAME = 128;

    private final String name;
    private final Schedule schedule;
    private final String kind;
    private final Function<ArgsCodec, String> args;
    private final EnqueueOptions options;
    private final MissedTicks missed;

    private PeriodicJob(
            String name,
            Schedule schedule,
            String kind,
            Function<ArgsCodec, String> args,
            EnqueueOptions options,
            MissedTicks missed) {
        this.name = requireName(name);
        this.schedule = Objects.requireNonNull(schedule, "schedule");
        this.kind = kind;
        this.args = args;
        this.options = options;
        this.missed = missed;
        if (options.isDeferred()) {
            throw new IllegalArgumentException(
                    "Periodic job '" + name + "' has an option that says when, at or in: its schedule says that");
        }
        if (options.unique() != null) {
            throw new IllegalArgumentException("Periodic job '" + name
                    + "' has the option unique, which is taken: its jobs are unique by name and tick");
        }
    }

    /**
     * A job of this type, with its options, at each tick.
     *
     * @throws IllegalArgumentException unless the name has 1 to 128 characters, or if the options of the type say when to run or what
     *     is unique
     */
    public static <A> PeriodicJob of(String name, Schedule schedule, JobType<A> type, A args) {
        Objects.requireNonNull(args, "args");
        return new PeriodicJob(
                name, schedule, type.kind(), codec -> codec.encode(args), type.defaults(), MissedTicks.ONE);
    }

    /**
     * A job whose arguments are JSON already, at each tick.
     *
     * @throws IllegalArgumentException as {@link #of(String, Schedule, JobType, Object)}
     */
    public static PeriodicJob of(String name, Schedule schedule, NewJob job) {
        return new PeriodicJob(name, schedule, job.kind(), codec -> job.args(), job.options(), MissedTicks.ONE);
    }

    /**
     * How its jobs are enqueued; default: as their type says.
     *
     * @throws IllegalArgumentException if the options say when to run, or what is unique
     */
    public PeriodicJob options(UnaryOperator<EnqueueOptions> change) {
        return new PeriodicJob(name, schedule, kind, args, change.apply(options), missed);
    }

    /** What becomes of missed ticks; default {@link MissedTicks#ONE}. */
    public PeriodicJob missed(MissedTicks missed) {
        return new PeriodicJob(name, schedule, kind, args, options, Objects.requireNonNull(missed, "missed"));
    }

    /** What it is known by in the database. */
    public String name() {
        return name;
    }

    /** When its ticks are. */
    public Schedule schedule() {
        return schedule;
    }

    /** What becomes of ticks more than a minute late. */
    public MissedTicks missed() {
        return missed;
    }

    /** Whether the schedule is one that only the program knows, neither cron nor interval: it runs where the program runs. */
    public boolean isCustom() {
        return ScheduleText.of(schedule).text().equals(ScheduleText.CODE);
    }

    /**
     * The job of a tick.
     *
     * @throws dev.millrace.job.ArgsException if the arguments can't be written
     */
    public NewJob job(ArgsCodec codec) {
        return new NewJob(kind, args.apply(codec), options);
    }

    /**
     * The rule for names, for whoever takes one as text.
     *
     * @throws IllegalArgumentException unless it has 1 to 128 characters and no NUL
     */
    public static String requireName(String name) {
        int length = name.codePointCount(0, name.length());
        if (length < 1 || length > MAX_NAME || name.indexOf('\0') >= 0) {
            throw new IllegalArgumentException("Name '" + name.replace("\0", "\\0")
                    + "' of a periodic job is not possible: use 1 to " + MAX_NAME + " characters, no NUL");
        }
        return name;
    }

    @Override
    public String toString() {
        return name;
    }
}
