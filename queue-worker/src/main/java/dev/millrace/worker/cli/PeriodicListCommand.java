package dev.millrace.worker.cli;

import static dev.millrace.worker.cli.TextTable.cell;

import dev.millrace.Millrace;
import dev.millrace.periodic.PeriodicEntry;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Shows the periodic jobs. */
@Command(
        name = "list",
        description = "Shows all periodic jobs: when they run, when they did last, and what keeps them from it.",
        footer = {"", "  millrace periodic list", "  millrace periodic list --json | jq '.[] | select(.error)'"})
final class PeriodicListCommand extends MillraceCommand {

    @Option(names = "--json", description = "Print one JSON array, with all fields.")
    private boolean json;

    PeriodicListCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run() {
        try (Millrace millrace = Millrace.connect(database())) {
            List<PeriodicEntry> entries = millrace.periodic().list();
            if (json) {
                ArrayNode array = JsonText.JSON.createArrayNode();
                entries.forEach(entry -> array.add(object(entry)));
                terminal.out().println(JsonText.JSON.writeValueAsString(array));
            } else {
                List<String[]> rows = new ArrayList<>();
                rows.add(colors().head(
                                "NAME",
                                "SCHEDULE",
                                "ZONE",
                                "KIND",
                                "STATE",
                                "LAST TICK",
                                "NEXT TICK",
                                "SOURCE",
                                "ERROR"));
                entries.forEach(entry -> rows.add(row(entry)));
                TextTable.print(terminal.out(), rows);
            }
        }
        return ExitStatus.DONE;
    }

    private String[] row(PeriodicEntry entry) {
        return new String[] {
            cell(entry.name()),
            cell(entry.schedule()),
            cell(entry.zone()),
            cell(entry.kind()),
            state(entry),
            shown(entry.lastTick()),
            shown(entry.nextTick()),
            entry.inCode() ? "code" : "database",
            entry.error() == null ? "" : cell(entry.error())
        };
    }

    private String state(PeriodicEntry entry) {
        if (!entry.enabled()) {
            return colors().yellow("disabled");
        }
        return entry.error() == null ? "enabled" : colors().red("error");
    }

    private static String shown(@Nullable Instant moment) {
        return moment == null ? "-" : moment.toString();
    }

    private static ObjectNode object(PeriodicEntry entry) {
        Duration timeout = entry.timeout();
        ObjectNode object = JsonText.JSON.createObjectNode();
        object.put("name", entry.name())
                .put("schedule", entry.schedule())
                .put("zone", entry.zone())
                .put("kind", entry.kind())
                .set("args", JsonText.JSON.readTree(entry.args()));
        object.put("queue", entry.queue())
                .put("priority", entry.priority())
                .put("max_attempts", entry.maxAttempts())
                .put("timeout", timeout == null ? null : timeout.toString())
                .set("tags", JsonText.JSON.valueToTree(entry.tags()));
        object.set("metadata", entry.metadata() == null ? null : JsonText.JSON.readTree(entry.metadata()));
        return object.put("retry_policy", entry.retryPolicy())
                .put("missed", entry.missed().word())
                .put("source", entry.inCode() ? "code" : "database")
                .put("enabled", entry.enabled())
                .put("last_tick", text(entry.lastTick()))
                .put("next_tick", text(entry.nextTick()))
                .put("error", entry.error());
    }

    private static @Nullable String text(@Nullable Instant moment) {
        return moment == null ? null : moment.toString();
    }
}
