package dev.millrace.worker.cli;

import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * A queue to work on.
 *
 * @param queue its name, in which an equals sign may occur
 * @param slots how many of its jobs run at once; the worker checks the range
 */
record QueueSlots(String queue, int slots) {

    /** Reads {@code NAME=SLOTS}. */
    static final class Converter implements ITypeConverter<QueueSlots> {

        @Override
        public QueueSlots convert(String value) {
            int equals = value.lastIndexOf('=');
            try {
                if (equals > 0) {
                    return new QueueSlots(value.substring(0, equals), Integer.parseInt(value.substring(equals + 1)));
                }
            } catch (NumberFormatException notANumber) {
                // the sentence below says it all
            }
            throw new TypeConversionException("'" + value + "' is not of the form NAME=SLOTS, such as default=20");
        }
    }
}
