package dev.qwen4j.examples;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/**
 * What a command did: its exit code and everything it printed. {@link #of} runs the real command
 * line in this JVM, with the environment and input of a test instead of the process's.
 */
record Outcome(int exitCode, String out, String err) {
  private static final ObjectMapper JSON = new ObjectMapper();

  static Outcome of(String... args) {
    return of("", Map.of(), args);
  }

  static Outcome of(String input, Map<String, String> environment, String... args) {
    return of(input, environment, "", args);
  }

  /** As someone sees it who types {@code input}. */
  static Outcome onTerminal(String input, String... args) {
    return of(input, Map.of("NO_COLOR", "1"), "in,out,err", args);
  }

  private static Outcome of(
      String input, Map<String, String> environment, String terminals, String... args) {
    var out = new ByteArrayOutputStream();
    var err = new ByteArrayOutputStream();
    var in = new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8));
    int code =
        Qwen4j.run(
            new Surroundings(in, printing(out), printing(err), environment, terminals), args);
    return new Outcome(
        code, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
  }

  /** Stdout, which must hold one JSON object per line and nothing else. */
  List<JsonNode> lines() {
    return out.lines().map(Outcome::object).toList();
  }

  /** The objects of one type. */
  List<JsonNode> lines(String type) {
    return lines().stream().filter(line -> line.path("type").asText().equals(type)).toList();
  }

  /** The last line, which must be the only result. */
  JsonNode result() {
    assertThat(lines("result")).as(out).hasSize(1);
    JsonNode last = lines().getLast();
    assertThat(last.path("type").asText()).isEqualTo("result");
    return last;
  }

  /** Checks that it failed as a user should see it: one clear line, and no trace of our insides. */
  Outcome hasOneClearLine() {
    assertThat(err.lines().filter(line -> line.startsWith("qwen4j: "))).as(err).hasSize(1);
    assertThat(err.lines()).as(err).hasSize(1);
    assertThat(out + err).doesNotContain("at dev.qwen4j").doesNotContain("Exception");
    return this;
  }

  private static JsonNode object(String line) {
    try {
      JsonNode node = JSON.readTree(line);
      assertThat(node.isObject()).as(line).isTrue();
      return node;
    } catch (JsonProcessingException e) {
      throw new AssertionError("not JSON: " + line, e);
    }
  }

  private static PrintStream printing(ByteArrayOutputStream bytes) {
    return new PrintStream(bytes, false, StandardCharsets.UTF_8);
  }
}
