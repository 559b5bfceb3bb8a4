package dev.millrace.testing;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Predicate;

/**
 * Records what happened and lets a test wait for it instead of sleeping. Give it to the code under test as a listener
 * ({@code signal} or {@code signal::accept}). Safe for use by many threads.
 *
 * @param <T> the events
 */
public final class TestSignal<T> implements Consumer<T> {

    private final List<T> events = new ArrayList<>();
    private int awaited;

    /** Records one event. */
    @Override
    public synchronized void accept(T event) {
        events.add(event);
        notifyAll();
    }

    /**
     * The oldest event that no earlier call of this method has returned; waits for it.
     *
     * @throws AssertionError with all events seen, if there is none in time
     */
    public synchronized T await(Duration timeout) {
        awaitThat(() -> events.size() > awaited, timeout);
        return events.get(awaited++);
    }

    /**
     * The oldest event that matches, already recorded or still to come.
     *
     * @throws AssertionError with all events seen, if there is none in time
     */
    public synchronized T await(Predicate<? super T> matching, Duration timeout) {
        awaitThat(() -> events.stream().anyMatch(matching), timeout);
        return events.stream().filter(matching).findFirst().orElseThrow();
    }

    /** All events so far, oldest first. */
    public synchronized List<T> all() {
        return List.copyOf(events);
    }

    private synchronized void awaitThat(BooleanSupplier condition, Duration timeout) {
        long deadline = System.nanoTime() + timeout.toNanos();
        while (!condition.getAsBoolean()) {
            long left = deadline - System.nanoTime();
            if (left <= 0) {
                throw new AssertionError("no such event within " + timeout + "; seen: " + events);
            }
            try {
                wait(left / 1_000_000, (int) (left % 1_000_000));
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new AssertionError("interrupted while waiting; seen: " + events, e);
            }
        }
    }
}
