package dev.millrace.worker.cli;

import dev.millrace.connection.Database;
import dev.millrace.worker.doctor.Doctor;
import dev.millrace.worker.doctor.Finding;
import dev.millrace.worker.doctor.Finding.Level;
import dev.millrace.worker.doctor.Report;
import java.io.PrintWriter;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Tells whether the database is fit for a queue, and what to do where it is not. */
@Command(
        name = "doctor",
        description =
                "Looks whether the database is fit: each line is OK, WARN or FAIL, what was found, and what to do. Changes nothing.",
        footer = {
            "",
            "Exit status 1 if a line is FAIL; warnings do not count.",
            "",
            "  millrace doctor",
            "  millrace doctor --json | jq '.findings[] | select(.level != \"ok\")'"
        })
final class DoctorCommand extends MillraceCommand {

    @Option(names = "--json", description = "One JSON object instead of lines.")
    private boolean json;

    @Option(
            names = "--pool-size",
            paramLabel = "N",
            description = "Pool size of the workers, for the budget of connections. Default: 10.")
    private int poolSize = Database.DEFAULT_POOL_SIZE;

    DoctorCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run() {
        Report report = Doctor.of(database().withPoolSize(poolSize)).examine();
        if (json) {
            terminal.out().println(Secrets.masked(json(report)));
        } else {
            show(report);
        }
        return report.isFit() ? ExitStatus.DONE : ExitStatus.FAILED;
    }

    private void show(Report report) {
        PrintWriter out = terminal.out();
        out.println("Database " + report.database() + ", schema " + report.schema());
        int width = report.findings().stream()
                .mapToInt(finding -> finding.check().length())
                .max()
                .orElse(0);
        for (Finding finding : report.findings()) {
            String check = finding.check() + " ".repeat(width - finding.check().length());
            out.println(level(finding.level()) + Secrets.masked("  %s  %s".formatted(check, finding.found())));
            if (finding.advice() != null) {
                out.println(Secrets.masked("      " + " ".repeat(width) + "  → " + finding.advice()));
            }
        }
        out.println((report.isFit() ? "Fit" : "Not fit") + ": " + report.count(Level.OK) + " ok, "
                + report.count(Level.WARN) + " to look at, " + report.count(Level.FAIL) + " failed");
    }

    private String level(Level level) {
        String word = "%-4s".formatted(level);
        return switch (level) {
            case OK -> colors().green(word);
            case WARN -> colors().yellow(word);
            case FAIL -> colors().red(word);
        };
    }

    private static String json(Report report) {
        ObjectNode object = JsonText.JSON.createObjectNode();
        object.put("database", report.database());
        object.put("schema", report.schema());
        object.put("fit", report.isFit());
        ArrayNode findings = object.putArray("findings");
        for (Finding finding : report.findings()) {
            ObjectNode one = findings.addObject();
            one.put("check", finding.check());
            one.put("level", finding.level().name().toLowerCase(Locale.ROOT));
            one.put("found", finding.found());
            if (finding.advice() != null) {
                one.put("advice", finding.advice());
            }
        }
        return JsonText.JSON.writeValueAsString(object);
    }
}
