package dev.millrace.worker.http;

import java.nio.charset.StandardCharsets;
import java.security.InvalidKeyException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.Optional;
import java.util.regex.Pattern;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Ties forms to the browser that was sent them. A session is a random cookie; the token of its forms is computed from it, the caller and
 * a key of this process, so nothing is kept. The cookie gives no right to anything. Thread-safe.
 */
final class Sessions {

    private static final int BYTES = 32;
    private static final Pattern ID = Pattern.compile("[A-Za-z0-9_-]{43}");
    private static final String ALGORITHM = "HmacSHA256";

    private final SecureRandom random = new SecureRandom();
    private final SecretKeySpec key = new SecretKeySpec(bytes(), ALGORITHM);
    private final String cookie;

    /** @param port browsers send the cookies of one port to all others of that host */
    Sessions(int port) {
        this.cookie = "millrace_" + port;
    }

    /** The session of who asks, if there is one. */
    Optional<String> session(RequestHead request) {
        return request.cookie(cookie).filter(value -> ID.matcher(value).matches());
    }

    String newSession() {
        return encoded(bytes());
    }

    /**
     * What tells the browser its new session. Browsers send it along where somebody follows a link of another site; under "Strict" such a
     * visit would look like the first, and the new session would make the forms of all open pages too old. Whoever claims falsely that his connection is encrypted harms himself only: his browser
     * would not keep the cookie.
     */
    String setCookie(String session, RequestHead request) {
        boolean encrypted = request.header("X-Forwarded-Proto")
                .filter(protocol -> protocol.equalsIgnoreCase("https"))
                .isPresent();
        return cookie + "=" + session + "; Path=/; HttpOnly; SameSite=Lax" + (encrypted ? "; Secure" : "");
    }

    /** What forms of that session must send. */
    String token(String session, Caller caller) {
        try {
            Mac mac = Mac.getInstance(ALGORITHM);
            mac.init(key);
            return encoded(mac.doFinal((session + " " + caller.name()).getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException | InvalidKeyException everyJdkHasIt) {
            throw new IllegalStateException(everyJdkHasIt);
        }
    }

    /** Whether it is the token of that session and caller. */
    boolean isToken(String given, String session, Caller caller) {
        return MessageDigest.isEqual(
                given.getBytes(StandardCharsets.UTF_8), token(session, caller).getBytes(StandardCharsets.UTF_8));
    }

    private byte[] bytes() {
        byte[] bytes = new byte[BYTES];
        random.nextBytes(bytes);
        return bytes;
    }

    private static String encoded(byte[] bytes) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }
}
