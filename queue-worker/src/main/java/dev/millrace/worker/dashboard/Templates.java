package dev.millrace.worker.dashboard;

import com.samskivert.mustache.Mustache;
import com.samskivert.mustache.Template;
import java.io.IOException;
import java.io.InputStream;
import java.io.Reader;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The templates beside this class. Whatever is filled in is shown as text: none of them has a tag that does otherwise. A name that the
 * view does not have is an error, not an empty place. Thread-safe.
 */
final class Templates {

    private static final String CONTENT = "content";

    private final Map<String, Template> pages = new ConcurrentHashMap<>();
    private final Map<String, Template> fragments = new ConcurrentHashMap<>();

    /** A whole page: the layout around the template of that name. */
    String page(String name, Object view) {
        return pages.computeIfAbsent(name, content -> compiler(content).compile(source("layout")))
                .execute(view);
    }

    /** The template of that name alone. */
    String fragment(String name, Object view) {
        return fragments
                .computeIfAbsent(name, fragment -> compiler(fragment).compile(source(fragment)))
                .execute(view);
    }

    private static Mustache.Compiler compiler(String content) {
        return Mustache.compiler()
                .escapeHTML(true)
                .nullValue("")
                .emptyStringIsFalse(true)
                .withLoader(partial -> reader(partial.equals(CONTENT) ? content : partial));
    }

    private static Reader reader(String name) {
        return new StringReader(source(name));
    }

    private static String source(String name) {
        try (InputStream in = Templates.class.getResourceAsStream(name + ".html")) {
            if (in == null) {
                throw new IllegalArgumentException("There is no template " + name);
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }
}
