package dev.millrace.worker.cli;

import dev.millrace.error.MillraceException;
import java.io.PrintWriter;
import java.io.StringWriter;
import picocli.CommandLine;
import picocli.CommandLine.IExecutionExceptionHandler;
import picocli.CommandLine.IParameterExceptionHandler;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.UnmatchedArgumentException;

/** The one place that turns a failure into a sentence on standard error and an exit status. */
final class Failures implements IParameterExceptionHandler, IExecutionExceptionHandler {

    private final PrintWriter err;
    private final Configuration configuration;
    private boolean verbose;

    /**
     * For one run.
     *
     * @param verbose whether to show stack traces too; a command may have been told to by its configuration as well
     * @param configuration where values come from that were not typed
     */
    Failures(PrintWriter err, boolean verbose, Configuration configuration) {
        this.err = err;
        this.verbose = verbose;
        this.configuration = configuration;
    }

    /** What was typed is not repeated whole: it may hold a password. */
    @Override
    public int handleParseException(ParameterException failure, String[] args) {
        String message = failure instanceof UnmatchedArgumentException unmatched
                ? "Unknown option or argument '"
                        + shown(unmatched.getUnmatched().get(0)) + "'"
                : failure.getMessage() + configuration.originOf(failure.getArgSpec());
        String command = failure.getCommandLine().getCommandSpec().qualifiedName();
        say(message + " (see " + command + " --help)", failure);
        return ExitStatus.USAGE;
    }

    @Override
    public int handleExecutionException(Exception failure, CommandLine command, ParseResult parsed) {
        verbose |= command.getCommand() instanceof MillraceCommand failed && failed.options().verbose;
        return failed(failure);
    }

    /** Also for errors, of a handler jar for instance. */
    int failed(Throwable failure) {
        say(sentence(failure), failure);
        return ExitStatus.of(failure);
    }

    private void say(String sentence, Throwable failure) {
        // The driver's messages may have several lines.
        err.println(Secrets.masked(sentence.strip().replaceAll("\\s*\\R\\s*", " ")));
        if (verbose) {
            StringWriter trace = new StringWriter();
            failure.printStackTrace(new PrintWriter(trace));
            err.print(Secrets.masked(trace.toString()));
        }
        err.flush();
    }

    private static String sentence(Throwable failure) {
        String message = failure.getMessage();
        boolean expected = failure instanceof MillraceException || failure instanceof IllegalArgumentException;
        if (expected && message != null && !message.isBlank()) {
            return message;
        }
        return "Failed unexpectedly: " + failure.getClass().getSimpleName() + (message == null ? "" : ": " + message)
                + " (--verbose shows where)";
    }

    private static String shown(String argument) {
        int value = argument.indexOf('=');
        String name = value < 0 ? argument : argument.substring(0, value);
        return name.contains("://") ? "(a URL)" : name;
    }
}
