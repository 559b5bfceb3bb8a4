package dev.millrace.worker.bench;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

/** Workers in processes of their own, which stay from measurement to measurement: only the first finds them cold. */
final class ProcessWorkforce implements Workforce {

    private static final long CHECK_NANOS = 1_000_000_000;

    private final int slots;
    private final List<Child> children = new ArrayList<>();
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition progress = lock.newCondition();

    /** Starts so many processes. */
    ProcessWorkforce(Supplier<ProcessBuilder> program, int processes, int slots) throws IOException {
        this.slots = slots;
        try {
            for (int i = 0; i < processes; i++) {
                children.add(Child.start(program.get(), this::signal));
            }
        } catch (IOException | RuntimeException failure) {
            close();
            throw failure;
        }
    }

    private void signal() {
        lock.lock();
        try {
            progress.signalAll();
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void start(String queue, int jobs) throws IOException, InterruptedException {
        for (Child child : children) {
            child.order(new Pipe.Order(Pipe.What.WORK, queue, jobs, slots, 0));
        }
        for (Child child : children) {
            child.answer();
        }
    }

    @Override
    public long ran() {
        return children.stream().mapToLong(Child::ran).sum();
    }

    @Override
    public boolean await(long jobs, long limitNanos) throws InterruptedException, IOException {
        long deadline = System.nanoTime() + limitNanos;
        lock.lock();
        try {
            while (ran() < jobs) {
                long left = deadline - System.nanoTime();
                if (left <= 0) {
                    return false;
                }
                progress.awaitNanos(Math.min(left, CHECK_NANOS));
                for (Child child : children) {
                    child.requireAlive();
                }
            }
            return true;
        } finally {
            lock.unlock();
        }
    }

    @Override
    public Tally stop() throws IOException, InterruptedException {
        for (Child child : children) {
            child.order(new Pipe.Order(Pipe.What.STOP, "", 0, 0, 0));
        }
        List<Tally> tallies = new ArrayList<>();
        for (Child child : children) {
            Tally tally = child.answer().tally();
            if (tally == null) {
                throw new IOException("A process of the benchmark did not tell what it had run");
            }
            tallies.add(tally);
        }
        return Tally.of(tallies);
    }

    @Override
    public void close() {
        children.forEach(Child::closeInput);
        children.forEach(Child::close);
        children.clear();
    }
}
