package dev.millrace.worker.browser;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
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
     * Opens each page and has it looked at. Pages are of one sort if their paths differ in numbers only; the addresses given are all
     * opened.
     *
     * @return the addresses that were opened
     */
    List<String> from(List<String> starts, Consumer<String> look) {
        Deque<String> next = new ArrayDeque<>(starts);
        starts.forEach(start -> addresses.put(sort(start), start));
        List<String> opened = new ArrayList<>();
        while (!next.isEmpty()) {
            String address = next.poll();
            browser.open(address);
            opened.add(address);
            look.accept(address);
            for (JsonNode link : browser.script(LINKS)) {
                add(link.asString(), next);
            }
        }
        return opened;
    }

    private void add(String address, Deque<String> next) {
        if (addresses.putIfAbsent(sort(address), address) == null) {
            if (addresses.size() > LIMIT) {
                throw new AssertionError("more than " + LIMIT + " sorts of pages: " + addresses.values());
            }
            next.add(address);
        }
    }

    private static String sort(String address) {
        return address.replaceAll("[?].*", "").replaceAll("/\\d+", "/N");
    }
}
