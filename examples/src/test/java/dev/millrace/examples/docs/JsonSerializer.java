package dev.millrace.examples.docs;

import com.github.kagkarlsson.scheduler.serializer.Serializer;
import tools.jackson.databind.json.JsonMapper;

/** Data of tasks as JSON, by the Jackson that is there: what db-scheduler brings for it wants an older one. */
final class JsonSerializer implements Serializer {

    @Override
    public byte[] serialize(Object data) {
        return JsonMapper.shared().writeValueAsBytes(data);
    }

    @Override
    public <T> T deserialize(Class<T> type, byte[] data) {
        return JsonMapper.shared().readValue(data, type);
    }
}
