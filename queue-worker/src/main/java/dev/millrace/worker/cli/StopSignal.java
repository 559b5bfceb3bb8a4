package dev.millrace.worker.cli;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.LockSupport;

/**
 * SIGTERM and Ctrl-C: drain, then exit 0, where the JVM would exit with 143 after its hooks. Made before the worker starts, so
 * that a signal during a long start counts as well; closed when the command ends by itself.
 */
final class StopSignal implements AutoCloseable {

    private final CountDownLatch never = new CountDownLatch(1);
    private final Thread hook;

    /**
     * Arms it.
     *
     * @param drain what to do before the process ends
     * @param limit how long that may take; a process that does not end would be killed, with less said about it
     */
    StopSignal(Runnable drain, Duration limit) {
        hook = new Thread(
                () -> Runtime.getRuntime().halt(drained(drain, limit) ? ExitStatus.DONE : ExitStatus.FAILED),
                "stop-signal");
        Runtime.getRuntime().addShutdownHook(hook);
    }

    private static boolean drained(Runnable drain, Duration limit) {
        CountDownLatch done = new CountDownLatch(1);
        Thread drainer = new Thread(
                () -> {
                    drain.run();
                    done.countDown();
                },
                "stop-drain");
        drainer.setDaemon(true);
        drainer.start();
        try {
            drainer.join(limit.toMillis());
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
        System.err.flush();
        return done.getCount() == 0;
    }

    /** Waits for a signal, which ends the process: it returns only by being interrupted. */
    void await() throws InterruptedException {
        never.await();
    }

    /** Disarms it. Once a signal has come this does not return: what it drains must not be taken away from under it. */
    @Override
    public void close() {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException stopping) {
            while (true) {
                LockSupport.park(never);
            }
        }
    }
}
