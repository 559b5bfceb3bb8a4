package dev.millrace.connection;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import org.slf4j.LoggerFactory;

/** Collects what is logged at WARN and above by anybody, the driver and the pool included, and what carries a stack trace at INFO. */
final class LogLines {

    private final List<String> lines = new CopyOnWriteArrayList<>();
    private final AppenderBase<ILoggingEvent> appender = new AppenderBase<>() {
        @Override
        protected void append(ILoggingEvent event) {
            if (event.getLevel().isGreaterOrEqual(Level.WARN)
                    || (event.getLevel().isGreaterOrEqual(Level.INFO) && event.getThrowableProxy() != null)) {
                lines.add(event.getLevel() + " " + event.getLoggerName() + " " + event.getFormattedMessage());
            }
        }
    };
    private final Handler handler = new Handler() {
        @Override
        public void publish(LogRecord event) {
            if (event.getLevel().intValue() >= java.util.logging.Level.WARNING.intValue()) {
                lines.add(event.getLevel() + " " + event.getLoggerName() + " " + event.getMessage());
            }
        }

        @Override
        public void flush() {
            // Nothing is buffered.
        }

        @Override
        public void close() {
            // Nothing is open.
        }
    };

    void start() {
        appender.start();
        root().addAppender(appender);
        java.util.logging.Logger.getLogger("").addHandler(handler);
    }

    /** Returns how many lines there were. */
    int stop() {
        root().detachAppender(appender);
        java.util.logging.Logger.getLogger("").removeHandler(handler);
        return lines.size();
    }

    /** Returns how many of them contain that. */
    long count(String part) {
        return lines.stream().filter(line -> line.contains(part)).count();
    }

    private static Logger root() {
        return (Logger) LoggerFactory.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
    }

    @Override
    public String toString() {
        return String.join("\n", lines);
    }
}
