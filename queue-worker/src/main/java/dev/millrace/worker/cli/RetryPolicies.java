package dev.millrace.worker.cli;

import dev.millrace.job.RetrySchedule;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads retry policies as they are stored: {@code fixed 10s}, {@code exponential 1s 2.0 1h}. */
final class RetryPolicies implements ITypeConverter<RetrySchedule> {

    @Override
    public RetrySchedule convert(String value) {
        try {
            return RetrySchedule.parse(value);
        } catch (IllegalArgumentException failure) {
            throw new TypeConversionException(failure.getMessage());
        }
    }
}
