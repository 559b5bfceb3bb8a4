package dev.millrace.worker.cli;

import java.io.PrintWriter;
import java.util.List;

/** Rows for people to read: columns as wide as they need to be, no rules, no blanks at the end of a line. */
final class TextTable {

    private TextTable() {}

    /** Prints rows of the same length, the head first; cells may have colours. */
    static void print(PrintWriter out, List<String[]> rows) {
        int[] widths = new int[rows.get(0).length];
        for (String[] row : rows) {
            for (int column = 0; column < widths.length; column++) {
                widths[column] = Math.max(widths[column], Colors.width(row[column]));
            }
        }
        for (String[] row : rows) {
            StringBuilder line = new StringBuilder();
            for (int column = 0; column < widths.length; column++) {
                line.append(row[column]).append(" ".repeat(widths[column] - Colors.width(row[column]) + 2));
            }
            out.println(line.toString().stripTrailing());
        }
    }

    /** Text of others without line ends and control characters, which could steer the terminal. */
    static String cell(String text) {
        return text.replaceAll("\\R", " ").replaceAll("\\p{Cntrl}", "?");
    }
}
