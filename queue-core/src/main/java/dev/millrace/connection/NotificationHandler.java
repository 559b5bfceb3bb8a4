package dev.millrace.connection;

/** Receives notifications on the listener's thread: it must only set flags, never block and never run user code. */
public interface NotificationHandler {

    void notified(String payload);

    /** Listening has begun or begun again: what was sent before may have been missed. */
    void missed();
}
