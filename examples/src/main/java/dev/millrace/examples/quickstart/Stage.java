package dev.millrace.examples.quickstart;

import dev.millrace.error.MillraceException;
import dev.millrace.examples.embedded.EmbeddedDatabase;
import dev.millrace.examples.embedded.TemporaryFolder;
import dev.millrace.migrations.Migrator;
import dev.millrace.migrations.SchemaName;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * All that a run needs: a folder, a migrated database, a worker process. Taken down in the order that loses nothing, at
 * the end or by Ctrl-C. Safe for use by many threads.
 */
final class Stage implements AutoCloseable {

    private final PrintStream out;
    private final Deque<AutoCloseable> opened = new ArrayDeque<>();
    private final Thread hook = new Thread(this::stop, "quickstart-stop");
    private @Nullable TemporaryFolder folder;
    private @Nullable EmbeddedDatabase database;
    private @Nullable WorkerProcess worker;
    private volatile boolean stopping;
    private boolean down;

    private Stage(PrintStream out) {
        this.out = out;
    }

    static Stage set(Path repository, PrintStream out) throws QuickstartException {
        Stage stage = new Stage(out);
        Runtime.getRuntime().addShutdownHook(stage.hook);
        try {
            stage.open(repository);
            return stage;
        } catch (QuickstartException | RuntimeException failure) {
            stage.close();
            throw failure;
        }
    }

    EmbeddedDatabase database() {
        return opened(database);
    }

    WorkerProcess worker() {
        return opened(worker);
    }

    /** Whether Ctrl-C or SIGTERM has begun to end it all: what fails from now on is no news. */
    boolean isStopping() {
        return stopping;
    }

    /** Keeps what the worker has logged; in words where it is. */
    String keptWorkerLog() {
        return kept("worker", opened(folder), worker().log());
    }

    private static TemporaryFolder createFolder() throws QuickstartException {
        try {
            return TemporaryFolder.create("millrace-quickstart-");
        } catch (IOException failure) {
            throw new QuickstartException(QuickstartException.FAILED, String.valueOf(failure.getMessage()), failure);
        }
    }

    private static EmbeddedDatabase startDatabase(TemporaryFolder home) throws QuickstartException {
        Path log = home.path().resolve("postgres.log");
        try {
            return EmbeddedDatabase.start(home.path(), log, Map.of());
        } catch (IOException failure) {
            throw new QuickstartException(
                    QuickstartException.FAILED, failure.getMessage() + " " + kept("server", home, log), failure);
        }
    }

    /** Keeps a log that is needed after the end; in words where it is. */
    private static String kept(String whose, TemporaryFolder home, Path log) {
        try {
            return "Log of the " + whose + ": " + home.rescue(log);
        } catch (IOException e) {
            return "The log of the " + whose + " could not be kept: " + e.getMessage();
        }
    }

    private void open(Path repository) throws QuickstartException {
        TemporaryFolder home = opening(createFolder());
        folder = home;
        out.println("Starting PostgreSQL …");
        EmbeddedDatabase server;
        synchronized (this) {
            // Under the lock, so that Ctrl-C now waits for it to be up, and then stops it.
            checkUp();
            server = opening(startDatabase(home));
        }
        database = server;
        try {
            Migrator.of(server.dataSource(), SchemaName.DEFAULT).migrate();
        } catch (MillraceException e) {
            checkUp();
            throw new QuickstartException(
                    QuickstartException.FAILED, "The job tables could not be created: " + e.getMessage(), e);
        }
        synchronized (this) {
            checkUp();
            worker = opening(WorkerProcess.start(
                    repository.resolve("queue-worker/target/queue-worker.jar"),
                    repository.resolve("examples/target/examples.jar"),
                    server.url(),
                    home.path().resolve("worker.log")));
        }
    }

    private synchronized <T extends AutoCloseable> T opening(T resource) {
        opened.push(resource);
        return resource;
    }

    private synchronized void checkUp() throws QuickstartException {
        if (down) {
            throw new QuickstartException(QuickstartException.FAILED, "Stopped.");
        }
    }

    private static <T> T opened(@Nullable T resource) {
        if (resource == null) {
            throw new IllegalStateException("The stage is not set");
        }
        return resource;
    }

    @Override
    public void close() {
        takeDown();
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException stopping) {
            // The hook runs already, and finds nothing left to do.
        }
    }

    private void stop() {
        stopping = true;
        out.println("\nStopping …");
        takeDown();
    }

    private synchronized void takeDown() {
        down = true;
        while (!opened.isEmpty()) {
            AutoCloseable last = opened.pop();
            try {
                last.close();
            } catch (Exception e) {
                System.err.println("quickstart: could not clean up: " + e);
            }
        }
    }
}
