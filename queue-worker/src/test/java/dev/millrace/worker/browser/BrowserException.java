package dev.millrace.worker.browser;

/** A command that the browser could not carry out. */
final class BrowserException extends RuntimeException {

    private static final long serialVersionUID = 1;

    private final String error;

    /**
     * @param error the code of the WebDriver protocol, such as {@code stale element reference}
     */
    BrowserException(String error, String message) {
        super(error + ": " + message);
        this.error = error;
    }

    /** Whether the page changed between finding an element and using it, or has not drawn it yet: worth another try. */
    boolean isOfTheMoment() {
        return switch (error) {
            case "stale element reference",
                    "no such element",
                    "element not interactable",
                    "element click intercepted" -> true;
            default -> false;
        };
    }
}
