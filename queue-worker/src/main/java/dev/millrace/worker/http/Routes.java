package dev.millrace.worker.http;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** All routes of a server. Immutable. */
final class Routes {

    private final List<Route> routes;

    /**
     * A route and what its variables stand for.
     *
     * @param variables decoded
     */
    record Found(Route route, Map<String, String> variables) {}

    /** @throws IllegalArgumentException if two routes answer the same */
    Routes(List<Route> routes) {
        Set<String> known = new HashSet<>();
        for (Route route : routes) {
            if (!known.add(route.method() + " " + route.pattern().shape())) {
                throw new IllegalArgumentException("Two routes answer " + route.method() + " "
                        + route.pattern().text());
            }
        }
        this.routes = routes.stream()
                .sorted(Comparator.comparingInt(route -> route.pattern().variables()))
                .toList();
    }

    /** Those that answer this path, one for each method at most, by their methods. */
    List<Found> at(String rawPath) {
        List<Found> found = new ArrayList<>();
        Set<String> methods = new HashSet<>();
        for (Route route : routes) {
            route.pattern()
                    .match(rawPath)
                    .filter(variables -> methods.add(route.method()))
                    .ifPresent(variables -> found.add(new Found(route, variables)));
        }
        return found;
    }

    /** The value of the header Allow. */
    static String allowed(List<Found> found) {
        Set<String> methods = new TreeSet<>();
        for (Found each : found) {
            methods.add(each.route().method());
            if (each.route() instanceof Route.Read) {
                methods.add("HEAD");
            }
        }
        return String.join(", ", methods);
    }

    /** All of them. */
    List<Route> all() {
        return routes;
    }
}
