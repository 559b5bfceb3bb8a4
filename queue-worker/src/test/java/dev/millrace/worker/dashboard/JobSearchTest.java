package dev.millrace.worker.dashboard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.worker.http.BadRequestException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JobSearchTest {

    private static final Map<String, List<String>> ALL = new LinkedHashMap<>();

    static {
        ALL.put("state", List.of("discarded", "cancelled"));
        ALL.put("kind", List.of("send & pray", "ü=?#%2B+"));
        ALL.put("queue", List.of("a/b"));
        ALL.put("tag", List.of("vip", "two words"));
        ALL.put("args", List.of("{\"to\": [\"x\", 1]}"));
        ALL.put("error", List.of("100 % \"wrong\""));
        ALL.put("worker", List.of("host/1/ab"));
        ALL.put("time", List.of("ended"));
        ALL.put("from", List.of("2026-01-01T00:00"));
        ALL.put("before", List.of("2026-01-02T00:00:00+01:00"));
        ALL.put("id_to", List.of("17"));
        ALL.put("order", List.of("oldest"));
    }

    private static Map<String, List<String>> parsed(String query) {
        Map<String, List<String>> parameters = new LinkedHashMap<>();
        for (String pair : query.split("&", -1)) {
            String[] parts = pair.split("=", 2);
            parameters.merge(
                    parts[0],
                    List.of(URLDecoder.decode(parts[1], StandardCharsets.UTF_8)),
                    (before, more) ->
                            Stream.concat(before.stream(), more.stream()).toList());
        }
        return parameters;
    }

    @Test
    void query_readAgain_isTheSame() {
        JobSearch search = JobSearch.of(ALL);
        assertThat(parsed(search.query())).isEqualTo(ALL);
        assertThat(JobSearch.of(parsed(search.query())).query()).isEqualTo(search.query());
    }

    @Test
    void of_emptyAndUnknownParameters_areNone() {
        JobSearch search =
                JobSearch.of(Map.of("kind", List.of("", "  "), "after", List.of("n1"), "time", List.of("due")));
        assertThat(search.query()).isEmpty();
        assertThat(search.isNarrowed()).isFalse();
        assertThat(search.words()).isEqualTo("all jobs");
    }

    @Test
    void isNarrowed_byAnOrderAlone_isNot() {
        assertThat(JobSearch.of(Map.of("order", List.of("oldest"))).isNarrowed())
                .isFalse();
        assertThat(JobSearch.of(Map.of("state", List.of("running"))).isNarrowed())
                .isTrue();
    }

    @Test
    void words_nameEachCondition() {
        assertThat(JobSearch.of(Map.of(
                                "state", List.of("discarded"), "kind", List.of("mail"), "order", List.of("oldest")))
                        .words())
                .isEqualTo("state discarded, kind mail");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "state=dead",
                "args={",
                "from=now",
                "before=2026-13-01T00:00",
                "time=x&from=2026-01-01T00:00",
                "order=x",
                "id_to=1.5",
                "error=a&error=b",
                "from=99999-01-01T00:00"
            })
    void of_whatCanNotBe_saysWhatMay(String query) {
        String name = query.substring(0, query.indexOf('='));
        assertThatThrownBy(() -> JobSearch.of(parsed(query)))
                .isInstanceOf(BadRequestException.class)
                .message()
                .isNotBlank()
                .satisfies(
                        message -> assertThat(message.toLowerCase(Locale.ROOT)).containsAnyOf(name, "2027-01-31"));
    }
}
