package dev.millrace.testing;

import dev.millrace.testing.FaultProxy.Direction;
import dev.millrace.testing.FaultProxy.Handshake;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;

/** The faults of a {@link FaultProxy} that last, and its counters; for the proxy's thread, but all may read counters. */
final class FaultRules {

    enum Flow {
        PASS,
        STALL,
        BLACK_HOLE
    }

    final Map<Direction, Flow> flow = new EnumMap<>(Direction.class);
    final Map<Direction, AtomicLong> passed = new EnumMap<>(Direction.class);
    final Map<Direction, AtomicLong> swallowed = new EnumMap<>(Direction.class);
    long latencyNanos;
    int chunk = FaultConnection.BUFFER;
    Handshake handshake = Handshake.PASS;

    FaultRules() {
        for (Direction direction : Direction.values()) {
            passed.put(direction, new AtomicLong());
            swallowed.put(direction, new AtomicLong());
        }
        clear();
    }

    /** No faults; the counters stay. */
    void clear() {
        for (Direction direction : Direction.values()) {
            flow.put(direction, Flow.PASS);
        }
        latencyNanos = 0;
        chunk = FaultConnection.BUFFER;
        handshake = Handshake.PASS;
    }
}
