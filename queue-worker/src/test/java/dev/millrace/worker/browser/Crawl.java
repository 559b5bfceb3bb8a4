package dev.millrace.worker.browser;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;
import tools.jackson.databind.JsonNode;

/** Follows the links of a page and of those behind it, one page of each sort. */
final class Crawl {

    private static final int LIMIT = 40;
    private static final String LINKS = """
            return [...document.querySelectorAll('a[href]')].filter(a => a.origin === location.origin && !a.hasAttribute('download'))
                .map(a => a.pathname + a.search);
            """;

    private final Browser browser;
    private final Map<String, String> addresses = new LinkedHashMap<>();

    Crawl(Browser browser) {
        this.browser = browser;
    }

    /**
     * Opens each page and has it looked at. Pages are of one sort if their addresses differ in numbers or in the values of parameters
     * only.
     *
     * @return the address of the first page of each sort, by sort
     */
    Map<String, String> from(String start, Consumer<String> look) {
        Deque<String> next = new ArrayDeque<>();
        add(start, next);
        while (!next.isEmpty()) {
            String address = next.poll();
            browser.open(address);
            look.accept(address);
            for (JsonNode link : browser.script(LINKS)) {
                add(link.asString(), next);
            }
        }
        return addresses;
    }

    private void add(String address, Deque<String> next) {
        String sort = address.replaceAll("/\\d+", "/N").replaceAll("=[^&]*", "");
        if (addresses.putIfAbsent(sort, address) == null) {
            if (addresses.size() > LIMIT) {
                throw new AssertionError("more than " + LIMIT + " sorts of pages: " + addresses.keySet());
            }
            next.add(address);
        }
    }
}
