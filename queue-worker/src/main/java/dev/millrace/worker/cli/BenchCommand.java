package dev.millrace.worker.cli;

import dev.millrace.worker.bench.Bench;
import dev.millrace.worker.bench.BenchConfig;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Measures this database and this machine. */
@Command(
        name = "bench",
        description =
                "Measures enqueue, work and latency on this database, with jobs of its own that it deletes in the end.",
        footer = {
            "",
            "  millrace bench --jobs 200000 --limit",
            "  millrace bench --jobs 100000 --json",
            "",
            "Rates are per second. Compare them within one run, or on a quiet machine."
        })
final class BenchCommand extends MillraceCommand {

    @Option(names = "--jobs", paramLabel = "N", description = "Jobs in the backlog. Default: ${DEFAULT-VALUE}.")
    private int jobs = 100_000;

    @Option(
            names = "--args-bytes",
            paramLabel = "N",
            description = "Size of the arguments of a job. Default: ${DEFAULT-VALUE}.")
    private int argsBytes = 150;

    @Option(names = "--slots", paramLabel = "N", description = "Jobs at once on the worker. Default: ${DEFAULT-VALUE}.")
    private int slots = 10;

    @Option(
            names = "--single-jobs",
            paramLabel = "N",
            description = "Jobs that are enqueued one by one, by one thread and by eight. Default: ${DEFAULT-VALUE}.")
    private int singleJobs = 10_000;

    @Option(
            names = "--latency-samples",
            paramLabel = "N",
            description = "Jobs for the latency of an idle worker. Default: ${DEFAULT-VALUE}.")
    private int latencySamples = 1_000;

    @Option(
            names = "--limit",
            description = "Also measure a bare COPY and the bare statements without an engine, and our share of that.")
    private boolean limit;

    @Option(names = "--json", description = "One JSON object instead of a table; progress goes to standard error.")
    private boolean json;

    BenchCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run() throws Exception {
        BenchConfig config = new BenchConfig(jobs, argsBytes, slots, singleJobs, latencySamples, limit);
        Map<String, Object> report = new Bench(database(), config, this::progress).run();
        if (json) {
            terminal.out().println(JsonText.JSON.writeValueAsString(report));
        } else {
            print("", report);
        }
        return ExitStatus.DONE;
    }

    private void progress(String line) {
        terminal.err().println("bench: " + line);
        terminal.err().flush();
    }

    private void print(String prefix, Map<?, ?> figures) {
        figures.forEach((name, value) -> {
            if (value instanceof Map<?, ?> more) {
                print(prefix + name + ".", more);
            } else {
                terminal.out().println(String.format("%-42s %s", prefix + name, value));
            }
        });
    }
}
