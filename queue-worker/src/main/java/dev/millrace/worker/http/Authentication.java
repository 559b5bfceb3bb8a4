package dev.millrace.worker.http;

import java.util.Optional;

/**
 * Says who asks: what a host application implements to use its own log-in. Called for each request to a page or an action, on several
 * threads at once; must be quick.
 */
public interface Authentication {

    /**
     * Who asks, and what he may do; empty for somebody unknown. An exception is logged and answered with status 500: nobody gets in by
     * a fault.
     */
    Optional<Caller> caller(RequestHead request);

    /** What somebody unknown is answered; by default status 401. A host application may redirect to its log-in. */
    default Reply unknown(RequestHead request) {
        return Reply.text(401, "Log in first");
    }

    /** One user with a password, asked for by the browser (HTTP Basic). Meant for TLS, which a proxy in front has to bring. */
    static Authentication basic(String user, String password, Role role) {
        return new BasicAuthentication(user, password, role);
    }
}
