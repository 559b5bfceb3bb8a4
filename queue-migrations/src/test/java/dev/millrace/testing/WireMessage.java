package dev.millrace.testing;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** Builds one message of the PostgreSQL protocol: a type, the length, the content. */
final class WireMessage {

    private final char type;
    private final ByteArrayOutputStream content = new ByteArrayOutputStream();

    WireMessage(char type) {
        this.type = type;
    }

    WireMessage int1(int value) {
        content.write(value);
        return this;
    }

    WireMessage int2(int value) {
        content.write(value >> 8);
        content.write(value);
        return this;
    }

    WireMessage int4(int value) {
        return raw(ByteBuffer.allocate(4).putInt(value).array());
    }

    WireMessage text(String value) {
        return raw(value.getBytes(StandardCharsets.UTF_8)).int1(0);
    }

    WireMessage raw(byte[] value) {
        content.writeBytes(value);
        return this;
    }

    byte[] bytes() {
        return ByteBuffer.allocate(5 + content.size())
                .put((byte) type)
                .putInt(4 + content.size())
                .put(content.toByteArray())
                .array();
    }
}
