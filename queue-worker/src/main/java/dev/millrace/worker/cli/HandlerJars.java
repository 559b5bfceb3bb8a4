package dev.millrace.worker.cli;

import dev.millrace.worker.handler.HandlerProvider;
import java.io.IOException;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;

/**
 * The handlers in jars and folders that the user names. A folder holds classes, jars, or both; all share one class loader, so
 * that a folder of jars may hold what the handlers need. Stays open while they run.
 */
final class HandlerJars implements AutoCloseable {

    private static final String SERVICE = "META-INF/services/" + HandlerProvider.class.getName();

    private final URLClassLoader loader;
    private final List<HandlerProvider> providers = new ArrayList<>();

    /**
     * Loads the providers.
     *
     * @throws UsageException if a path is not there, has no provider, or one that can't be loaded
     */
    HandlerJars(List<Path> paths) {
        List<URL> urls = new ArrayList<>();
        for (Path path : paths) {
            List<URL> found = urls(path);
            requireProvider(path, found);
            urls.addAll(found);
        }
        loader = new URLClassLoader("handlers", urls.toArray(new URL[0]), HandlerProvider.class.getClassLoader());
        try {
            ServiceLoader.load(HandlerProvider.class, loader).forEach(providers::add);
        } catch (ServiceConfigurationError | LinkageError broken) {
            Throwable cause = broken.getCause();
            throw new UsageException(
                    "The handlers in " + paths + " can't be loaded: " + broken.getMessage()
                            + (cause == null ? "" : ": " + cause),
                    broken);
        }
    }

    List<HandlerProvider> providers() {
        return providers;
    }

    ClassLoader classLoader() {
        return loader;
    }

    @Override
    public void close() throws IOException {
        loader.close();
    }

    private static List<URL> urls(Path path) {
        if (!Files.isReadable(path)) {
            throw new UsageException("Handlers path '" + path
                    + "' is not there or can't be read: name a jar, or a folder of classes or jars");
        }
        List<URL> urls = new ArrayList<>();
        try {
            urls.add(path.toUri().toURL());
            if (Files.isDirectory(path)) {
                try (DirectoryStream<Path> jars = Files.newDirectoryStream(path, "*.jar")) {
                    for (Path jar : jars) {
                        urls.add(jar.toUri().toURL());
                    }
                }
            }
            return urls;
        } catch (MalformedURLException impossible) {
            throw new UsageException("Handlers path '" + path + "' can't be used: " + impossible.getMessage());
        } catch (IOException failure) {
            throw new UsageException("Handlers path '" + path + "' can't be read: " + failure, failure);
        }
    }

    /** A class loader passes over what is no jar, and a forgotten build leaves an empty folder: both would work on nothing. */
    private static void requireProvider(Path path, List<URL> urls) {
        try (URLClassLoader alone = new URLClassLoader(urls.toArray(new URL[0]), null)) {
            if (alone.findResource(SERVICE) == null) {
                throw new UsageException("No handlers in '" + path + "': a jar or folder needs the file " + SERVICE);
            }
        } catch (IOException failure) {
            throw new UsageException("Handlers path '" + path + "' can't be read: " + failure, failure);
        }
    }
}
