package dev.millrace.worker.dashboard;

import dev.millrace.connection.Budget;
import dev.millrace.connection.ConnectionMetrics;
import dev.millrace.connection.ConnectionMetrics.Counter;
import dev.millrace.connection.ConnectionMetrics.Timer;
import dev.millrace.connection.Health;
import dev.millrace.connection.Supervisor;
import dev.millrace.error.MillraceException;
import dev.millrace.worker.doctor.Finding;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** How the database is, and this process's connections to it; the latter also while it is away. */
final class DatabasePage {

    private DatabasePage() {}

    /** What it shows. */
    record Content(
            String database,
            String schema,
            String state,
            boolean usable,
            String since,
            @Nullable String error,
            List<Fact> facts,
            List<Line> findings,
            @Nullable String notExamined,
            List<Table> tables) {}

    /** A name and a value. */
    record Fact(String name, String value) {}

    /** A finding of the doctor. */
    record Line(
            String level,
            String check,
            String found,
            @Nullable String advice) {}

    /** A table. */
    record Table(
            String name,
            String rows,
            String dead,
            String size,
            @Nullable Moment vacuumed) {}

    static View view(Source source) {
        Supervisor supervisor = source.supervisor();
        Health health = supervisor.health();
        List<Line> findings = List.of();
        List<Table> tables = List.of();
        String notExamined = null;
        try {
            findings =
                    source.report().findings().stream().map(DatabasePage::line).toList();
            tables = source.tableList().stream().map(DatabasePage::table).toList();
        } catch (MillraceException away) {
            notExamined = away.getMessage();
        }
        return View.of(
                "Database",
                "database",
                new Content(
                        supervisor.database().toString(),
                        supervisor.database().schema().value(),
                        health.state().name().toLowerCase(Locale.ROOT),
                        supervisor.isUsable(),
                        Moment.span(health.since()),
                        health.lastError(),
                        facts(health, supervisor.metrics()),
                        findings,
                        notExamined,
                        tables));
    }

    private static List<Fact> facts(Health health, ConnectionMetrics metrics) {
        List<Fact> facts = new ArrayList<>();
        facts.add(new Fact(
                "Pool",
                health.pool().active() + " in use, " + health.pool().idle() + " idle, "
                        + health.pool().waiting() + " waited for, "
                        + health.pool().maximum() + " at most"));
        Duration silence = health.listenerSilence();
        facts.add(new Fact(
                "Listener",
                silence == null ? "none: jobs are found by polling" : "heard from " + Moment.span(silence) + " ago"));
        ConnectionMetrics.Summary outages = metrics.measured(Timer.OUTAGE);
        facts.add(new Fact(
                "Outages since the start",
                metrics.count(Counter.OUTAGES)
                        + (outages.count() == 0
                                ? ""
                                : ", " + Moment.span(Duration.ofNanos(outages.totalNanos())) + " in all, the longest "
                                        + Moment.span(Duration.ofNanos(outages.maxNanos())))));
        facts.add(new Fact(
                "Connects",
                metrics.count(Counter.CONNECT_ATTEMPTS) + ", failed " + metrics.count(Counter.CONNECT_FAILURES)
                        + "; epoch " + health.epoch()));
        facts.add(new Fact("Killed for running too long", Long.toString(metrics.count(Counter.WATCHDOG_KILLS))));
        facts.add(new Fact(
                "Leases lost or given up",
                Long.toString(metrics.count(Counter.LEASES_LOST) + metrics.count(Counter.LEASES_ABANDONED))));
        Budget budget = health.budget();
        if (budget != null) {
            facts.add(new Fact(
                    "Connections of the server",
                    budget.available() + " by " + budget.limit() + "; processes of ours: " + budget.instances()
                            + ", other sessions: " + budget.others()));
        }
        return facts;
    }

    private static Line line(Finding finding) {
        return new Line(
                finding.level().name().toLowerCase(Locale.ROOT), finding.check(), finding.found(), finding.advice());
    }

    private static Table table(TableRow row) {
        return new Table(
                row.name(),
                row.rows() < 0 ? "not known" : "≈ " + Numbers.of(row.rows()),
                Numbers.of(row.dead()),
                Numbers.bytes(row.bytes()),
                Moment.of(row.vacuumedAt()));
    }
}
