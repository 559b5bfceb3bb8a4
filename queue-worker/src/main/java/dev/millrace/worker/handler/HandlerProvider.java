package dev.millrace.worker.handler;

/**
 * Brings handlers to a worker that is launched by jar: found by {@link java.util.ServiceLoader} in the jars and folders given
 * with {@code --handlers}. Implementations need a public constructor without parameters.
 */
@FunctionalInterface
public interface HandlerProvider {
    /**
     * Adds handlers and interceptors; called once, before the worker starts.
     *
     * @param handlers of the worker, to be added to
     */
    void register(Handlers handlers);
}
