package dev.millrace.examples.quickstart;

import java.io.PrintStream;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The program behind {@code examples/quickstart}: reads the command line, and ends clean whatever ends it. */
public final class Quickstart {

    /** Not part of what a newcomer wants to see read from the default folder. */
    private static final Set<String> NO_SOURCES = Set.of(".git", "target");

    private Quickstart() {}

    /** Exit status: 0 if all jobs completed, 1 if not, 2 if the command line makes no sense. */
    public static void main(String[] words) {
        // Before the first logger; in the jar's root it would be the configuration of whoever uses the handlers.
        System.setProperty("logback.configurationFile", "dev/millrace/examples/quickstart/logback.xml");
        int status;
        try {
            status = run(words);
        } catch (QuickstartException failure) {
            System.err.println("quickstart: " + failure.getMessage());
            status = failure.exitStatus();
        } catch (InterruptedException interrupted) {
            status = QuickstartException.FAILED;
        }
        System.exit(status);
    }

    private static int run(String[] words) throws QuickstartException, InterruptedException {
        Arguments arguments = Arguments.parse(words);
        if (arguments.help()) {
            System.out.println(Arguments.USAGE);
            return 0;
        }
        Path repository = repository();
        @Nullable Path named = arguments.folder();
        FolderFiles files = named == null ? FolderFiles.in(repository, NO_SOURCES) : FolderFiles.in(named, Set.of());
        // The script knows whether it writes to a terminal; Java can't tell in all its versions.
        boolean terminal = Boolean.getBoolean("millrace.quickstart.terminal");
        PrintStream out = System.out;
        try (Stage stage = Stage.set(repository, out)) {
            return new Run(stage, out, terminal).of(files, arguments.keep());
        }
    }

    /** Found from where this class is: in {@code examples/target}, as a jar or a folder. */
    private static Path repository() throws QuickstartException {
        try {
            Path code = Path.of(Quickstart.class
                    .getProtectionDomain()
                    .getCodeSource()
                    .getLocation()
                    .toURI());
            return Objects.requireNonNull(code.resolve("../../..").normalize());
        } catch (URISyntaxException e) {
            throw new QuickstartException(
                    QuickstartException.FAILED, "The repository was not found: run examples/quickstart.", e);
        }
    }
}
