package dev.millrace.examples.quickstart;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * The command line.
 *
 * @param folder whose files are read; null for this repository
 * @param keep whether server and worker go on after the last job
 * @param help whether only usage was asked for
 */
record Arguments(@Nullable Path folder, boolean keep, boolean help) {

    static final String USAGE = """
            Usage: examples/quickstart [FOLDER] [--keep]
            Computes the SHA-256 of every file in FOLDER, one durable job a file, on a PostgreSQL of its own.
              FOLDER   what to read, with its subfolders; default: this repository without .git and target folders
              --keep   leave the database and the worker running until Ctrl-C""";

    static Arguments parse(String... words) throws QuickstartException {
        Path folder = null;
        boolean keep = false;
        boolean help = false;
        for (String word : words) {
            if (word.equals("--keep")) {
                keep = true;
            } else if (word.equals("--help") || word.equals("-h")) {
                help = true;
            } else if (word.startsWith("-")) {
                throw new QuickstartException(
                        QuickstartException.USAGE, "Option '" + word + "' is not known.\n" + USAGE);
            } else if (folder != null) {
                throw new QuickstartException(
                        QuickstartException.USAGE, "One folder is enough, but there is also '" + word + "'.\n" + USAGE);
            } else {
                folder = path(word);
            }
        }
        return new Arguments(folder, keep, help);
    }

    private static Path path(String word) throws QuickstartException {
        try {
            return Path.of(word);
        } catch (InvalidPathException e) {
            throw new QuickstartException(
                    QuickstartException.USAGE, "Folder '" + word + "' is not a possible path: " + e.getReason(), e);
        }
    }
}
