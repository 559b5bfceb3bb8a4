package dev.millrace.worker.http;

import java.net.InetSocketAddress;
import java.net.URI;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What is known of a request before its body is read: enough to tell who asks. Immutable.
 *
 * @param method as sent
 * @param uri path and query as sent
 * @param remote the other end of the connection; a proxy's, if there is one
 * @param headers by name, whose case does not matter
 */
public record RequestHead(String method, URI uri, InetSocketAddress remote, Map<String, List<String>> headers) {

    /** A head with copies. */
    public RequestHead {
        Map<String, List<String>> copy = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        headers.forEach((name, values) -> copy.put(name, List.copyOf(values)));
        headers = Collections.unmodifiableMap(copy);
    }

    /** The value of a header that was sent exactly once. */
    public Optional<String> header(String name) {
        List<String> values = headers.getOrDefault(name, List.of());
        return values.size() == 1 ? Optional.of(values.get(0)) : Optional.empty();
    }

    /** The value of the first cookie of that name. */
    public Optional<String> cookie(String name) {
        for (String header : headers.getOrDefault("Cookie", List.of())) {
            for (String cookie : header.split(";", -1)) {
                String trimmed = cookie.trim();
                if (trimmed.startsWith(name + "=")) {
                    return Optional.of(trimmed.substring(name.length() + 1));
                }
            }
        }
        return Optional.empty();
    }
}
