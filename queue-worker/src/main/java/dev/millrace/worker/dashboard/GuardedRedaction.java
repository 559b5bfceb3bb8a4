package dev.millrace.worker.dashboard;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A redaction of users' code that may fail: nothing is shown then. Thread-safe. */
final class GuardedRedaction implements Redaction {

    private static final Logger LOG = LoggerFactory.getLogger(GuardedRedaction.class);

    private final Redaction redaction;

    GuardedRedaction(Redaction redaction) {
        this.redaction = redaction;
    }

    @Override
    public String shown(String kind, Part part, String json) {
        try {
            return redaction.shown(kind, part, json);
        } catch (RuntimeException failure) {
            LOG.warn("The redaction failed on the {} of a job of kind {}, which are not shown", part, kind, failure);
            return "hidden, since the redaction failed";
        }
    }
}
