package dev.millrace.worker.cli;

import dev.millrace.connection.Database;
import dev.millrace.migrations.SchemaName;
import java.util.concurrent.Callable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** What all commands share: common options, help, and logs that are set up before they run. */
abstract class MillraceCommand implements Callable<Integer> {

    final Terminal terminal;

    @Mixin
    private final CommonOptions options = new CommonOptions();

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "Show this help and exit.")
    @SuppressWarnings("unused") // picocli reads it.
    private boolean help;

    MillraceCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    final CommonOptions options() {
        return options;
    }

    final Database database() {
        return options.database();
    }

    final SchemaName schemaName() {
        return options.schemaName();
    }

    /** Colours for what it prints. */
    final Colors colors() {
        return Colors.of(options.color, terminal);
    }

    @Override
    public final Integer call() throws Exception {
        terminal.logging().configure(options, isLongRunning());
        return run();
    }

    /** Whether the command goes on until it is stopped, and so tells in its log what happens. */
    boolean isLongRunning() {
        return false;
    }

    /** Returns the exit status. */
    abstract int run() throws Exception;
}
