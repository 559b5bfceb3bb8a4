package dev.millrace.worker.cli;

import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.AutoComplete;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Prints what makes a shell complete commands and options. */
@Command(
        name = "completion",
        description = "Prints what makes a shell complete commands and options, of a command or alias named millrace.",
        footer = {
            "",
            "  alias millrace='java -jar /opt/millrace/queue-worker.jar'",
            "  source <(millrace completion bash)     in ~/.bashrc",
            "  source <(millrace completion zsh)      in ~/.zshrc"
        })
final class CompletionCommand implements Callable<Integer> {

    enum Shell {
        bash,
        zsh
    }

    private final Terminal terminal;

    /** The script is the same, since zsh takes that of bash; asked for all the same, so that there may be others. */
    @Parameters(index = "0", paramLabel = "bash|zsh", description = "Which shell.")
    @SuppressWarnings("unused") // picocli writes it.
    private @Nullable Shell shell;

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "Show this help and exit.")
    @SuppressWarnings("unused") // picocli reads it.
    private boolean help;

    CompletionCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public Integer call() {
        terminal.out().print(AutoComplete.bash("millrace", Main.commandLine(terminal)));
        return ExitStatus.DONE;
    }
}
