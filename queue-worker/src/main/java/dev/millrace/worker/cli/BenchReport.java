package dev.millrace.worker.cli;

import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** The figures of {@code bench} for people: a line each, with what each run came to. */
final class BenchReport {

    private static final String RUNS = "runs";
    private static final String SETTINGS = "settings";

    private BenchReport() {}

    static void print(Map<String, Object> report, PrintWriter out) {
        Map<?, ?> runs = report.get(RUNS) instanceof Map<?, ?> map ? map : Map.of();
        out.println(String.format("%-42s %12s   %s", "", "median", "runs"));
        report.forEach((name, value) -> {
            if (!name.equals(RUNS) && !name.equals(SETTINGS)) {
                print(name, value, runs, out);
            }
        });
        out.println();
        if (report.get(SETTINGS) instanceof Map<?, ?> settings) {
            settings.forEach((name, value) -> out.println(String.format("%-42s %12s", name, text(value))));
        }
    }

    private static void print(String name, @Nullable Object value, Map<?, ?> runs, PrintWriter out) {
        if (value instanceof Map<?, ?> within) {
            within.forEach((key, each) -> print(name + "." + key, each, runs, out));
        } else {
            String each = runs.get(name) instanceof List<?> list && list.size() > 1 ? text(list) : "";
            out.println(
                    String.format("%-42s %12s   %s", name, text(value), each).stripTrailing());
        }
    }

    private static String text(@Nullable Object value) {
        if (value == null) {
            return "not measurable";
        }
        if (value instanceof List<?> list) {
            return list.stream().map(BenchReport::text).collect(Collectors.joining(" "));
        }
        return value instanceof Long number ? String.format(Locale.ROOT, "%,d", number) : value.toString();
    }
}
