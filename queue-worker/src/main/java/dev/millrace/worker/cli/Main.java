package dev.millrace.worker.cli;

import dev.millrace.job.DurationText;
import dev.millrace.job.RetrySchedule;
import java.io.Console;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.UsageMessageSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.TypeConversionException;

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
        Configuration configuration = new Configuration(args, environment, () -> commandLine(terminal));
        Failures failures = new Failures(terminal.err(), Arrays.asList(args).contains("--verbose"), configuration);
        CommandLine commandLine = commandLine(terminal, args);
        commandLine.setDefaultValueProvider(configuration);
        commandLine.setOut(terminal.out());
        commandLine.setErr(terminal.err());
        commandLine.setUsageHelpAutoWidth(true);
        commandLine.setCaseInsensitiveEnumValuesAllowed(true);
        commandLine.setExecutionStrategy(parsed -> execute(terminal, parsed));
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

    /**
     * The commands, as they are parsed: the one that the arguments name, or all. The models of all of them would be a good part of
     * a short run.
     */
    static CommandLine commandLine(Terminal terminal, String... args) {
        Map<String, Supplier<Object>> commands = commands(terminal);
        CommandLine commandLine = new CommandLine(new Main());
        Supplier<Object> named = args.length == 0 ? null : commands.get(args[0]);
        (named == null ? commands.values() : List.of(named))
                .forEach(command -> commandLine.addSubcommand(command.get()));
        sayWhereOptionsComeFrom(commandLine);
        register(commandLine, Duration.class, DurationText::parse);
        register(commandLine, Instant.class, Moments::parse);
        register(commandLine, RetrySchedule.class, RetrySchedule::parse);
        // A switch turns on what is off in itself; else it would turn off what the environment or the file has turned
        // on.
        return commandLine.setToggleBooleanFlags(true);
    }

    /** How text becomes such a value, in all commands: what the parser says against it is what the user is told. */
    private static <T> void register(CommandLine commandLine, Class<T> type, Function<String, T> parser) {
        commandLine.registerConverter(type, text -> {
            try {
                return parser.apply(text);
            } catch (IllegalArgumentException failure) {
                throw new TypeConversionException(failure.getMessage());
            }
        });
    }

    private static Map<String, Supplier<Object>> commands(Terminal terminal) {
        Map<String, Supplier<Object>> commands = new LinkedHashMap<>();
        commands.put("migrate", () -> new MigrateCommand(terminal));
        commands.put("work", () -> new WorkCommand(terminal));
        commands.put("enqueue", () -> new EnqueueCommand(terminal));
        commands.put("jobs", () -> JobsCommand.commandLine(terminal));
        commands.put("queues", () -> new QueuesCommand(terminal));
        commands.put("periodic", () -> PeriodicCommand.of(terminal));
        commands.put("bench", () -> new BenchCommand(terminal));
        commands.put("bench-process", () -> new BenchProcessCommand(terminal));
        commands.put("doctor", () -> new DoctorCommand(terminal));
        commands.put("completion", () -> new CompletionCommand(terminal));
        return commands;
    }

    /** In the help of each command that has options of its own. */
    private static void sayWhereOptionsComeFrom(CommandLine parent) {
        for (CommandLine command : parent.getSubcommands().values()) {
            UsageMessageSpec usage = command.getCommandSpec().usageMessage();
            command.getCommandSpec().options().stream()
                    .filter(option -> !option.usageHelp())
                    .map(Configuration::key)
                    .filter(key -> key.indexOf('.') > 0)
                    .findFirst()
                    .ifPresent(key -> usage.footer(Stream.concat(
                                    Stream.of(usage.footer()),
                                    Stream.of(
                                            "",
                                            "An option that is not given comes from the environment, as "
                                                    + Configuration.variable(key)
                                                    + ", or else from the file that --config"
                                                    + " names, as " + key + "=…; options of all commands as "
                                                    + "MILLRACE_SCHEMA and schema=…"))
                            .toArray(String[]::new)));
            sayWhereOptionsComeFrom(command);
        }
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

    private static int execute(Terminal terminal, ParseResult parsed) {
        if (!parsed.hasSubcommand() && !parsed.isUsageHelpRequested() && !parsed.isVersionHelpRequested()) {
            throw new ParameterException(
                    parsed.commandSpec().commandLine(),
                    "Name a command: "
                            + parsed.commandSpec().subcommands().entrySet().stream()
                                    .filter(command -> !command.getValue()
                                            .getCommandSpec()
                                            .usageMessage()
                                            .hidden())
                                    .map(Map.Entry::getKey)
                                    .collect(Collectors.joining(", ")));
        }
        CommandLine last =
                parsed.asCommandLineList().get(parsed.asCommandLineList().size() - 1);
        boolean colors = last.getCommand() instanceof MillraceCommand command
                ? command.colors().isOn()
                : Colors.of(CommonOptions.Color.auto, terminal).isOn();
        last.setColorScheme(Help.defaultColorScheme(colors ? Help.Ansi.ON : Help.Ansi.OFF));
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
