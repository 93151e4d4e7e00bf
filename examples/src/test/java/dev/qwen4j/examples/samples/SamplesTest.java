package dev.qwen4j.examples.samples;

import static com.github.tomakehurst.wiremock.client.WireMock.aResponse;
import static com.github.tomakehurst.wiremock.client.WireMock.post;
import static com.github.tomakehurst.wiremock.client.WireMock.urlPathEqualTo;
import static com.github.tomakehurst.wiremock.core.WireMockConfiguration.wireMockConfig;
import static dev.qwen4j.testing.ScriptedModel.reply;
import static org.assertj.core.api.Assertions.assertThat;

import com.github.tomakehurst.wiremock.WireMockServer;
import dev.qwen4j.agent.Agent;
import dev.qwen4j.agent.AgentEvent;
import dev.qwen4j.agent.Decision;
import dev.qwen4j.agent.RunResult;
import dev.qwen4j.agent.StopReason;
import dev.qwen4j.team.GroupChat;
import dev.qwen4j.testing.RecordingListener;
import dev.qwen4j.testing.ScriptedModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The samples do what they say. */
class SamplesTest {
  private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();
  private static final Path SOURCES = Path.of("src/main/java/dev/qwen4j/examples/samples");

  @TempDir private Path folder;
  private final ScriptedModel model = new ScriptedModel();
  private final RecordingListener listener = new RecordingListener();

  private static String send(String to) {
    return "{\"to\":\"" + to + "\",\"text\":\"tea\"}";
  }

  @Test
  void singleAgent() {
    model.enqueue(reply().call("1", "stock", "{\"article\":\"tea\"}")).enqueueText("Yes, three.");

    RunResult result = SingleAgent.ask(model, "Is there any tea left?", listener);

    assertThat(result.text()).isEqualTo("Yes, three.");
    assertThat(listener.events(AgentEvent.ToolCallFinished.class))
        .extracting(AgentEvent.ToolCallFinished::content)
        .containsExactly("3");
  }

  @Test
  void approvals() {
    model
        .enqueue(
            reply()
                .call("1", "send", send("ada@office.example"))
                .call("2", "send", send("bo@home.example"))
                .call("3", "send", send("cy@home.example"))
                .call("4", "send", send("news@press.example")))
        .enqueueText("Done.");
    var mail = new Approvals.Mail();

    Approvals.run(
        model,
        mail,
        (call, tool) ->
            call.arguments().string("to").startsWith("bo")
                ? new Decision.Allow()
                : new Decision.Deny("not to them."),
        "Tell everybody.");

    assertThat(mail.sent).containsExactly("ada@office.example: tea", "bo@home.example: tea");
  }

  @Test
  void suspendAndResume() throws IOException {
    Path file = folder.resolve("s.jsonl");
    var mail = new Approvals.Mail();
    Agent agent = SuspendAndResume.agent(model, mail);
    model.enqueue(reply().call("1", "send", send("bo@home.example"))).enqueueText("It is sent.");

    RunResult asked = SuspendAndResume.begin(agent, file, "Send it.");
    assertThat(asked.stopReason()).isEqualTo(StopReason.SUSPENDED);
    assertThat(mail.sent).isEmpty();

    RunResult result = SuspendAndResume.goOn(agent, file, new Decision.Allow());
    assertThat(result.text()).isEqualTo("It is sent.");
    assertThat(mail.sent).hasSize(1);
    assertThat(model.requests()).hasSize(2);
  }

  @Test
  void structuredOutput() {
    model.enqueueText(
        "{\"customer\":\"Ada\",\"items\":[{\"article\":\"tea\",\"amount\":2},"
            + "{\"article\":\"cake\",\"amount\":1}]}");

    assertThat(StructuredOutput.read(model, "Two teas and a cake for Ada!"))
        .isEqualTo("Ada orders [Item[article=tea, amount=2], Item[article=cake, amount=1]]");
  }

  @Test
  void teamWithHandoff() {
    model
        .enqueue(
            reply()
                .call(
                    "1", "transfer_to_billing", "{\"reason\":\"a price\",\"message\":\"12 teas\"}"))
        .enqueue(reply().call("2", "calculator_agent", "{\"task\":\"12 * 3\"}"))
        .enqueue(reply().call("3", "calculator", "{\"expression\":\"12 * 3\"}"))
        .enqueueText("36")
        .enqueueText("That is 36.");

    RunResult result = TeamWithHandoff.ask(model, "What do 12 teas cost?", listener);

    assertThat(result.text()).isEqualTo("That is 36.");
    assertThat(listener.events(AgentEvent.Handoff.class)).hasSize(1);
    assertThat(listener.events().stream().map(AgentEvent::agent))
        .contains("team/billing/calculator_agent");
  }

  @Test
  void groupChatWithHuman() {
    model.enqueueText("The river, or the museum? @you").enqueueText("Then cake by the river. @you");
    var lines = new java.util.ArrayDeque<>(java.util.List.of("@guide hello", "@cook the river"));
    GroupChat.Human you = soFar -> Optional.ofNullable(lines.poll());

    RunResult result = GroupChatWithHuman.talk(model, you, listener);

    assertThat(result.stopReason()).isEqualTo(StopReason.ANSWER);
    assertThat(result.text()).isEqualTo("Then cake by the river. @you");
    assertThat(listener.events(AgentEvent.Handoff.class))
        .extracting(AgentEvent.Handoff::to)
        .containsExactly("you", "guide", "you", "cook", "you");
  }

  @Test
  void replayRun() throws IOException {
    Path journal = folder.resolve("kept.jsonl");
    model.enqueue(reply().call("1", "stock", "{\"article\":\"tea\"}")).enqueueText("Yes, three.");
    ReplayRun.keep(model, journal);

    Agent same = ReplayRun.agent(new ScriptedModel(), "Be brief.");
    assertThat(ReplayRun.check(same, journal)).matches("All \\d messages are the same\\.");
    Agent without = Agent.builder().model(new ScriptedModel()).build();
    assertThat(ReplayRun.check(without, journal)).startsWith("It goes another way:");
  }

  @Test
  void hostedEndpoint() {
    var server = new WireMockServer(wireMockConfig().dynamicPort().bindAddress("127.0.0.1"));
    server.start();
    try {
      server.stubFor(
          post(urlPathEqualTo("/v1/chat/completions"))
              .willReturn(
                  aResponse()
                      .withHeader("Content-Type", "text/event-stream")
                      .withBody(
                          "data: {\"choices\":[{\"delta\":{\"content\":\"7006652\"}}]}\n\n"
                              + "data:"
                              + " {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
                              + "data: [DONE]\n\n")));
      String url = "http://127.0.0.1:" + server.port() + "/v1";
      assertThat(HostedEndpoint.ask(url, "qwen", "What is 1234 * 5678?")).isEqualTo("7006652");
      String sent = server.getAllServeEvents().getFirst().getRequest().getBodyAsString();
      assertThat(sent).contains("\"temperature\"", "calculator");
    } finally {
      server.stop();
    }
  }

  static Stream<Path> sources() throws IOException {
    try (Stream<Path> files = Files.list(SOURCES)) {
      return files.filter(file -> !file.endsWith("package-info.java")).sorted().toList().stream();
    }
  }

  @ParameterizedTest
  @MethodSource("sources")
  void aSampleIsShortAndTheGuideNamesIt(Path source) throws IOException {
    assertThat(Files.readAllLines(source)).hasSizeLessThan(60);
    assertThat(Files.readString(ROOT.resolve("docs/samples.md")))
        .contains("examples/" + source.toString().replace('\\', '/'));
  }
}
