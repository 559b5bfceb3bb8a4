package dev.millrace.examples.docs;

/** Stands for what the handlers of the samples call. */
final class Mailer {

    private Mailer() {}

    static void send(String to, String subject) {}
}
