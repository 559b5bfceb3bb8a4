package dev.millrace.worker.http;

import java.util.function.Function;

/**
 * What is answered at one path. A path consists of fixed segments and of variables such as {@code {id}}, each for one segment; of
 * routes that match, the one with the fewest variables answers. Answers are made quickly, on any thread. Immutable.
 */
public abstract sealed class Route {

    private final PathPattern pattern;

    private Route(String path) {
        this.pattern = new PathPattern(path);
    }

    /** GET and HEAD for everybody, without authentication: health and metrics. */
    public static Route open(String path, Function<Request, Reply> answer) {
        return new Read(path, true, answer);
    }

    /** GET and HEAD for those who may see the dashboard. Changes nothing. */
    public static Route page(String path, Function<Request, Reply> answer) {
        return new Read(path, false, answer);
    }

    /**
     * POST of a form for those who may change things. The server has checked that before, and writes the audit log afterwards.
     *
     * @param name what it does, for the audit log, such as "cancel job"
     */
    public static Route action(String path, String name, Function<Request, Acted> action) {
        return new Action(path, name, action);
    }

    PathPattern pattern() {
        return pattern;
    }

    abstract String method();

    /** Changes nothing. */
    static final class Read extends Route {

        private final boolean open;
        private final Function<Request, Reply> answer;

        private Read(String path, boolean open, Function<Request, Reply> answer) {
            super(path);
            this.open = open;
            this.answer = answer;
        }

        boolean isOpen() {
            return open;
        }

        Reply answer(Request request) {
            return answer.apply(request);
        }

        @Override
        String method() {
            return "GET";
        }
    }

    /** Changes something. */
    static final class Action extends Route {

        private final String name;
        private final Function<Request, Acted> action;

        private Action(String path, String name, Function<Request, Acted> action) {
            super(path);
            this.name = name;
            this.action = action;
        }

        String name() {
            return name;
        }

        Acted act(Request request) {
            return action.apply(request);
        }

        @Override
        String method() {
            return "POST";
        }
    }
}
