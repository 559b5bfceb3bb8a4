package dev.millrace.worker.bench;

/** Limits of numbers that a user gives. */
final class Range {

    private Range() {}

    static void require(String what, long value, long least, long most) {
        if (value < least || value > most) {
            throw new IllegalArgumentException(
                    "Benchmark with " + what + " " + value + " is out of range: " + least + " to " + most);
        }
    }
}
