package dev.millrace.worker.dashboard;

/**
 * What a page shows.
 *
 * @param status of HTTP
 * @param title of the page
 * @param template that shows the content, within the layout
 * @param content a record whose components the template names
 */
record View(int status, String title, String template, Object content) {

    static View of(String title, String template, Object content) {
        return new View(200, title, template, content);
    }

    /**
     * What went wrong, and what to do.
     *
     * @param heading in a few words
     * @param sentence that says more
     */
    record Problem(String heading, String sentence) {}

    static View problem(int status, String heading, String sentence) {
        return new View(status, heading, "problem", new Problem(heading, sentence));
    }
}
