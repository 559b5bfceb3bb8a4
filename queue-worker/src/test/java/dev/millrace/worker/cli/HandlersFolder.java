package dev.millrace.worker.cli;

import dev.millrace.worker.handler.HandlerProvider;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** Writes what {@code --handlers} reads: a folder of classes with the file of a service. */
final class HandlersFolder {

    private HandlersFolder() {}

    /** A folder with the provider and other classes of its package. */
    static Path write(Path folder, Class<? extends HandlerProvider> provider, Class<?>... others) throws IOException {
        copy(folder, provider);
        for (Class<?> other : others) {
            copy(folder, other);
        }
        return announce(folder, provider.getName());
    }

    /** Adds the file of the service only. */
    static Path announce(Path folder, String provider) throws IOException {
        Path services = Files.createDirectories(folder.resolve("META-INF/services"));
        Files.writeString(services.resolve(HandlerProvider.class.getName()), provider + "\n");
        return folder;
    }

    private static void copy(Path folder, Class<?> type) throws IOException {
        String name = type.getName().replace('.', '/') + ".class";
        Path target = folder.resolve(name);
        Files.createDirectories(target.getParent());
        try (InputStream bytes = type.getClassLoader().getResourceAsStream(name)) {
            Files.copy(bytes, target);
        }
    }
}
