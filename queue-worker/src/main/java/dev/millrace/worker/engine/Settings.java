package dev.millrace.worker.engine;

import java.util.Map;

/**
 * What is set in the database for queues at run time, as it was last read: at the start, on notice, and with each heartbeat.
 * Thread-safe.
 */
final class Settings {

    /**
     * What was read.
     *
     * @param slots by queue, where they are set
     * @param keptNothing by {@link #rule}: whether the rule is to keep nothing
     */
    record Read(Map<String, Integer> slots, Map<String, Boolean> keptNothing) {

        /** A rule for a state and a queue, or for all queues where that is empty. */
        static String rule(String queue, String state) {
            return state + " " + queue;
        }
    }

    private volatile Read current = new Read(Map.of(), Map.of());

    /** Called by one thread; returns whether anything has changed. */
    boolean update(Read read) {
        boolean changed = !read.equals(current);
        current = read;
        return changed;
    }

    /** Slots of a queue: what is set, else the worker's own. */
    int slots(String queue, int own) {
        return current.slots().getOrDefault(queue, own);
    }

    /** Whether every job that ends is to be found afterwards. */
    boolean keepsAll() {
        return !current.keptNothing().containsValue(true);
    }

    /** Whether a job of this queue that ends in this state is to be found afterwards. */
    boolean keeps(String queue, String state) {
        Map<String, Boolean> rules = current.keptNothing();
        Boolean own = rules.get(Read.rule(queue, state));
        return !(own == null ? rules.getOrDefault(Read.rule("", state), false) : own);
    }
}
