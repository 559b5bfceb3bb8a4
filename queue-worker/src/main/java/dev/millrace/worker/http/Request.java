package dev.millrace.worker.http;

import java.net.URI;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What a route is asked. Immutable.
 *
 * @param head method, address, headers
 * @param caller who asks
 * @param variables what stands in the address for the {@code {names}} of the route's path, decoded
 * @param query parameters of the address, decoded
 * @param form parameters of the body, decoded; empty but for an action
 * @param token what each form must send as {@link #TOKEN_FIELD}, or a script as the header {@link #TOKEN_HEADER}; empty on an open route
 */
public record Request(
        RequestHead head,
        Caller caller,
        Map<String, String> variables,
        Map<String, List<String>> query,
        Map<String, List<String>> form,
        String token) {

    /** The hidden field of every form that posts. */
    public static final String TOKEN_FIELD = "_token";

    /** For scripts that post. */
    public static final String TOKEN_HEADER = "X-Millrace-Token";

    /** The address as sent. */
    public URI uri() {
        return head.uri();
    }

    /** Whether actions of this caller are carried out: what shows buttons. The server refuses them by itself where not. */
    public boolean mayOperate() {
        return caller.role() == Role.OPERATE;
    }

    /**
     * What stands in the address for a variable of the path.
     *
     * @throws IllegalArgumentException if the route's path has no such variable
     */
    public String variable(String name) {
        String value = variables.get(name);
        if (value == null) {
            throw new IllegalArgumentException("The path has no {" + name + "}");
        }
        return value;
    }

    /** The first value of a parameter of the address. */
    public Optional<String> query(String name) {
        return queries(name).stream().findFirst();
    }

    /** All values of a parameter of the address. */
    public List<String> queries(String name) {
        return query.getOrDefault(name, List.of());
    }

    /** The first value of a field of the form. */
    public Optional<String> form(String name) {
        return forms(name).stream().findFirst();
    }

    /** All values of a field of the form. */
    public List<String> forms(String name) {
        return form.getOrDefault(name, List.of());
    }
}
