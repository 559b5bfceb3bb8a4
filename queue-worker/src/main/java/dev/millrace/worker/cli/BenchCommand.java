package dev.millrace.worker.cli;

import dev.millrace.worker.bench.Bench;
import dev.millrace.worker.bench.BenchConfig;
import dev.millrace.worker.bench.Conditions;
import dev.millrace.worker.bench.JobMix;
import dev.millrace.worker.bench.Scenario;
import dev.millrace.worker.bench.Sizes;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Measures this database and this machine. */
@Command(
        name = "bench",
        description = {
            "Measures enqueue, work and latency on this database, in a schema of its own: the name of --schema with _bench"
                    + " added, made at the start and removed at the end. What a run left that was killed, the next removes.",
            "Nothing else should use the server meanwhile: the log, the commits and the CPU are those of all."
        },
        footer = {
            "",
            "  millrace bench --jobs 200000 --limit",
            "  millrace bench --scenario work --jobs 200000 --backlog 10000000",
            "  millrace bench --scenario work --jobs 1000000 --held-snapshot --runs 1",
            "  millrace bench --scenario steady --seconds 60 --rate 20000",
            "  millrace bench --scenario work --processes 16 --json",
            "",
            "Rates are per second, figures the medians of the runs. Compare them within one run, or on a quiet machine."
        })
final class BenchCommand extends MillraceCommand {

    @Option(
            names = "--scenario",
            split = ",",
            paramLabel = "NAME",
            description =
                    "What to measure, with commas between: enqueue, work, steady, latency. Default: enqueue,work,latency.")
    private Set<Scenario> scenarios = EnumSet.of(Scenario.ENQUEUE, Scenario.WORK, Scenario.LATENCY);

    @ArgGroup(validate = false, heading = "How much%n")
    private final SizeOptions sizes = new SizeOptions();

    @ArgGroup(validate = false, heading = "What jobs%n")
    private final MixOptions mix = new MixOptions();

    @ArgGroup(validate = false, heading = "Under which conditions%n")
    private final ConditionOptions conditions = new ConditionOptions();

    @Option(
            names = "--limit",
            description =
                    "Also measure bare SQL on the same tables, in turn with each measurement, and our share of that.")
    private boolean limit;

    @Option(names = "--json", description = "One JSON object instead of a table.")
    private boolean json;

    /** See {@link Sizes}. */
    private static final class SizeOptions {

        @Option(
                names = "--jobs",
                paramLabel = "N",
                description = "Jobs that are enqueued in bulk and worked off. Default: ${DEFAULT-VALUE}.")
        private int jobs = 100_000;

        @Option(
                names = "--backlog",
                paramLabel = "N",
                description = "Jobs that wait when work begins; it ends when --jobs of them are done. Default: --jobs.")
        private @Nullable Integer backlog;

        @Option(
                names = "--single-jobs",
                paramLabel = "N",
                description = "Jobs enqueued one by one, by one thread and by eight. Default: ${DEFAULT-VALUE}.")
        private int singleJobs = 3_000;

        @Option(
                names = "--latency-samples",
                paramLabel = "N",
                description = "Jobs for the latency of an idle worker. Default: ${DEFAULT-VALUE}.")
        private int latencySamples = 200;

        @Option(
                names = "--seconds",
                paramLabel = "N",
                description = "Time of steady, and of the latency at half load. Default: ${DEFAULT-VALUE}.")
        private int seconds = 3;

        @Option(
                names = "--rate",
                paramLabel = "N",
                description = "Jobs a second that steady offers. Default: as many as the workers take.")
        private int rate;

        @Option(
                names = "--batch",
                paramLabel = "N",
                description = "Jobs in one enqueue of steady without --rate. Default: ${DEFAULT-VALUE}.")
        private int batch = 1_000;

        @Option(
                names = "--runs",
                paramLabel = "N",
                description = "Runs of each measurement, whose medians are reported. Default: ${DEFAULT-VALUE}.")
        private int runs = 3;

        Sizes sizes() {
            return new Sizes(
                    jobs,
                    backlog == null ? jobs : backlog,
                    singleJobs,
                    latencySamples,
                    Duration.ofSeconds(seconds),
                    rate,
                    batch,
                    runs);
        }
    }

    /** See {@link JobMix}. */
    private static final class MixOptions {

        @Option(
                names = "--args-bytes",
                paramLabel = "N",
                description = "Size of the arguments of a job. Default: ${DEFAULT-VALUE}.")
        private int argsBytes = 150;

        @Option(
                names = "--retries",
                paramLabel = "PERCENT",
                description = "Jobs that fail at their first attempt. Default: none.")
        private int retries;

        @Option(
                names = "--scheduled",
                paramLabel = "PERCENT",
                description = "Jobs that are due a second later. Default: none.")
        private int scheduled;

        @Option(
                names = "--priorities",
                paramLabel = "PERCENT",
                description = "Jobs of priority 1 to 4 instead of the default. Default: none.")
        private int priorities;

        @Option(
                names = "--unique",
                paramLabel = "PERCENT",
                description = "Jobs with a unique key, each another. Default: none.")
        private int unique;

        JobMix mix() {
            return new JobMix(argsBytes, retries, scheduled, priorities, unique);
        }
    }

    /** See {@link Conditions}. */
    private static final class ConditionOptions {

        @Option(
                names = "--processes",
                paramLabel = "N",
                description = "Worker processes. Default: one worker in this process, beside the producers.")
        private int processes;

        @Option(
                names = "--slots",
                paramLabel = "N",
                description = "Jobs at once on each worker. Default: ${DEFAULT-VALUE}.")
        private int slots = 10;

        @Option(names = "--no-history", description = "Delete jobs when they are completed, instead of keeping them.")
        private boolean noHistory;

        @Option(
                names = "--held-snapshot",
                description = "Hold a snapshot while workers run, so that nothing can be vacuumed.")
        private boolean heldSnapshot;

        @Option(
                names = "--history",
                paramLabel = "N",
                description = "Completed jobs to generate beforehand. Default: none.")
        private int history;

        @Option(
                names = "--running",
                paramLabel = "N",
                description = "Running jobs of another worker to generate beforehand. Default: none.")
        private int running;

        @Option(
                names = "--future",
                paramLabel = "N",
                description = "Jobs scheduled for later to generate beforehand. Default: none.")
        private int future;

        Conditions conditions() {
            return new Conditions(processes, slots, !noHistory, heldSnapshot, history, running, future);
        }
    }

    BenchCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run() throws Exception {
        BenchConfig config = new BenchConfig(scenarios, sizes.sizes(), mix.mix(), conditions.conditions(), limit);
        Map<String, Object> report = new Bench(
                        database(),
                        config,
                        database -> BenchProcessCommand.program(options(), terminal.environment(), database),
                        this::progress)
                .run();
        if (json) {
            terminal.out().println(JsonText.JSON.writeValueAsString(report));
        } else {
            BenchReport.print(report, terminal.out());
        }
        return ExitStatus.DONE;
    }

    private void progress(String line) {
        terminal.err().println("bench: " + line);
        terminal.err().flush();
    }
}
