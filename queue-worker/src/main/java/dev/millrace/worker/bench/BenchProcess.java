package dev.millrace.worker.bench;

import dev.millrace.Millrace;
import dev.millrace.connection.Database;
import dev.millrace.job.JobType;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import org.jspecify.annotations.Nullable;

/** A further process of a benchmark: works or enqueues as it is told on its input, until that ends. Used once. */
public final class BenchProcess {

    /** How often it tells how far it is, and no more than that. */
    private static final long TELL_NANOS = 10_000_000;

    private final Database database;
    private final Pipe pipe;
    private @Nullable LocalWorkforce workforce;
    private @Nullable Thread teller;
    private volatile boolean working;
    private @Nullable Millrace millrace;

    /** Waits for orders, and reports to {@code out}. */
    public BenchProcess(Database database, InputStream in, OutputStream out) {
        this.database = database;
        this.pipe = new Pipe(in, out);
    }

    /** Returns when the input ends. */
    public void run() throws IOException, InterruptedException {
        try {
            for (Pipe.Order order = pipe.read(Pipe.Order.class); order != null; order = pipe.read(Pipe.Order.class)) {
                switch (order.what()) {
                    case WORK -> work(order);
                    case STOP -> stop();
                    case ENQUEUE -> enqueue(order);
                }
            }
        } finally {
            stopTelling();
            if (workforce != null) {
                workforce.close();
            }
            if (millrace != null) {
                millrace.close();
            }
        }
    }

    private void work(Pipe.Order order) {
        LocalWorkforce started = new LocalWorkforce(database, order.slots());
        workforce = started;
        started.start(order.queue(), order.n());
        pipe.write(new Pipe.Report(true, 0, null));
        working = true;
        teller = new Thread(() -> tell(started), "bench-progress");
        teller.setDaemon(true);
        teller.start();
    }

    private void tell(LocalWorkforce started) {
        long told = 0;
        try {
            while (working) {
                long ran = started.ran();
                if (ran > told) {
                    told = ran;
                    pipe.write(new Pipe.Report(false, told, null));
                }
                started.await(Long.MAX_VALUE, TELL_NANOS);
            }
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
        }
    }

    private void stop() throws InterruptedException {
        stopTelling();
        if (workforce == null) {
            throw new IllegalStateException("Told to stop without having been told to work");
        }
        pipe.write(new Pipe.Report(false, 0, workforce.stop()));
        workforce = null;
    }

    private void stopTelling() throws InterruptedException {
        working = false;
        if (teller != null) {
            teller.interrupt();
            teller.join();
            teller = null;
        }
    }

    private void enqueue(Pipe.Order order) {
        if (millrace == null) {
            millrace = Millrace.connect(database);
        }
        JobType<Load.Timed> type = Load.TIMED.withDefaults(options -> options.queue(order.queue()));
        // Made before the clock is read.
        String pad = Load.pad(order.argsBytes());
        millrace.enqueue(type, new Load.Timed(order.n(), Load.micros(), pad));
        pipe.write(new Pipe.Report(true, 0, null));
    }
}
