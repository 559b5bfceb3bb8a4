package dev.millrace.worker.http;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Files of the class path that pages need: styles, scripts, pictures. Only those that were named are served, from memory, at addresses
 * that contain a digest of what is in them, so browsers keep them for a year. Immutable.
 */
public final class Assets {

    private static final Map<String, String> TYPES = Map.of(
            "css", "text/css; charset=utf-8",
            "js", "text/javascript; charset=utf-8",
            "svg", "image/svg+xml",
            "png", "image/png",
            "ico", "image/x-icon",
            "woff2", "font/woff2");

    private final Map<String, Asset> byName = new LinkedHashMap<>();

    private record Asset(String path, Reply reply) {}

    /**
     * Reads them.
     *
     * @param beside the class in whose package the files lie
     * @param names of files, which may begin with a slash as for {@link Class#getResource}; what follows the last slash is the name of
     *     the asset
     * @throws IllegalArgumentException if a file is not there or of unknown type, or if two have the same name
     */
    public Assets(Class<?> beside, String... names) {
        for (String resource : names) {
            String name = resource.substring(resource.lastIndexOf('/') + 1);
            String extension = name.substring(name.lastIndexOf('.') + 1);
            String type = TYPES.get(extension);
            if (type == null) {
                throw new IllegalArgumentException("The type of " + resource + " is none of " + TYPES.keySet());
            }
            byte[] content = read(beside, resource);
            String path = "/assets/" + name.substring(0, name.length() - extension.length()) + digest(content) + "."
                    + extension;
            Reply reply = Reply.of(200, type, content).header("Cache-Control", "private, max-age=31536000, immutable");
            if (byName.put(name, new Asset(path, reply)) != null) {
                throw new IllegalArgumentException("Two assets are named " + name);
            }
        }
    }

    /**
     * The address of one, for pages.
     *
     * @throws IllegalArgumentException if there is none of that name
     */
    public String path(String name) {
        Asset asset = byName.get(name);
        if (asset == null) {
            throw new IllegalArgumentException("There is no asset " + name + " among " + byName.keySet());
        }
        return asset.path();
    }

    /** What serves them, to those who may see pages. */
    public List<Route> routes() {
        return byName.values().stream()
                .map(asset -> Route.page(asset.path(), request -> asset.reply()))
                .toList();
    }

    private static byte[] read(Class<?> beside, String resource) {
        try (InputStream in = beside.getResourceAsStream(resource)) {
            if (in == null) {
                throw new IllegalArgumentException("There is no " + resource + " beside " + beside.getName());
            }
            return in.readAllBytes();
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    private static String digest(byte[] content) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(content);
            return HexFormat.of().formatHex(digest, 0, 8);
        } catch (NoSuchAlgorithmException everyJdkHasIt) {
            throw new IllegalStateException(everyJdkHasIt);
        }
    }
}
