package dev.millrace.job;

import java.lang.reflect.Type;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.ObjectReader;
import tools.jackson.databind.json.JsonMapper;

/**
 * The default codec: Jackson 3, which reads and writes records, collections and {@code java.time} as they are. Unknown fields
 * are ignored, so that a producer of a newer release can run beside a worker of an older one. Thread-safe.
 */
public final class JacksonArgsCodec implements ArgsCodec {

    private final JsonMapper mapper;
    /** One for each type of arguments, of which a program has as many as kinds. */
    private final Map<Type, ObjectReader> readers = new ConcurrentHashMap<>();

    public JacksonArgsCodec() {
        this(JsonMapper.builder()
                .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
                .build());
    }

    /** With a mapper of the caller's own. */
    public JacksonArgsCodec(JsonMapper mapper) {
        this.mapper = mapper;
    }

    @Override
    public String encode(Object value) {
        try {
            return mapper.writeValueAsString(value);
        } catch (JacksonException failure) {
            throw new ArgsException(
                    "Arguments of type " + value.getClass().getName() + " can't be written as JSON: "
                            + failure.getOriginalMessage(),
                    failure);
        }
    }

    @Override
    public Object decode(String json, Type type) {
        try {
            Object value = readers.computeIfAbsent(type, one -> mapper.readerFor(mapper.constructType(one)))
                    .readValue(json);
            if (value == null) {
                throw new ArgsException("Arguments are JSON null, expected " + type.getTypeName(), null);
            }
            return value;
        } catch (JacksonException failure) {
            throw new ArgsException(
                    "Arguments do not fit " + type.getTypeName() + ": " + failure.getOriginalMessage(), failure);
        }
    }
}
