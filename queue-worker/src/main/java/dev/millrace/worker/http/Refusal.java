package dev.millrace.worker.http;

/** Ends a request that may not go on. */
final class Refusal extends Exception {

    private static final long serialVersionUID = 1L;

    private final transient Reply reply;

    private Refusal(String reason, Reply reply) {
        super(reason);
        this.reply = reply;
    }

    static Refusal because(int status, String reason) {
        return new Refusal(reason, Reply.text(status, reason));
    }

    static Refusal with(Reply reply) {
        return new Refusal("Not logged in", reply);
    }

    Reply reply() {
        return reply;
    }
}
