package dev.millrace.worker.http;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.Optional;

/** One user with a password; holds digests only. Compares in the same time whatever is wrong. Thread-safe. */
final class BasicAuthentication implements Authentication {

    private static final String SCHEME = "Basic ";

    private final Caller caller;
    private final byte[] expected;

    /** @throws IllegalArgumentException if the user is blank or has a colon, or if the password is empty */
    BasicAuthentication(String user, String password, Role role) {
        if (user.indexOf(':') >= 0) {
            throw new IllegalArgumentException("The user of HTTP Basic can't have a colon");
        }
        if (password.isEmpty()) {
            throw new IllegalArgumentException("The password is empty");
        }
        this.caller = new Caller(user, role);
        this.expected = digest((user + ":" + password).getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public Optional<Caller> caller(RequestHead request) {
        return request.header("Authorization")
                .filter(value -> value.regionMatches(true, 0, SCHEME, 0, SCHEME.length()))
                .filter(value -> isExpected(value.substring(SCHEME.length()).trim()))
                .map(value -> caller);
    }

    @Override
    public Reply unknown(RequestHead request) {
        return Reply.text(401, "User and password are needed")
                .header("WWW-Authenticate", "Basic realm=\"millrace\", charset=\"UTF-8\"");
    }

    private boolean isExpected(String encoded) {
        byte[] given;
        try {
            given = Base64.getDecoder().decode(encoded);
        } catch (IllegalArgumentException notBase64) {
            return false;
        }
        return MessageDigest.isEqual(expected, digest(given));
    }

    private static byte[] digest(byte[] text) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(text);
        } catch (NoSuchAlgorithmException everyJdkHasIt) {
            throw new IllegalStateException(everyJdkHasIt);
        }
    }
}
