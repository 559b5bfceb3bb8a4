package dev.millrace.worker.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** What a run of the program left: its exit status and what it wrote. */
record Outcome(int status, String out, String err) {

    /** For runs in this JVM, whose logs stay as the tests have them. */
    static final Logging UNCHANGED = new Logging() {
        @Override
        public void configure(CommonOptions options, boolean longRunning) {}

        @Override
        public void started() {}
    };

    /** Runs a command in this JVM, without input. */
    static Outcome of(Map<String, String> environment, String... args) {
        return piped(environment, "", args);
    }

    /** Runs a command in this JVM with the text as its input. */
    static Outcome piped(Map<String, String> environment, String in, String... args) {
        return of(environment, new ByteArrayInputStream(in.getBytes(StandardCharsets.UTF_8)), args);
    }

    /** Runs a command in this JVM for a person who types this answer. */
    static Outcome answered(Map<String, String> environment, String answer, String... args) {
        return of(environment, new ByteArrayInputStream(answer.getBytes(StandardCharsets.UTF_8)), true, args);
    }

    /** Runs a command in this JVM. */
    static Outcome of(Map<String, String> environment, InputStream in, String... args) {
        return of(environment, in, false, args);
    }

    private static Outcome of(Map<String, String> environment, InputStream in, boolean interactive, String... args) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        int status = Main.run(args, in, out, err, environment, UNCHANGED, interactive);
        return new Outcome(status, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }

    /** Asserts exit status 0 and silence on standard error. */
    Outcome done() {
        assertThat(err).isEmpty();
        assertThat(status).isZero();
        return this;
    }

    /** Asserts this exit status, and one line on standard error that contains the text; nothing on standard output. */
    Outcome failed(int expected, String sentence) {
        assertThat(err).doesNotContain("\tat ").contains(sentence);
        assertThat(err.lines()).as(err).hasSize(1);
        assertThat(out).isEmpty();
        assertThat(status).as(err).isEqualTo(expected);
        return this;
    }

    /** Asserts that the text is nowhere in the output. */
    Outcome without(String secret) {
        assertThat(out).doesNotContain(secret);
        assertThat(err).doesNotContain(secret);
        return this;
    }
}
