package dev.millrace.worker.http;

import java.net.InetSocketAddress;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Decides who may see pages, and who may act. The one place for that. Thread-safe. */
final class Gate {

    private static final Pattern PORT = Pattern.compile(":\\d*$");
    private static final Pattern ORIGIN = Pattern.compile("https?://([^/?#@\\s]+)");
    private static final Pattern LOOPBACK = Pattern.compile("localhost|.+\\.localhost|127(\\.\\d{1,3}){3}|\\[::1]");

    private final InetSocketAddress bound;
    private final @Nullable Authentication authentication;
    private final boolean readOnly;
    private final Sessions sessions;

    /**
     * A gate.
     *
     * @param bound where the server listens
     * @param authentication null where everybody who reaches a loopback address is let in
     * @param readOnly nobody may act
     */
    Gate(InetSocketAddress bound, @Nullable Authentication authentication, boolean readOnly, Sessions sessions) {
        this.bound = bound;
        this.authentication = authentication;
        this.readOnly = readOnly;
        this.sessions = sessions;
    }

    /** Who asks. In read-only mode he may view, whatever else he might do. */
    Caller admit(RequestHead head) throws Refusal {
        Caller caller = authentication == null ? local(head) : known(head, authentication);
        if (isFromElsewhere(head) && !isNavigation(head)) {
            throw Refusal.because(403, "Only pages of this server may ask for this");
        }
        return readOnly ? new Caller(caller.name(), Role.VIEW) : caller;
    }

    /** Whether somebody who was admitted may act at all; the token comes with the body. */
    void checkMayAct(RequestHead head, Caller caller) throws Refusal {
        if (readOnly) {
            throw Refusal.because(403, "This server is read-only");
        }
        if (caller.role() != Role.OPERATE) {
            throw Refusal.because(403, caller.name() + " may view, and not change anything");
        }
        if (!isOwnOrigin(head)) {
            throw Refusal.because(
                    403, "Only pages of this server may ask for this; a proxy must pass the header Host on");
        }
    }

    /** Returns the token of a form, if it is one that this server has sent to this browser for this caller. */
    String checkToken(RequestHead head, Caller caller, Map<String, List<String>> form) throws Refusal {
        Optional<String> session = sessions.session(head);
        Optional<String> token = form.getOrDefault(Request.TOKEN_FIELD, List.of()).stream()
                .findFirst()
                .or(() -> head.header(Request.TOKEN_HEADER));
        if (token.isEmpty() || session.isEmpty() || !sessions.isToken(token.get(), session.get(), caller)) {
            throw Refusal.because(403, "The page is too old, or of another browser: reload it and try again");
        }
        return token.get();
    }

    private Caller local(RequestHead head) throws Refusal {
        if (!bound.getAddress().isLoopbackAddress()) {
            throw Refusal.because(
                    403,
                    "Without authentication the dashboard is served on a loopback address only: set a user and a password"
                            + " (--http-user), or listen on 127.0.0.1");
        }
        if (head.header("Host").filter(Gate::isLocalName).isEmpty()) {
            // Somebody's name that leads here would let his pages, in a user's browser, ask as if they were ours.
            throw Refusal.because(
                    421, "Without authentication this server answers to localhost only, not to other names");
        }
        return Caller.LOCAL;
    }

    private static Caller known(RequestHead head, Authentication authentication) throws Refusal {
        Optional<Caller> caller = authentication.caller(head);
        if (caller.isEmpty()) {
            throw Refusal.with(authentication.unknown(head));
        }
        return caller.get();
    }

    /** Decided by its spelling: looking a name up is what makes it lead here. */
    private static boolean isLocalName(String host) {
        return LOOPBACK.matcher(PORT.matcher(host).replaceFirst("").toLowerCase(Locale.ROOT))
                .matches();
    }

    /** As browsers tell; the others are no danger here. */
    private static boolean isFromElsewhere(RequestHead head) {
        return head.headers().containsKey("Sec-Fetch-Site")
                && !head.header("Sec-Fetch-Site")
                        .filter(Set.of("same-origin", "none")::contains)
                        .isPresent();
    }

    /** Somebody followed a link, or typed the address. */
    private static boolean isNavigation(RequestHead head) {
        return !head.method().equals("POST")
                && head.header("Sec-Fetch-Mode").filter("navigate"::equals).isPresent();
    }

    /** The scheme is left out: it is another one behind a proxy that ends TLS. */
    private static boolean isOwnOrigin(RequestHead head) {
        if (!head.headers().containsKey("Origin")) {
            return true;
        }
        Optional<String> host = head.header("Host");
        return head.header("Origin")
                .map(ORIGIN::matcher)
                .filter(Matcher::matches)
                .map(origin -> origin.group(1))
                .flatMap(origin -> host.filter(origin::equalsIgnoreCase))
                .isPresent();
    }
}
