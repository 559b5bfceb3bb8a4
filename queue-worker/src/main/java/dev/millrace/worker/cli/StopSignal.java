package dev.millrace.worker.cli;

import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * SIGTERM and Ctrl-C: drain, then exit 0, where the JVM would exit with 143 after its hooks; a second one while it drains: hurry.
 * Made before the worker starts, so that a signal during a long start counts as well; closed when the command ends by itself.
 */
final class StopSignal implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(StopSignal.class);

    private final CountDownLatch never = new CountDownLatch(1);
    private final Thread hook;

    /**
     * Arms it.
     *
     * @param drain what to do before the process ends
     * @param hurry what makes it end sooner, for whoever does not want to wait
     * @param limit how long that may take; a process that does not end would be killed, with less said about it
     */
    StopSignal(Runnable drain, Runnable hurry, Duration limit) {
        hook = new Thread(
                () -> {
                    onNext("TERM", hurry);
                    onNext("INT", hurry);
                    Runtime.getRuntime().halt(drained(drain, limit) ? ExitStatus.DONE : ExitStatus.FAILED);
                },
                "stop-signal");
        Runtime.getRuntime().addShutdownHook(hook);
    }

    /**
     * The JVM does nothing at a signal while its hooks run. Its own interface for signals is no part of Java, so it is asked for by
     * name; where there is none, the second signal does nothing.
     */
    private static void onNext(String name, Runnable action) {
        try {
            Class<?> signal = Class.forName("sun.misc.Signal");
            Class<?> handler = Class.forName("sun.misc.SignalHandler");
            Object hurries = Proxy.newProxyInstance(
                    handler.getClassLoader(), new Class<?>[] {handler}, (self, method, arguments) -> {
                        action.run();
                        return null;
                    });
            signal.getMethod("handle", signal, handler)
                    .invoke(null, signal.getConstructor(String.class).newInstance(name), hurries);
        } catch (ReflectiveOperationException | RuntimeException none) {
            LOG.debug("A second SIG{} will do nothing", name, none);
        }
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
