package dev.qwen4j.examples;

import static com.github.tomakehurst.wiremock.client.WireMock.aResponse;
import static org.assertj.core.api.Assertions.assertThat;

import com.github.tomakehurst.wiremock.client.ResponseDefinitionBuilder;
import com.github.tomakehurst.wiremock.http.Fault;
import org.junit.jupiter.api.Test;

/** Endpoints that do not answer as they should: one line, exit code 1, and the JSON result. */
class BrokenEndpointTest {
  private static void fails(ResponseDefinitionBuilder response, String... words) {
    try (ScriptedEndpoint endpoint = new ScriptedEndpoint()) {
      endpoint.always(response);
      fails(endpoint.model(), words);
    }
  }

  private static void fails(String model, String... words) {
    Outcome human = Outcome.of("run", "-m", model, "Hello");
    assertThat(human.hasOneClearLine().exitCode()).isEqualTo(1);
    assertThat(human.err()).contains(words);

    Outcome json = Outcome.of("run", "--json", "-m", model, "Hello");
    assertThat(json.exitCode()).isEqualTo(1);
    assertThat(json.result().path("stop_reason").asText()).isEqualTo("error");
    assertThat(json.result().path("error").asText()).contains(words).doesNotContain("\n");
  }

  @Test
  void unauthorizedNamesTheVariable() {
    fails(aResponse().withStatus(401).withBody("{}"), "401", "OPENAI_API_KEY");
  }

  @Test
  void tooManyRequests() {
    fails(aResponse().withStatus(429).withHeader("Retry-After", "3600"), "429");
  }

  @Test
  void serverError() {
    fails(aResponse().withStatus(500).withBody("overheated"), "500", "overheated");
  }

  @Test
  void waitsForARetryAreSeenAndCounted() {
    try (ScriptedEndpoint endpoint = new ScriptedEndpoint()) {
      endpoint.always(aResponse().withStatus(503).withBody("busy"));

      Outcome json = Outcome.of("run", "--json", "-m", endpoint.model(), "Hello");

      assertThat(json.lines("notice"))
          .extracting(line -> line.path("text").asText())
          .hasSize(3)
          .first()
          .asString()
          .matches("Trying again in \\d+\\.\\d s \\(1 of 3\\): .*\\(503\\).*busy.*");
      assertThat(endpoint.requests()).hasSize(4);
    }
  }

  @Test
  void aWebPageInsteadOfAnAnswer() {
    fails(
        aResponse()
            .withHeader("Content-Type", "text/html")
            .withBody("<html><body>Welcome to the router</body></html>"),
        "text/html");
  }

  @Test
  void aStreamThatBreaksOff() {
    fails(aResponse().withFault(Fault.MALFORMED_RESPONSE_CHUNK), "127.0.0.1");
  }

  @Test
  void nobodyListens() {
    fails("openai:http://127.0.0.1:1/v1#m", "127.0.0.1:1");
  }

  @Test
  void aForeignHostWithoutAKey() {
    fails("openai:https://models.invalid/v1#m", "OPENAI_API_KEY");
    fails("openai:https://dashscope.aliyuncs.com/v1#m", "DASHSCOPE_API_KEY");
  }

  @Test
  void aHangEndsWithTheTimeLimit() {
    try (ScriptedEndpoint endpoint = new ScriptedEndpoint()) {
      endpoint.always(aResponse().withFixedDelay(600_000));
      Outcome outcome = Outcome.of("run", "-m", endpoint.model(), "--max-time", "1", "Hello");

      assertThat(outcome.exitCode()).isEqualTo(3);
      assertThat(outcome.out() + outcome.err()).contains("max_time").doesNotContain("Exception");
    }
  }
}
