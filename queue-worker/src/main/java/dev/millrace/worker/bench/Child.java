package dev.millrace.worker.bench;

import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** A {@link BenchProcess} that was started from here. Used by one thread. */
final class Child implements AutoCloseable {

    /** A Java that starts while dozens do, on few cores. */
    private static final Duration ANSWER = Duration.ofMinutes(2);

    private static final Duration END = Duration.ofSeconds(40);

    private final Process process;
    private final Pipe pipe;
    private final BlockingQueue<Pipe.Report> answers = new LinkedBlockingQueue<>();
    private final Runnable onProgress;
    private volatile long ran;

    private Child(Process process, Runnable onProgress) {
        this.process = process;
        this.pipe = new Pipe(process.getInputStream(), process.getOutputStream());
        this.onProgress = onProgress;
    }

    /**
     * Starts it.
     *
     * @param onProgress is called whenever it has told of more jobs, on another thread
     */
    static Child start(ProcessBuilder program, Runnable onProgress) throws IOException {
        Child child = new Child(program.redirectError(Redirect.INHERIT).start(), onProgress);
        Thread reader = new Thread(child::read, "bench-child-" + child.process.pid());
        reader.setDaemon(true);
        reader.start();
        return child;
    }

    private void read() {
        try {
            for (Pipe.Report report = pipe.read(Pipe.Report.class);
                    report != null;
                    report = pipe.read(Pipe.Report.class)) {
                if (report.ready() || report.tally() != null) {
                    answers.add(report);
                } else {
                    ran = report.ran();
                    onProgress.run();
                }
            }
        } catch (IOException closed) {
            // Its end shows where the next answer is waited for.
            process.destroy();
        }
    }

    /** Jobs that it had run when it last told, since it was told to work. */
    long ran() {
        return ran;
    }

    void order(Pipe.Order order) {
        if (order.what() == Pipe.What.WORK) {
            ran = 0;
        }
        pipe.write(order);
    }

    /** The answer to an order. */
    Pipe.Report answer() throws InterruptedException, IOException {
        long deadline = System.nanoTime() + ANSWER.toNanos();
        while (System.nanoTime() < deadline) {
            Pipe.Report answer = answers.poll(100, TimeUnit.MILLISECONDS);
            if (answer != null) {
                return answer;
            }
            requireAlive();
        }
        throw new IOException("Process " + process.pid() + " of the benchmark did not answer within " + ANSWER);
    }

    void requireAlive() throws IOException {
        if (!process.isAlive() && answers.isEmpty()) {
            throw new IOException("Process " + process.pid() + " of the benchmark has ended with status "
                    + process.exitValue() + ": see what it wrote above");
        }
    }

    /** The end of its input is the end of the process, which has worked off what it was at; killed if that takes too long. */
    @Override
    public void close() {
        closeInput();
        boolean ended;
        try {
            ended = process.waitFor(END.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            ended = false;
        }
        if (!ended) {
            process.destroyForcibly();
        }
    }

    /** Lets it end without waiting for that. */
    void closeInput() {
        try {
            process.getOutputStream().close();
        } catch (IOException alreadyGone) {
            process.destroy();
        }
    }
}
