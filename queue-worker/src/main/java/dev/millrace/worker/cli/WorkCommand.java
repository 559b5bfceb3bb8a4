package dev.millrace.worker.cli;

import dev.millrace.connection.Database;
import dev.millrace.worker.Worker;
import dev.millrace.worker.handler.HandlerProvider;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Runs jobs until it is stopped. */
@Command(
        name = "work",
        description =
                "Runs jobs until it is stopped. SIGTERM and Ctrl-C drain: no new jobs, running ones may end within the grace; "
                        + "a second one gives them back at once. A database that is down is waited for.",
        footer = {
            "",
            "  millrace work --handlers handlers.jar --queue default=20 --queue mail=5",
            "  millrace work --handlers handlers.jar --until-empty"
        })
final class WorkCommand extends MillraceCommand {

    /** For what is done before the grace, which is to end bulk operations, and what {@link Worker#close} does after it. */
    private static final Duration STOP_MARGIN = Duration.ofSeconds(20);

    /** Beyond the default wait, whose end tells why by itself. */
    private static final Duration LONG_START = Duration.ofSeconds(12);

    private static final Duration FOR_EVER = Duration.ofDays(10_000);
    private static final Logger LOG = LoggerFactory.getLogger(WorkCommand.class);

    @Option(
            names = "--handlers",
            paramLabel = "PATH",
            arity = "1..*",
            split = ",",
            required = true,
            description =
                    "Jars or folders with handlers, found by ServiceLoader as dev.millrace.worker.handler.HandlerProvider.")
    private List<Path> handlers = new ArrayList<>();

    @Option(
            names = "--queue",
            paramLabel = "NAME=SLOTS",
            split = ",",
            converter = QueueSlots.Converter.class,
            description = "Queue to work on and jobs to run at once; repeatable. Default: default=10.")
    private List<QueueSlots> queues = new ArrayList<>();

    @Option(
            names = "--lowest-share",
            paramLabel = "NAME=SHARE",
            split = ",",
            description =
                    "Part of the jobs of a queue of --queue, 0 to 0.5, that is taken from the lowest priority first; repeatable."
                            + " Default: 0, strictly by priority.")
    private Map<String, Double> lowestShares = new LinkedHashMap<>();

    @Option(
            names = "--no-maintenance",
            description = "Never lead: leave scheduled jobs, lost workers and history to other workers.")
    private boolean noMaintenance;

    @Option(
            names = "--lease",
            paramLabel = "DURATION",
            description =
                    "How long this worker may be silent before its jobs are given to others. Default: 30s; at least 5s.")
    private @Nullable Duration lease;

    @Option(
            names = "--poll",
            paramLabel = "DURATION",
            description = "Wait between claims where nothing wakes the worker. Default: 1s.")
    private @Nullable Duration poll;

    @Option(
            names = "--grace",
            paramLabel = "DURATION",
            description = "How long running jobs may go on when it is stopped. Default: 30s.")
    private Duration grace = Duration.ofSeconds(30);

    @Option(
            names = "--abandon-after",
            paramLabel = "DURATION",
            description =
                    "How long a handler that was asked to stop has for it before its job goes on without it; its slot"
                            + " stays taken. Default: 5s.")
    private @Nullable Duration abandonAfter;

    @Option(
            names = "--max-output-bytes",
            paramLabel = "N",
            description = "Most output of one job; a job with more is completed without. Default: 1048576.")
    private @Nullable Integer maxOutputBytes;

    @Option(
            names = "--connect-timeout",
            paramLabel = "DURATION",
            description =
                    "How long to wait at the start for a database that is down. Default: for ever; 10s with --until-empty.")
    private @Nullable Duration connectTimeout;

    @Option(
            names = "--pool-size",
            paramLabel = "N",
            description = "Most connections for work; the process uses two more. Default: 10.")
    private int poolSize = Database.DEFAULT_POOL_SIZE;

    @Option(
            names = "--instance",
            paramLabel = "NAME",
            description = "Name of this process in pg_stat_activity. Default: its process id.")
    private @Nullable String instance;

    @Mixin
    private final HttpOptions http = new HttpOptions();

    @Option(
            names = "--until-empty",
            description = "Finish what is there, failed jobs that are due again within a minute included, then exit.")
    private boolean untilEmpty;

    WorkCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    boolean isLongRunning() {
        return true;
    }

    @Override
    int run() throws Exception {
        Database database = database().withPoolSize(poolSize);
        if (instance != null) {
            database = database.withInstance(instance);
        }
        try (HandlerJars jars = new HandlerJars(handlers);
                Monitoring monitoring = new Monitoring(http, terminal.environment())) {
            work(worker(database, jars, monitoring), monitoring, jars.classLoader());
        }
        return ExitStatus.DONE;
    }

    /** Threads of handlers inherit the class loader: libraries that they use look for their own parts there. */
    private void work(Worker worker, Monitoring monitoring, ClassLoader handlersLoader) throws InterruptedException {
        Thread thread = Thread.currentThread();
        ClassLoader before = thread.getContextClassLoader();
        try (StopSignal stop = new StopSignal(() -> drain(worker, monitoring), worker::hurry, grace.plus(STOP_MARGIN));
                worker) {
            thread.setContextClassLoader(handlersLoader);
            monitoring.open(worker);
            start(worker);
            monitoring.announce();
            if (untilEmpty) {
                worker.awaitEmpty();
                monitoring.stopActions();
            } else {
                stop.await();
            }
        } finally {
            thread.setContextClassLoader(before);
        }
    }

    private void drain(Worker worker, Monitoring monitoring) {
        LOG.info(
                "Stopping: running jobs may end within {} s; a second signal gives them back at once",
                grace.toSeconds());
        monitoring.stopActions();
        worker.close();
    }

    /** Says that it waits only once it does so for long: a start that fails says why by itself. */
    private void start(Worker worker) {
        CompletableFuture<Void> waiting = CompletableFuture.runAsync(
                () -> {
                    terminal.logging().started();
                    LOG.warn(
                            "The database is not usable yet, will go on trying: {}",
                            worker.health().lastError());
                },
                CompletableFuture.delayedExecutor(LONG_START.toMillis(), TimeUnit.MILLISECONDS));
        try {
            worker.start();
            terminal.logging().started();
        } finally {
            waiting.cancel(false);
        }
    }

    private Worker worker(Database database, HandlerJars jars, Monitoring monitoring) {
        Worker.Builder builder = Worker.builder(database);
        for (HandlerProvider provider : jars.providers()) {
            builder.handlers(provider);
        }
        List<String> known = queues.stream().map(QueueSlots::queue).toList();
        lowestShares.keySet().stream()
                .filter(queue -> !known.contains(queue))
                .findFirst()
                .ifPresent(queue -> {
                    throw new UsageException("--lowest-share names queue '" + queue + "', which no --queue does");
                });
        queues.forEach(queue -> builder.queue(
                queue.queue(),
                queue.slots(),
                options -> options.lowestShare(lowestShares.getOrDefault(queue.queue(), 0.0))));
        builder.maintenance(!noMaintenance);
        if (lease != null) {
            builder.lease(lease);
        }
        if (poll != null) {
            builder.pollInterval(poll);
        }
        builder.grace(grace);
        if (abandonAfter != null) {
            builder.abandonAfter(abandonAfter);
        }
        if (maxOutputBytes != null) {
            builder.maxOutputBytes(maxOutputBytes);
        }
        monitoring.countFor(builder);
        if (connectTimeout != null) {
            builder.connectTimeout(connectTimeout);
        } else if (!untilEmpty) {
            builder.connectTimeout(FOR_EVER);
        }
        try {
            return builder.build();
        } catch (IllegalStateException contradiction) {
            throw new UsageException(String.valueOf(contradiction.getMessage()), contradiction);
        }
    }
}
