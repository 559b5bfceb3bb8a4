package dev.millrace.worker.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import org.jspecify.annotations.Nullable;

/**
 * Values of options in a properties file, in UTF-8. A key that no option has is refused, so that nobody relies on a line that does
 * nothing; the message names the line and never the value, which may be a secret. Immutable.
 */
final class ConfigFile {

    /** Further apart than this, two names are not one that was misspelt. */
    private static final int NEAR = 3;

    private record Entry(int line, String value) {}

    private final Path path;
    private final Map<String, Entry> entries = new LinkedHashMap<>();

    /**
     * Reads it.
     *
     * @throws UsageException if it can't be read, a key is given twice, or a line is not understood
     */
    ConfigFile(Path path) {
        this.path = path;
        try (BufferedReader reader = Files.newBufferedReader(path)) {
            int number = 0;
            StringBuilder logical = new StringBuilder();
            int begin = 1;
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                number++;
                begin = logical.isEmpty() ? number : begin;
                logical.append(line).append('\n');
                if (!isContinued(line)) {
                    add(begin, logical.toString());
                    logical.setLength(0);
                }
            }
            add(begin, logical.toString());
        } catch (IOException failure) {
            throw new UsageException("Configuration file " + path + " can't be read: " + failure, failure);
        }
    }

    private static boolean isContinued(String line) {
        int backslashes = 0;
        while (backslashes < line.length() && line.charAt(line.length() - 1 - backslashes) == '\\') {
            backslashes++;
        }
        return backslashes % 2 == 1
                && !line.stripLeading().startsWith("#")
                && !line.stripLeading().startsWith("!");
    }

    /** A line and those that continue it, by the rules of Java's properties. */
    private void add(int number, String line) throws IOException {
        Properties parsed = new Properties();
        try {
            parsed.load(new StringReader(line));
        } catch (IllegalArgumentException malformed) {
            throw new UsageException(place(number) + ": an escape \\u needs four hexadecimal digits");
        }
        for (String key : parsed.stringPropertyNames()) {
            Entry before = entries.putIfAbsent(key, new Entry(number, parsed.getProperty(key)));
            if (before != null) {
                throw new UsageException(
                        place(number) + ": '" + key + "' was given in line " + before.line + " already");
            }
        }
    }

    /**
     * Checks that each key is one of these.
     *
     * @throws UsageException for the first that is not
     */
    void requireKnown(Collection<String> known) {
        entries.forEach((key, entry) -> {
            if (!known.contains(key)) {
                Optional<String> near = known.stream()
                        .filter(name -> distance(key, name) <= NEAR || name.endsWith("." + key))
                        .min(Comparator.comparingInt((String name) -> distance(key, name))
                                .thenComparing(name -> name));
                throw new UsageException(place(entry.line) + ": there is no option '" + key + "'"
                        + near.map(name -> ", is " + name + " meant?").orElse(""));
            }
        });
    }

    @Nullable String value(String key) {
        Entry entry = entries.get(key);
        return entry == null ? null : entry.value;
    }

    /** Where the value is from, for messages. */
    String origin(String key) {
        Entry entry = entries.get(key);
        return entry == null ? String.valueOf(path) : place(entry.line);
    }

    private String place(int line) {
        return path + ", line " + line;
    }

    /** Characters to insert, delete or replace. */
    private static int distance(String one, String other) {
        int[] row = new int[other.length() + 1];
        for (int j = 0; j < row.length; j++) {
            row[j] = j;
        }
        for (int i = 1; i <= one.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j < row.length; j++) {
                int replaced = diagonal + (one.charAt(i - 1) == other.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(replaced, Math.min(row[j], row[j - 1]) + 1);
            }
        }
        return row[other.length()];
    }
}
