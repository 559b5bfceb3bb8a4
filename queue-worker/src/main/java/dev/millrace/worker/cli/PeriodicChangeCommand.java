package dev.millrace.worker.cli;

import dev.millrace.Millrace;
import dev.millrace.error.MillraceException;
import dev.millrace.periodic.PeriodicJobs;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.node.ObjectNode;

/** What is done to one periodic job by its name. */
abstract class PeriodicChangeCommand extends MillraceCommand {

    @Parameters(index = "0", paramLabel = "NAME", description = "Name of the periodic job.")
    private String name = "";

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    private PeriodicChangeCommand(Terminal terminal) {
        super(terminal);
    }

    /** Does it. */
    abstract void change(PeriodicJobs jobs, String name);

    @Override
    final int run() {
        try (Millrace millrace = Millrace.connect(database())) {
            change(millrace.periodic(), name);
        }
        return ExitStatus.DONE;
    }

    final void done(boolean there, String outcome) {
        if (!there) {
            throw new MillraceException("There is no periodic job '" + name + "'");
        }
        print(outcome(outcome), "Periodic job " + name + " " + outcome);
    }

    final ObjectNode outcome(String outcome) {
        return JsonText.JSON.createObjectNode().put("name", name).put("outcome", outcome);
    }

    final void print(ObjectNode object, String sentence) {
        terminal.out().println(json ? JsonText.JSON.writeValueAsString(object) : sentence);
    }

    /** Enqueues a job of it. */
    @Command(
            name = "run",
            description =
                    "Enqueues one of its jobs now, also while it is disabled, and prints the id. Its schedule goes on.",
            footer = {"", "  millrace periodic run report"})
    static final class Run extends PeriodicChangeCommand {
        Run(Terminal terminal) {
            super(terminal);
        }

        @Override
        void change(PeriodicJobs jobs, String name) {
            long id = jobs.runNow(name);
            print(outcome("enqueued").put("id", id), Long.toString(id));
        }
    }

    /** Lets it run again. */
    @Command(
            name = "enable",
            description = "Lets it run again. Ticks that passed while it was disabled are left out.",
            footer = {"", "  millrace periodic enable report"})
    static final class Enable extends PeriodicChangeCommand {
        Enable(Terminal terminal) {
            super(terminal);
        }

        @Override
        void change(PeriodicJobs jobs, String name) {
            done(jobs.enable(name), "enabled");
        }
    }

    /** Stops it. */
    @Command(
            name = "disable",
            description = "Stops it until it is enabled again, also across restarts and new releases of the program.",
            footer = {"", "  millrace periodic disable report"})
    static final class Disable extends PeriodicChangeCommand {
        Disable(Terminal terminal) {
            super(terminal);
        }

        @Override
        void change(PeriodicJobs jobs, String name) {
            done(jobs.disable(name), "disabled");
        }
    }

    /** Takes it away. */
    @Command(
            name = "remove",
            description = "Takes it away; its jobs stay. One that is defined in code comes back when a worker starts.",
            footer = {"", "  millrace periodic remove report"})
    static final class Remove extends PeriodicChangeCommand {
        Remove(Terminal terminal) {
            super(terminal);
        }

        @Override
        void change(PeriodicJobs jobs, String name) {
            done(jobs.remove(name), "removed");
        }
    }
}
