package dev.millrace.worker.cli;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.JsonEncoder;
import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.encoder.Encoder;
import dev.millrace.worker.http.AuditLog;
import org.slf4j.LoggerFactory;
import org.slf4j.bridge.SLF4JBridgeHandler;

/** Sets up logback in code: a configuration file in this jar would take effect for those who use the library, too. */
final class LogbackLogging implements Logging {

    private static final String OUTAGE = "dev.millrace.connection.Outage";

    private final LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();

    /** Silent until a command has said what it wants: without a configuration, logback would print everything. */
    LogbackLogging() {
        context.reset();
        context.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME).setLevel(Level.OFF);
        SLF4JBridgeHandler.removeHandlersForRootLogger();
        SLF4JBridgeHandler.install();
    }

    @Override
    public void configure(CommonOptions options, boolean longRunning) {
        boolean verbose = options.verbose;
        Encoder<ILoggingEvent> encoder = options.logFormat == CommonOptions.LogFormat.json ? json() : text();
        encoder.setContext(context);
        encoder.start();
        ConsoleAppender<ILoggingEvent> appender = new ConsoleAppender<>();
        appender.setContext(context);
        appender.setTarget("System.err");
        appender.setEncoder(encoder);
        appender.start();
        Logger root = context.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
        root.addAppender(appender);
        root.setLevel(verbose ? Level.INFO : longRunning ? Level.WARN : Level.OFF);
        level("dev.millrace", verbose ? Level.DEBUG : longRunning ? Level.INFO : Level.OFF);
        // A start that fails says so itself.
        level(AuditLog.LOGGER, verbose || longRunning ? Level.INFO : Level.OFF);
        level(OUTAGE, verbose ? Level.DEBUG : Level.OFF);
        // It warns of databases newer than itself, and tells a failure that its exception tells again.
        level("org.flywaydb", verbose ? Level.INFO : Level.OFF);
        // The driver throws what it logs; and what it can't parse of a URL it logs whole, the password included.
        level("org.postgresql", Level.OFF);
    }

    @Override
    public void started() {
        Logger outage = context.getLogger(OUTAGE);
        if (outage.getLevel() == Level.OFF) {
            outage.setLevel(null);
        }
    }

    private void level(String logger, Level level) {
        context.getLogger(logger).setLevel(level);
    }

    private static Encoder<ILoggingEvent> text() {
        PatternLayoutEncoder encoder = new PatternLayoutEncoder();
        encoder.setPattern("%d{yyyy-MM-dd'T'HH:mm:ss.SSSXXX} %-5level %logger{0} - %msg%n");
        return encoder;
    }

    private static Encoder<ILoggingEvent> json() {
        JsonEncoder encoder = new JsonEncoder();
        encoder.setWithFormattedMessage(true);
        encoder.setWithMessage(false);
        encoder.setWithArguments(false);
        encoder.setWithContext(false);
        encoder.setWithSequenceNumber(false);
        encoder.setWithNanoseconds(false);
        return encoder;
    }
}
