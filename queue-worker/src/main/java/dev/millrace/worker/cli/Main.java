package dev.millrace.worker.cli;

import java.io.Console;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;

/** The program: {@code java -jar queue-worker.jar COMMAND}. */
@Command(
        name = "millrace",
        description = "Durable background jobs on PostgreSQL.",
        mixinStandardHelpOptions = true,
        versionProvider = Main.Version.class,
        synopsisSubcommandLabel = "COMMAND",
        footer = {
            "",
            "Exit status: 0 done, 1 failed, 2 wrong usage, 3 database not reachable, 4 schema not migrated or newer.",
            "",
            "  java -jar queue-worker.jar migrate --database-url postgresql://USER:PASSWORD@localhost/app",
            "  java -jar queue-worker.jar work --handlers handlers.jar --queue default=20"
        })
public final class Main {

    private Main() {}

    public static void main(String[] args) {
        System.exit(
                run(args, System.in, System.out, System.err, System.getenv(), new LogbackLogging(), isInteractive()));
    }

    /** Runs a command and returns its exit status. */
    static int run(
            String[] args,
            InputStream in,
            OutputStream out,
            OutputStream err,
            Map<String, String> environment,
            Logging logging,
            boolean interactive) {
        Terminal terminal = new Terminal(in, writer(out), writer(err), environment, logging, interactive);
        Failures failures = new Failures(terminal.err(), Arrays.asList(args).contains("--verbose"));
        CommandLine commandLine = commandLine(terminal);
        commandLine.setOut(terminal.out());
        commandLine.setErr(terminal.err());
        commandLine.setUsageHelpAutoWidth(true);
        commandLine.setCaseInsensitiveEnumValuesAllowed(true);
        commandLine.setExecutionStrategy(Main::execute);
        commandLine.setParameterExceptionHandler(failures);
        commandLine.setExecutionExceptionHandler(failures);
        try {
            requireReadable(args);
            return commandLine.execute(args);
        } catch (Throwable error) {
            // An Error passes picocli by: out of memory, a class that a handler jar lacks.
            return failures.failed(error);
        } finally {
            terminal.out().flush();
            terminal.err().flush();
        }
    }

    /** All commands, as they are parsed. */
    static CommandLine commandLine(Terminal terminal) {
        return new CommandLine(new Main())
                .addSubcommand(new MigrateCommand(terminal))
                .addSubcommand(new WorkCommand(terminal))
                .addSubcommand(new EnqueueCommand(terminal))
                .addSubcommand(JobsCommand.commandLine(terminal))
                .addSubcommand(PeriodicCommand.of(terminal))
                .addSubcommand(new BenchCommand(terminal))
                .addSubcommand(new BenchProcessCommand(terminal))
                .addSubcommand(new QueuesCommand(terminal))
                .addSubcommand(new DoctorCommand(terminal));
    }

    /** In the locale C, the JVM reads each byte of a letter that is not ASCII as this sign: the job would be another one. */
    private static void requireReadable(String[] args) {
        if (!"UTF-8".equals(System.getProperty("sun.jnu.encoding"))
                && String.join("", args).indexOf('\uFFFD') >= 0) {
            throw new UsageException(
                    "The arguments have characters that this locale can't express: set LC_ALL=C.UTF-8, or use --stdin");
        }
    }

    /** From JDK 22 on there is a console without a terminal too, and a method to tell. */
    @SuppressWarnings("SystemConsoleNull") // That is what is asked for next.
    private static boolean isInteractive() {
        Console console = System.console();
        if (console == null) {
            return false;
        }
        try {
            return (boolean) Console.class.getMethod("isTerminal").invoke(console);
        } catch (NoSuchMethodException before22) {
            return true;
        } catch (ReflectiveOperationException unknown) {
            return false;
        }
    }

    private static int execute(ParseResult parsed) {
        if (!parsed.hasSubcommand() && !parsed.isUsageHelpRequested() && !parsed.isVersionHelpRequested()) {
            throw new ParameterException(
                    parsed.commandSpec().commandLine(),
                    "Name a command: migrate, work, enqueue, jobs, queues, periodic, bench or doctor");
        }
        return new CommandLine.RunLast().execute(parsed);
    }

    /** In UTF-8 whatever the locale, and not flushed at each line: ids come by the million. */
    private static PrintWriter writer(OutputStream stream) {
        return new PrintWriter(new OutputStreamWriter(stream, StandardCharsets.UTF_8));
    }

    /** The version in the manifest of the jar. */
    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() {
            String version = Main.class.getPackage().getImplementationVersion();
            return new String[] {"Millrace " + (version == null ? "development build" : version)};
        }
    }
}
