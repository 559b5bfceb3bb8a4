package dev.millrace.worker.engine;

import java.util.concurrent.ThreadFactory;

/**
 * Threads for slots: virtual from JDK 24 on, where they no longer pin their carrier in {@code synchronized}; platform daemon
 * threads below.
 */
final class HandlerThreads {

    private static final int VIRTUAL_SINCE = 24;

    private HandlerThreads() {}

    static ThreadFactory forQueue(String queue) {
        String prefix = "millrace-slot-" + queue + "-";
        if (Runtime.version().feature() >= VIRTUAL_SINCE) {
            return virtual(prefix);
        }
        return new ThreadFactory() {
            private int count;

            @Override
            public synchronized Thread newThread(Runnable runnable) {
                Thread thread = new Thread(runnable, prefix + count++);
                thread.setDaemon(true);
                return thread;
            }
        };
    }

    /** By reflection because the code must compile for and run on Java 17, which has no such method. */
    private static ThreadFactory virtual(String prefix) {
        try {
            Object builder = Thread.class.getMethod("ofVirtual").invoke(null);
            Class<?> type = Class.forName("java.lang.Thread$Builder");
            Object named = type.getMethod("name", String.class, long.class).invoke(builder, prefix, 0L);
            return (ThreadFactory) type.getMethod("factory").invoke(named);
        } catch (ReflectiveOperationException impossible) {
            throw new IllegalStateException("Java " + Runtime.version() + " has no virtual threads", impossible);
        }
    }
}
