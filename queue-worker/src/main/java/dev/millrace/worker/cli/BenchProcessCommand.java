package dev.millrace.worker.cli;

import dev.millrace.connection.Database;
import dev.millrace.worker.bench.BenchProcess;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;

/** A further process of {@code bench}, which starts it and talks to it over its input and output. */
@Command(name = BenchProcessCommand.NAME, hidden = true, description = "A further process of bench, started by it.")
final class BenchProcessCommand extends MillraceCommand {

    static final String NAME = "bench-process";

    /** Enough for a worker with default slots; dozens of them share a machine. */
    private static final String HEAP = "-Xmx256m";

    BenchProcessCommand(Terminal terminal) {
        super(terminal);
    }

    /**
     * How to start it, by the Java and with the classes that run here.
     *
     * @param options where the database is; passed on in the environment, which no list of processes shows
     * @param database with the schema to work in
     */
    static ProcessBuilder program(CommonOptions options, Map<String, String> environment, Database database) {
        List<String> command = List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:+UseSerialGC",
                HEAP,
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName(),
                NAME,
                // In either case: what the environment says is for those that do not say it themselves.
                "--pooler=" + options.pooler);
        ProcessBuilder program = new ProcessBuilder(command);
        program.environment().putAll(environment);
        if (options.databaseUrl != null) {
            program.environment().put("MILLRACE_DATABASE_URL", options.databaseUrl);
        }
        if (options.directUrl != null) {
            program.environment().put("MILLRACE_DIRECT_URL", options.directUrl);
        }
        program.environment().put("MILLRACE_SCHEMA", database.schema().value());
        return program;
    }

    @Override
    int run() throws Exception {
        new BenchProcess(database(), terminal.in(), System.out).run();
        return ExitStatus.DONE;
    }
}
