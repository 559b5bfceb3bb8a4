package dev.millrace.worker.cli;

import java.util.regex.Pattern;

/**
 * Hides passwords in text that is about to be shown. Messages of ours have none; this is for those of libraries, and for what a
 * user typed in the wrong place.
 */
final class Secrets {

    /** The user part of a URL, to its last {@code @}: an unencoded password may hold one. */
    private static final Pattern USER_INFO = Pattern.compile("://(?!USER:PASSWORD@)[^\\s/@]*:\\S*@");

    private static final Pattern PARAMETER = Pattern.compile("(?i)(password=)(?!…)[^&\\s'\"]+");

    private Secrets() {}

    static String masked(String text) {
        return PARAMETER.matcher(USER_INFO.matcher(text).replaceAll("://***@")).replaceAll("$1***");
    }
}
