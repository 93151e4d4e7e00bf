package dev.qwen4j.examples;

import static com.github.tomakehurst.wiremock.client.WireMock.aResponse;
import static com.github.tomakehurst.wiremock.client.WireMock.post;
import static com.github.tomakehurst.wiremock.client.WireMock.urlPathEqualTo;
import static com.github.tomakehurst.wiremock.core.WireMockConfiguration.wireMockConfig;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.github.tomakehurst.wiremock.WireMockServer;
import com.github.tomakehurst.wiremock.client.ResponseDefinitionBuilder;
import com.github.tomakehurst.wiremock.stubbing.Scenario;
import com.github.tomakehurst.wiremock.verification.LoggedRequest;
import java.util.List;

/** An OpenAI-compatible endpoint on loopback that streams what a test told it to, in order. */
final class ScriptedEndpoint implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String PATH = "/v1/chat/completions";

  private final WireMockServer server =
      new WireMockServer(wireMockConfig().dynamicPort().bindAddress("127.0.0.1"));
  private int replies;

  ScriptedEndpoint() {
    server.start();
  }

  /** As {@code --model} wants it. */
  String model() {
    return "openai:http://127.0.0.1:" + server.port() + "/v1#qwen-test";
  }

  ScriptedEndpoint answers(String... deltas) {
    StringBuilder body = new StringBuilder();
    for (String delta : deltas) {
      body.append(chunk(JSON.createObjectNode().put("content", delta), null));
    }
    return streams(body.append(end("stop")).toString());
  }

  ScriptedEndpoint thinksAndAnswers(String thinking, String answer) {
    return streams(
        chunk(JSON.createObjectNode().put("reasoning_content", thinking), null)
            + chunk(JSON.createObjectNode().put("content", answer), null)
            + end("stop"));
  }

  ScriptedEndpoint calls(String id, String name, String arguments) {
    ObjectNode delta = JSON.createObjectNode();
    ObjectNode call = delta.putArray("tool_calls").addObject();
    call.put("index", 0).put("id", id).put("type", "function");
    call.putObject("function").put("name", name).put("arguments", arguments);
    return streams(chunk(delta, null) + end("tool_calls"));
  }

  /** Streams these lines as they are, each as an event of its own, and nothing else. */
  ScriptedEndpoint events(String... data) {
    var body = new StringBuilder();
    for (String each : data) {
      body.append("data: ").append(each).append("\n\n");
    }
    return replies("text/event-stream", body.toString());
  }

  /** Answers the next request with this body as it is. */
  ScriptedEndpoint replies(String contentType, String body) {
    return next(aResponse().withHeader("Content-Type", contentType).withBody(body));
  }

  /** Answers with any response, to this request and all that follow. */
  ScriptedEndpoint always(ResponseDefinitionBuilder response) {
    server.stubFor(post(urlPathEqualTo(PATH)).willReturn(response));
    return this;
  }

  /** Accepts requests and never answers them. */
  ScriptedEndpoint hangs() {
    return always(aResponse().withFixedDelay(120_000));
  }

  List<LoggedRequest> requests() {
    return server.getAllServeEvents().reversed().stream().map(e -> e.getRequest()).toList();
  }

  private ScriptedEndpoint streams(String body) {
    return replies("text/event-stream", body + "data: [DONE]\n\n");
  }

  private ScriptedEndpoint next(ResponseDefinitionBuilder response) {
    String here = replies == 0 ? Scenario.STARTED : "after " + replies;
    replies++;
    server.stubFor(
        post(urlPathEqualTo(PATH))
            .inScenario("script")
            .whenScenarioStateIs(here)
            .willSetStateTo("after " + replies)
            .willReturn(response));
    return this;
  }

  private static String end(String reason) {
    ObjectNode usage = JSON.createObjectNode().put("object", "chat.completion.chunk");
    usage.putArray("choices");
    usage
        .putObject("usage")
        .put("prompt_tokens", 100)
        .put("completion_tokens", 7)
        .put("total_tokens", 107);
    return chunk(JSON.createObjectNode(), reason) + "data: " + usage + "\n\n";
  }

  private static String chunk(
      ObjectNode delta, @org.jspecify.annotations.Nullable String finishReason) {
    ObjectNode chunk =
        JSON.createObjectNode()
            .put("id", "chatcmpl-1")
            .put("object", "chat.completion.chunk")
            .put("model", "qwen-test");
    ObjectNode choice = chunk.putArray("choices").addObject().put("index", 0);
    choice.set("delta", delta);
    choice.put("finish_reason", finishReason);
    return "data: " + chunk + "\n\n";
  }

  @Override
  public void close() {
    server.stop();
  }
}
