package dev.qwen4j.examples;

import static com.github.tomakehurst.wiremock.client.WireMock.aResponse;
import static com.github.tomakehurst.wiremock.client.WireMock.get;
import static com.github.tomakehurst.wiremock.client.WireMock.okJson;
import static com.github.tomakehurst.wiremock.client.WireMock.urlPathEqualTo;
import static com.github.tomakehurst.wiremock.core.WireMockConfiguration.options;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.github.tomakehurst.wiremock.WireMockServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Downloads from a server on this machine. */
class PullCommandTest {
  private static final String REPOSITORY = "hf:Qwen/Tiny-GGUF";
  private static final String LISTING = "/api/models/Qwen/Tiny-GGUF/tree/main";

  private final WireMockServer server =
      new WireMockServer(options().dynamicPort().bindAddress("127.0.0.1"));
  @TempDir private Path folder;

  @BeforeEach
  void start() {
    server.start();
  }

  @AfterEach
  void stop() {
    server.stop();
  }

  private Map<String, String> environment() {
    return Map.of("QWEN4J_CACHE", folder.toString(), "HF_ENDPOINT", server.baseUrl());
  }

  private void serve(byte[] content) {
    server.stubFor(
        get(urlPathEqualTo(LISTING))
            .willReturn(
                okJson(
                    "[{\"type\":\"file\",\"path\":\"tiny-q8_0.gguf\",\"size\":%d}]"
                        .formatted(content.length))));
    server.stubFor(
        get(urlPathEqualTo("/Qwen/Tiny-GGUF/resolve/main/tiny-q8_0.gguf"))
            .willReturn(aResponse().withBody(content)));
  }

  @Test
  void bringsAModelAndPrintsItsPath() throws IOException {
    byte[] content = Files.readAllBytes(TinyModel.in(folder));
    serve(content);

    Outcome first = Outcome.of("", environment(), "pull", REPOSITORY + ":Q8_0");
    Outcome again = Outcome.of("", environment(), "pull", "--json", REPOSITORY + ":Q8_0");

    assertThat(first.exitCode()).as(first.err()).isZero();
    Path file = Path.of(first.out().strip());
    assertThat(file).hasBinaryContent(content);
    JsonNode line = again.lines().getFirst();
    assertThat(again.exitCode()).isZero();
    assertThat(line.path("file").asText()).isEqualTo(file.toString());
    assertThat(line.path("bytes").asLong()).isEqualTo(content.length);
    assertThat(line.path("reference").asText()).isEqualTo(REPOSITORY + ":Q8_0");
    assertThat(Outcome.of("", environment(), "models").out()).contains(REPOSITORY + ":Q8_0");
  }

  @Test
  void aRepositoryWithoutGgufComesAsAFolder() {
    StringBuilder listing = new StringBuilder("[");
    for (String name : new String[] {"tokenizer.json", "model.safetensors", "config.json"}) {
      listing.append(
          "%s{\"type\":\"file\",\"path\":\"%s\",\"size\":%d}"
              .formatted(listing.length() > 1 ? "," : "", name, name.length()));
      server.stubFor(
          get(urlPathEqualTo("/Qwen/Tiny-GGUF/resolve/main/" + name))
              .willReturn(aResponse().withBody(name)));
    }
    server.stubFor(get(urlPathEqualTo(LISTING)).willReturn(okJson(listing + "]")));

    Outcome outcome = Outcome.of("", environment(), "pull", "--json", REPOSITORY);

    assertThat(outcome.exitCode()).as(outcome.err()).isZero();
    JsonNode line = outcome.lines().getFirst();
    assertThat(Path.of(line.path("file").asText())).isDirectoryContaining("glob:**/config.json");
    assertThat(line.path("bytes").asLong()).isEqualTo(14 + 17 + 11);
    Outcome models = Outcome.of("", environment(), "models");
    assertThat(models.exitCode()).isZero();
    assertThat(models.out()).contains(REPOSITORY, "cannot be read");
  }

  @Test
  void whatIsNotThereIsOneLineAndExitCode1() {
    server.stubFor(get(urlPathEqualTo(LISTING)).willReturn(aResponse().withStatus(404)));

    Outcome outcome = Outcome.of("", environment(), "pull", REPOSITORY);

    assertThat(outcome.hasOneClearLine().exitCode()).isEqualTo(1);
    assertThat(outcome.err()).contains(REPOSITORY, "404");
    assertThat(outcome.out()).isEmpty();
  }
}
