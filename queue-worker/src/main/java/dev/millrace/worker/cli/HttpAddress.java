package dev.millrace.worker.cli;

import java.net.InetSocketAddress;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * Where to answer HTTP.
 *
 * @param socket null for nowhere
 */
record HttpAddress(@Nullable InetSocketAddress socket) {

    static final String DEFAULT = "127.0.0.1:8484";

    /** Reads {@code HOST:PORT} or {@code off}. */
    static final class Converter implements ITypeConverter<HttpAddress> {

        @Override
        public HttpAddress convert(String value) {
            if (value.equalsIgnoreCase("off")) {
                return new HttpAddress(null);
            }
            int colon = value.lastIndexOf(':');
            String host = colon < 1 ? "" : value.substring(0, colon);
            boolean bracketed = host.startsWith("[") && host.endsWith("]");
            if (!host.isEmpty() && (bracketed || host.indexOf(':') < 0)) {
                try {
                    return new HttpAddress(new InetSocketAddress(host, Integer.parseInt(value.substring(colon + 1))));
                } catch (IllegalArgumentException noPort) {
                    // the sentence below says it all
                }
            }
            throw new TypeConversionException(
                    "'" + value + "' is not of the form HOST:PORT, such as " + DEFAULT + ", and not off");
        }
    }
}
