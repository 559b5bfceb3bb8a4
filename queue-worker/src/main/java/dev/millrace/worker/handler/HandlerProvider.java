package dev.millrace.worker.handler;

/**
 * Brings handlers to a worker that is launched by jar: found by {@link java.util.ServiceLoader} in the jars and folders given
 * with {@code --handlers}. Implementations need a public constructor without parameters.
 */
@FunctionalInterface
public interface HandlerProvider {
    void register(Handlers handlers);
}
