package dev.millrace.worker.metrics;

import java.util.function.DoubleSupplier;

/** Reads what there is only once a worker has started. */
final class Reading {

    private Reading() {}

    /** The value, or the other one before the start. */
    static double of(DoubleSupplier value, double before) {
        try {
            return value.getAsDouble();
        } catch (IllegalStateException notStarted) {
            return before;
        }
    }
}
