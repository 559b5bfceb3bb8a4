package dev.millrace.migrations;

import java.io.IOException;
import java.io.InputStream;
import java.io.Reader;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.flywaydb.core.api.resource.LoadableResource;

/**
 * One migration: the text that leads from one schema version to the next. Immutable.
 *
 * @param fileName {@code V<version>__<description>.sql}
 * @param text the SQL
 */
record MigrationScript(String fileName, String text) {

    private static final Pattern NAME = Pattern.compile("V(\\d+)__(\\w+)\\.sql");

    private static final String LOCATION = "sql/";

    /**
     * All of this release, by version. Named one by one, because looking for files on a class path depends on the class
     * loader and on how the jars are packed, and a migration that is not found would not be missed.
     */
    static final List<MigrationScript> ALL = List.of(
            read("V1__job_tables.sql"),
            read("V2__job_operations.sql"),
            read("V3__periodic_jobs.sql"),
            read("V4__queues.sql"),
            read("V5__history_unchecked.sql"),
            read("V6__enqueue_by_index.sql"));

    MigrationScript {
        if (!NAME.matcher(fileName).matches()) {
            throw new IllegalArgumentException(
                    "Migration '" + fileName + "' must be named V<version>__<description>.sql");
        }
    }

    int version() {
        return Integer.parseInt(matched().group(1));
    }

    String description() {
        return matched().group(2).replace('_', ' ');
    }

    /** The same text in the form that Flyway reads and computes its checksum from. */
    LoadableResource resource() {
        return new LoadableResource() {
            @Override
            public Reader read() {
                return new StringReader(text);
            }

            @Override
            public String getAbsolutePath() {
                return "dev/millrace/migrations/" + LOCATION + fileName;
            }

            @Override
            public String getAbsolutePathOnDisk() {
                return getAbsolutePath();
            }

            @Override
            public String getFilename() {
                return fileName;
            }

            @Override
            public String getRelativePath() {
                return fileName;
            }
        };
    }

    private Matcher matched() {
        Matcher matcher = NAME.matcher(fileName);
        matcher.matches();
        return matcher;
    }

    private static MigrationScript read(String fileName) {
        // Relative to this class: the name follows it when a build relocates the package.
        try (InputStream stream = MigrationScript.class.getResourceAsStream(LOCATION + fileName)) {
            if (stream == null) {
                throw new IllegalStateException("The migration " + fileName
                        + " is missing from the jar of Millrace: check what your build leaves out when it packs jars");
            }
            return new MigrationScript(fileName, new String(stream.readAllBytes(), StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
