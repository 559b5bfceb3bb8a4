package dev.millrace.job;

import java.lang.reflect.Type;

/**
 * Turns arguments into JSON and back. Must be safe for use by many threads. The JSON must not contain class names: a job that
 * waits must survive the renaming of a class.
 */
public interface ArgsCodec {

    /**
     * Writes a value as JSON.
     *
     * @throws ArgsException if the value can't be written
     */
    String encode(Object value);

    /**
     * Reads JSON as a value of a type.
     *
     * @return an instance of {@code type}
     * @throws ArgsException if the JSON does not fit the type
     */
    Object decode(String json, Type type);
}
