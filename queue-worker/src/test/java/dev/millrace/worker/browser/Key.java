package dev.millrace.worker.browser;

/** Keys that no text names, as the WebDriver protocol has them. */
enum Key {
    TAB('\uE004'),
    ENTER('\uE007'),
    SLASH('/');

    private final char code;

    Key(char code) {
        this.code = code;
    }

    String value() {
        return String.valueOf(code);
    }
}
