package dev.millrace.worker.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.IDefaultValueProvider;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;

/**
 * Values of options for which there is no flag: from the environment, else from the file that {@code --config} names. An option
 * of all commands has the key {@code schema} and the variable {@code MILLRACE_SCHEMA}, one of a command {@code work.queue} and
 * {@code MILLRACE_WORK_QUEUE}, so that what is meant for one command does not steer another. For one run; not thread-safe.
 */
final class Configuration implements IDefaultValueProvider {

    private static final String PREFIX = "MILLRACE_";

    private final Map<String, String> environment;
    private final Supplier<CommandLine> commands;
    private final @Nullable String path;
    private @Nullable ConfigFile file;
    private @Nullable ArgSpec given;
    private String origin = "";

    /**
     * Reads nothing yet.
     *
     * @param args of the program: values are asked for before these are parsed to the end
     * @param environment variables by name
     * @param commands makes all commands, whose options are the keys that a file may have
     */
    Configuration(String[] args, Map<String, String> environment, Supplier<CommandLine> commands) {
        this.environment = environment;
        this.commands = commands;
        this.path = path(List.of(args), environment);
    }

    /** The file that is to be read; none for help, from which a wrong one shall keep nobody. */
    private static @Nullable String path(List<String> args, Map<String, String> environment) {
        if (args.contains("--help") || args.contains("-h")) {
            return null;
        }
        String path = environment.get(PREFIX + "CONFIG");
        for (int i = 0; i < args.size(); i++) {
            if (args.get(i).startsWith(CommonOptions.CONFIG + "=")) {
                path = args.get(i).substring(CommonOptions.CONFIG.length() + 1);
            } else if (args.get(i).equals(CommonOptions.CONFIG) && i + 1 < args.size()) {
                path = args.get(i + 1);
            }
        }
        return path == null || path.isBlank() ? null : path;
    }

    @Override
    public @Nullable String defaultValue(ArgSpec arg) {
        if (!(arg instanceof OptionSpec option) || option.usageHelp() || option.versionHelp()) {
            return null;
        }
        String key = key(option);
        String variable = variable(key);
        String value = environment.get(variable);
        String from = variable;
        if (value == null || value.isBlank()) {
            ConfigFile configured = option.longestName().equals(CommonOptions.CONFIG) ? null : file(option.command());
            value = configured == null ? null : configured.value(key);
            from = configured == null ? "" : configured.origin(key);
        }
        if (value == null) {
            return null;
        }
        given = option;
        origin = from;
        // Or picocli would take it for the begin of a variable of its own.
        return value.replace("$", "$$");
    }

    /** Where the value that was given last came from, if it was for this option; else nothing. */
    String originOf(@Nullable ArgSpec arg) {
        return arg != null && arg.equals(given) ? " (from " + origin + ")" : "";
    }

    /** Key of an option in the file. */
    static String key(OptionSpec option) {
        String name = option.longestName().substring(2);
        CommandSpec command = option.command();
        boolean common = command.mixins().values().stream()
                .anyMatch(mixin ->
                        mixin.userObject() instanceof CommonOptions && mixin.findOption(option.longestName()) != null);
        return common ? name : prefix(command) + "." + name;
    }

    /** What keys of options of this command alone begin with: {@code jobs.list}. */
    static String prefix(CommandSpec command) {
        String path = command.qualifiedName(".");
        return path.substring(path.indexOf('.') + 1);
    }

    /** Environment variable of a key. */
    static String variable(String key) {
        return PREFIX + key.toUpperCase(Locale.ROOT).replace('.', '_').replace('-', '_');
    }

    private @Nullable ConfigFile file(CommandSpec command) {
        if (file == null && path != null) {
            try {
                ConfigFile read = new ConfigFile(Path.of(path));
                read.requireKnown(keys(commands.get()));
                file = read;
            } catch (UsageException failure) {
                throw new ParameterException(command.commandLine(), String.valueOf(failure.getMessage()), failure);
            }
        }
        return file;
    }

    private static Set<String> keys(CommandLine commands) {
        Set<String> keys = new TreeSet<>();
        for (CommandLine command : commands.getSubcommands().values()) {
            for (OptionSpec option : command.getCommandSpec().options()) {
                if (!option.usageHelp() && !option.longestName().equals(CommonOptions.CONFIG)) {
                    keys.add(key(option));
                }
            }
            keys.addAll(keys(command));
        }
        return keys;
    }
}
