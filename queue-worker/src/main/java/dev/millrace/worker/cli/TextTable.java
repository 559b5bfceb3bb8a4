package dev.millrace.worker.cli;

import java.io.PrintWriter;
import java.util.List;

/** Rows for people to read: columns as wide as they need to be, no rules, no blanks at the end of a line. */
final class TextTable {

    private TextTable() {}

    /** Prints rows of the same length, the head first. */
    static void print(PrintWriter out, List<String[]> rows) {
        int[] widths = new int[rows.get(0).length];
        for (String[] row : rows) {
            for (int column = 0; column < widths.length; column++) {
                widths[column] = Math.max(widths[column], row[column].length());
            }
        }
        for (String[] row : rows) {
            StringBuilder line = new StringBuilder();
            for (int column = 0; column < widths.length; column++) {
                line.append(row[column]).append(" ".repeat(widths[column] - row[column].length() + 2));
            }
            out.println(line.toString().stripTrailing());
        }
    }
}
