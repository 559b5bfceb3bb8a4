package dev.millrace.examples;

import dev.millrace.Millrace;
import dev.millrace.job.JobType;
import dev.millrace.periodic.MissedTicks;
import dev.millrace.periodic.PeriodicEntry;
import dev.millrace.periodic.PeriodicJob;
import dev.millrace.periodic.PeriodicJobs;
import dev.millrace.periodic.Schedule;
import dev.millrace.worker.Worker;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.time.temporal.TemporalAdjusters;
import java.util.List;

/** Jobs at given times, as docs/periodic.md quotes them. Stateless. */
public final class PeriodicSamples {

    /** A kind that any worker may have the handler of. */
    public static final JobType<Report> REPORT = JobType.of("daily_report", Report.class);

    /** Another one. */
    public static final JobType<Cleanup> CLEANUP = JobType.of("delete_old", Cleanup.class);

    private static final ZoneId BERLIN = ZoneId.of("Europe/Berlin");

    private PeriodicSamples() {}

    /** Arguments of {@link #REPORT}: none. */
    public record Report() {}

    /**
     * Arguments of {@link #CLEANUP}.
     *
     * @param days how old
     */
    public record Cleanup(int days) {}

    /** Defined in code: written to the database when the worker starts. */
    public static Worker.Builder inCode(Worker.Builder worker) {
        return worker.periodic(PeriodicJob.of("report", Schedule.cron("0 9 * * MON-FRI", BERLIN), REPORT, new Report())
                .options(options -> options.queue("reports").maxAttempts(3))
                .missed(MissedTicks.SKIP));
    }

    /** Kept in the database: added and changed while workers run. */
    public static List<PeriodicEntry> inTheDatabase(Millrace millrace) {
        PeriodicJobs periodic = millrace.periodic();
        periodic.add(PeriodicJob.of("cleanup", Schedule.every(Duration.ofMinutes(15)), CLEANUP, new Cleanup(30)));
        periodic.runNow("cleanup"); // a job now; the schedule goes on
        periodic.disable("cleanup"); // until it is enabled
        return periodic.list();
    }

    /** A schedule of one's own: noon of the last day of each quarter. A pure function of its argument. */
    public static Worker.Builder customSchedule(Worker.Builder worker) {
        Schedule quarterEnd = after -> {
            ZonedDateTime noon = after.atZone(BERLIN)
                    .with(TemporalAdjusters.lastDayOfMonth())
                    .toLocalDate()
                    .atTime(12, 0)
                    .atZone(BERLIN);
            while (noon.getMonthValue() % 3 != 0 || !noon.toInstant().isAfter(after)) {
                noon = noon.plusDays(1).with(TemporalAdjusters.lastDayOfMonth());
            }
            return noon.toInstant();
        };
        return worker.periodic(PeriodicJob.of("closing", quarterEnd, REPORT, new Report()));
    }

    /** What a schedule means, before anybody relies on it. */
    public static List<Instant> preview() {
        return Schedule.cron("30 2 * * *", BERLIN).upcoming(Instant.parse("2027-03-27T12:00:00Z"), 2);
    }
}
