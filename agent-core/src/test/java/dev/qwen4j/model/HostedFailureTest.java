package dev.qwen4j.model;

import static com.github.tomakehurst.wiremock.client.WireMock.aResponse;
import static com.github.tomakehurst.wiremock.client.WireMock.anyUrl;
import static com.github.tomakehurst.wiremock.client.WireMock.post;
import static com.github.tomakehurst.wiremock.client.WireMock.postRequestedFor;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.tomakehurst.wiremock.client.ResponseDefinitionBuilder;
import com.github.tomakehurst.wiremock.core.WireMockConfiguration;
import com.github.tomakehurst.wiremock.http.Fault;
import com.github.tomakehurst.wiremock.junit5.WireMockExtension;
import com.github.tomakehurst.wiremock.stubbing.Scenario;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.exception.AuthenticationException;
import dev.langchain4j.exception.InternalServerException;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.exception.TimeoutException;
import dev.langchain4j.exception.UnresolvedModelServerException;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialResponseContext;
import dev.qwen4j.model.RetryListener.Retry;
import dev.qwen4j.testing.FewTries;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a caller reads when an endpoint refuses, fails, hangs or talks nonsense. */
@Timeout(value = 300, unit = TimeUnit.SECONDS)
class HostedFailureTest {
  private static final String KEY = "sk-very-secret-key";

  /** 200 is the promise; the rest is for a busy machine that loads classes on the way. */
  private static final String ANSWER =
      """
      data: {"choices":[{"delta":{"content":"Fine."},"finish_reason":"stop"}]}

      data: [DONE]

      """;

  @RegisterExtension
  static final WireMockExtension SERVER =
      WireMockExtension.newInstance()
          .options(
              WireMockConfiguration.options()
                  .dynamicPort()
                  .dynamicHttpsPort()
                  .bindAddress("127.0.0.1"))
          .build();

  private final List<Retry> retries = new ArrayList<>();

  private HostedModel.Builder model(String baseUrl) {
    return HostedModel.builder()
        .baseUrl(baseUrl)
        .modelName("qwen-plus")
        .environment(name -> KEY)
        .retryWaits(Duration.ofMillis(20), Duration.ofSeconds(3))
        .retryListener(retries::add);
  }

  private HostedModel.Builder model() {
    return model("http://127.0.0.1:" + SERVER.getPort() + "/v1");
  }

  private void serve(ResponseDefinitionBuilder response) {
    SERVER.stubFor(post(anyUrl()).willReturn(response));
  }

  private static ResponseDefinitionBuilder stream(String body) {
    return aResponse().withHeader("Content-Type", "text/event-stream").withBody(body);
  }

  private void serveFirst(ResponseDefinitionBuilder first, ResponseDefinitionBuilder then) {
    SERVER.stubFor(
        post(anyUrl())
            .inScenario("retry")
            .whenScenarioStateIs(Scenario.STARTED)
            .willReturn(first)
            .willSetStateTo("second"));
    SERVER.stubFor(
        post(anyUrl()).inScenario("retry").whenScenarioStateIs("second").willReturn(then));
  }

  private static RecordedReply ask(HostedModel model) {
    var reply = new RecordedReply();
    model
        .streamingChatModel()
        .chat(ChatRequest.builder().messages(UserMessage.from("Hi")).build(), reply);
    return reply;
  }

  private ModelException errorOf(HostedModel.Builder builder) {
    try (HostedModel model = builder.build()) {
      ModelException error = ask(model).error();
      assertThat(error.getMessage()).doesNotContain(KEY).hasLineCount(1);
      assertThat(error.received().orElse("")).doesNotContain(KEY);
      assertThat(String.valueOf(error.getCause())).doesNotContain(KEY);
      return error;
    }
  }

  @Test
  void aRefusedKeyNamesItsVariableAndIsNotTriedAgain() {
    serve(
        aResponse()
            .withStatus(401)
            .withBody("{\"error\":{\"message\":\"Incorrect API key provided: " + KEY + ".\"}}"));
    ModelException error = errorOf(model());
    assertThat(error)
        .hasMessage(
            "http://127.0.0.1:%d/v1 refused the key from OPENAI_API_KEY (401): Incorrect API key"
                + " provided: ***.; check the variable",
            SERVER.getPort())
        .hasCauseInstanceOf(AuthenticationException.class);
    assertThat(error.status()).hasValue(401);
    SERVER.verify(1, postRequestedFor(anyUrl()));
  }

  @Test
  void aMissingKeyIsAskedFor() {
    serve(aResponse().withStatus(401).withBody("{\"detail\":\"Unauthorized\"}"));
    assertThat(errorOf(model().environment(name -> null)))
        .hasMessageContaining(
            "asks for a key (401): Unauthorized; set the environment variable OPENAI_API_KEY");
  }

  @Test
  void anUnknownModelOrPathIsNotTriedAgain() {
    serve(aResponse().withStatus(404).withBody("{\"error\":{\"message\":\"no such model\"}}"));
    assertThat(errorOf(model()))
        .hasMessageContaining(
            "does not know the path or the model 'qwen-plus' (404): no such model")
        .hasCauseInstanceOf(ModelNotFoundException.class);
    SERVER.verify(1, postRequestedFor(anyUrl()));
  }

  @ParameterizedTest
  @ValueSource(ints = {400, 403, 422, 501})
  void otherRefusalsAreNotTriedAgain(int status) {
    serve(aResponse().withStatus(status).withBody("plain\ntext"));
    ModelException error = errorOf(model());
    assertThat(error).hasMessageContaining("(" + status + "): plain text");
    assertThat(error.status()).hasValue(status);
    assertThat(error.received()).hasValue("plain\ntext");
    SERVER.verify(1, postRequestedFor(anyUrl()));
  }

  @Test
  void aRateLimitIsWaitedOutForAsLongAsTheServerAsks() {
    serveFirst(
        aResponse().withStatus(429).withHeader("Retry-After", "1").withBody("slow down"),
        stream(ANSWER));
    long start = System.nanoTime();
    try (HostedModel model = model().build()) {
      assertThat(ask(model).response().aiMessage().text()).isEqualTo("Fine.");
    }
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isGreaterThan(Duration.ofSeconds(1));
    assertThat(retries).hasSize(1);
    assertThat(retries.getFirst().number()).isEqualTo(1);
    assertThat(retries.getFirst().delay()).isEqualTo(Duration.ofSeconds(1));
    assertThat(retries.getFirst().reason()).hasMessageContaining("(429): slow down");
  }

  @Test
  void retryAfterMayBeADate() {
    String date =
        DateTimeFormatter.RFC_1123_DATE_TIME.format(ZonedDateTime.now(ZoneOffset.UTC).plusHours(2));
    serve(aResponse().withStatus(503).withHeader("Retry-After", date));
    ModelException error = errorOf(model());
    assertThat(error.retryAfter().orElseThrow())
        .isBetween(Duration.ofMinutes(110), Duration.ofHours(2));
    SERVER.verify(1, postRequestedFor(anyUrl()));
  }

  @Test
  void aWaitBeyondTheBoundIsNotMade() {
    serve(aResponse().withStatus(429).withHeader("Retry-After", "3600"));
    ModelException error = errorOf(model());
    assertThat(error)
        .hasMessageContaining("limits the request rate (429); it asks to wait 3600 s")
        .hasCauseInstanceOf(RateLimitException.class);
    assertThat(error.retryAfter()).hasValue(Duration.ofHours(1));
    SERVER.verify(1, postRequestedFor(anyUrl()));
  }

  @Test
  void aUsedUpQuotaIsNotTriedAgain() {
    serve(
        aResponse()
            .withStatus(429)
            .withBody("{\"error\":{\"code\":\"insufficient_quota\",\"message\":\"Pay.\"}}"));
    assertThat(errorOf(model())).hasMessageContaining("says the quota is used up (429): Pay.");
    SERVER.verify(1, postRequestedFor(anyUrl()));
  }

  @Test
  void aServerErrorIsTriedAgain() {
    serveFirst(aResponse().withStatus(500), stream(ANSWER));
    try (HostedModel model = model().build()) {
      assertThat(ask(model).response().aiMessage().text()).isEqualTo("Fine.");
    }
    assertThat(retries).hasSize(1);
  }

  @Test
  void aServerThatKeepsFailingIsGivenUp() {
    serve(aResponse().withStatus(500).withBody("{\"error\":{\"message\":\"CUDA out of memory\"}}"));
    assertThat(errorOf(model().maxRetries(2)))
        .hasMessageContaining("failed (500) after 2 retries: CUDA out of memory")
        .hasCauseInstanceOf(InternalServerException.class);
    assertThat(retries).extracting(Retry::number).containsExactly(1, 2);
    SERVER.verify(3, postRequestedFor(anyUrl()));
  }

  @Test
  void aRedirectSaysWhereTo() {
    serve(aResponse().withStatus(301).withHeader("Location", "https://example.org/v1"));
    assertThat(errorOf(model()))
        .hasMessageContaining("answered with a redirect (301): to https://example.org/v1");
    SERVER.verify(1, postRequestedFor(anyUrl()));
  }

  @Test
  void aWebPageInPlaceOfAStreamIsQuoted() {
    serve(
        aResponse()
            .withHeader("Content-Type", "text/html; charset=utf-8")
            .withBody("<!DOCTYPE html>\n<html><title>Welcome to nginx!</title>"));
    assertThat(errorOf(model()))
        .hasMessageContaining(
            "answered with text/html where text/event-stream was expected: '<!DOCTYPE html>"
                + " <html>");
    SERVER.verify(1, postRequestedFor(anyUrl()));
  }

  @Test
  void anErrorInAPlainJsonAnswerIsRead() {
    serve(
        aResponse()
            .withHeader("Content-Type", "application/json")
            .withBody("{\"error\":{\"code\":400,\"message\":\"bad tools\"}}"));
    assertThat(errorOf(model()))
        .hasMessageContaining("rejected the request (400): bad tools")
        .hasCauseInstanceOf(InvalidRequestException.class);
  }

  @Test
  void anErrorInsideAStreamEndsItOnce() {
    serve(
        stream(
            """
            data: {"choices":[{"delta":{"content":"Par"}}]}

            data: {"error":{"message":"engine died","code":500}}

            data: {"choices":[{"delta":{"content":"tial"}}]}

            """));
    try (HostedModel model = model().build()) {
      RecordedReply reply = ask(model);
      assertThat(reply.error()).hasMessageContaining("failed (500): engine died");
      assertThat(reply.text).containsExactly("Par");
    }
    SERVER.verify(1, postRequestedFor(anyUrl()));
  }

  @Test
  void anErrorThatOpensAStreamIsTriedAgain() {
    serveFirst(
        stream("event: error\ndata: {\"code\":\"Throttling\",\"message\":\"TPM\"}\n\n"),
        stream(ANSWER));
    try (HostedModel model = model().build()) {
      assertThat(ask(model).response().aiMessage().text()).isEqualTo("Fine.");
    }
    assertThat(retries.getFirst().reason()).hasMessageContaining("(429): TPM");
  }

  @Test
  void aStreamThatEndsInTheMiddleIsAnErrorAndNotTriedAgain() {
    serve(stream("data: {\"choices\":[{\"delta\":{\"content\":\"Par\"}}]}\n\n"));
    assertThat(errorOf(model())).hasMessageContaining("ended its answer in the middle");
    SERVER.verify(1, postRequestedFor(anyUrl()));
  }

  @Test
  void anEmptyStreamIsTriedAgainThenAnError() {
    serve(stream("data: [DONE]\n\n"));
    assertThat(errorOf(model().maxRetries(1)))
        .hasMessageContaining("sent an empty answer after 1 retry: received only 'data: [DONE]'");
    SERVER.verify(2, postRequestedFor(anyUrl()));
  }

  @Test
  void aBrokenChunkIsQuoted() {
    serve(
        stream(
            """
            data: {"choices":[{"delta":{"content":"Par"}}]}

            data: {"choices":[{"del

            """));
    assertThat(errorOf(model()))
        .hasMessageContaining("sent a piece of its answer that is not readable: broken JSON")
        .hasMessageContaining("in '{\"choices\":[{\"del'");
  }

  @Test
  void aChunkOfTheWrongShapeIsAnErrorOnce() {
    serve(stream("data: {\"choices\":\"none\"}\n\n" + ANSWER));
    assertThat(errorOf(model())).hasMessageContaining("The answer could not be read");
  }

  @ParameterizedTest
  @EnumSource(
      value = Fault.class,
      names = {"CONNECTION_RESET_BY_PEER", "EMPTY_RESPONSE"})
  void aBrokenConnectionIsTriedAgain(Fault fault) {
    serveFirst(aResponse().withFault(fault), stream(ANSWER));
    try (HostedModel model = model().build()) {
      assertThat(ask(model).response().aiMessage().text()).isEqualTo("Fine.");
    }
    assertThat(retries).hasSize(1);
    assertThat(retries.getFirst().reason()).hasMessageContaining("the connection to http://127");
  }

  @Test
  void noServerAtTheAddress() throws IOException {
    int free;
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      free = socket.getLocalPort();
    }
    assertThat(errorOf(model("http://localhost:" + free + "/v1").maxRetries(1)))
        .hasMessageContaining("no server answers at http://localhost:" + free + "/v1 after 1 retry")
        .hasMessageContaining("check that it runs and the base URL")
        .hasCauseInstanceOf(UnresolvedModelServerException.class);
  }

  @Test
  void anUnknownHost() {
    assertThat(errorOf(model("http://no-such-host.invalid/v1").maxRetries(0)))
        .hasMessageContaining("the host of http://no-such-host.invalid/v1 was not found");
  }

  @Test
  void httpsToAPlainHttpServer() {
    assertThat(errorOf(model("https://127.0.0.1:" + SERVER.getPort() + "/v1")))
        .hasMessageContaining("no secure connection to https://127.0.0.1");
    assertThat(retries).isEmpty();
  }

  @Test
  void aCertificateThatNobodySigned() {
    assertThat(errorOf(model("https://localhost:" + SERVER.getHttpsPort() + "/v1")))
        .hasMessageContaining("no secure connection to https://localhost")
        .hasMessageContaining("check its certificate and the base URL");
    assertThat(retries).isEmpty();
  }

  @Test
  void aSlowListenerIsNoHangOfTheServer() throws Exception {
    serve(stream(ANSWER.replace("\"finish_reason\":\"stop\"", "\"logprobs\":null") + ANSWER));
    FewTries.withEverMoreTime(Duration.ofMillis(200), this::aListenerTwiceAsSlow);
  }

  private void aListenerTwiceAsSlow(Duration idle) {
    List<String> heard = new ArrayList<>();
    var slow =
        new RecordedReply() {
          @Override
          public void onPartialResponse(PartialResponse partial, PartialResponseContext context) {
            LockSupport.parkNanos(idle.multipliedBy(2).toNanos());
            heard.add(partial.text());
          }
        };
    try (HostedModel model = model().idleTimeout(idle).build()) {
      model
          .streamingChatModel()
          .chat(ChatRequest.builder().messages(UserMessage.from("Hi")).build(), slow);
    }
    assertThat(slow.response().aiMessage().text()).isEqualTo("Fine.Fine.");
    assertThat(heard).hasSize(2);
  }

  @Test
  void aServerThatTakesTheRequestAndHangs() throws Exception {
    try (SocketServer hanging = SocketServer.thatHangsAfter("")) {
      assertThat(errorOf(model(hanging.baseUrl()).firstByteTimeout(Duration.ofMillis(300))))
          .hasMessageContaining("took the request but began no answer within 0.3 s")
          .hasCauseInstanceOf(TimeoutException.class);
      hanging.awaitAnswered();
      assertThat(hanging.requests()).isEqualTo(1);
    }
  }

  @Test
  void aServerThatHangsInTheMiddle() throws IOException {
    String part =
        SocketServer.STREAM_HEAD + "data: {\"choices\":[{\"delta\":{\"content\":\"Par\"}}]}\n\n";
    try (SocketServer hanging = SocketServer.thatHangsAfter(part)) {
      assertThat(errorOf(model(hanging.baseUrl()).idleTimeout(Duration.ofMillis(300))))
          .hasMessageContaining("stopped in the middle of its answer and sent nothing for 0.3 s");
      assertThat(hanging.requests()).isEqualTo(1);
    }
  }

  @Test
  void aConnectionThatBreaksInTheMiddleIsNotTriedAgain() throws IOException {
    String part =
        SocketServer.STREAM_HEAD.replace("Connection: close", "Content-Length: 9999")
            + "data: {\"choices\":[{\"delta\":{\"content\":\"Par\"}}]}\n\n";
    try (SocketServer breaking = SocketServer.thatClosesAfter(part)) {
      assertThat(errorOf(model(breaking.baseUrl()))).hasMessageContaining("the connection to");
      assertThat(breaking.requests()).isEqualTo(1);
    }
  }

  @Test
  void aConnectThatHangs() throws IOException {
    // A full backlog leaves further connects unanswered.
    try (ServerSocket full = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        Socket first = new Socket(full.getInetAddress(), full.getLocalPort());
        Socket second = new Socket(full.getInetAddress(), full.getLocalPort())) {
      assertThat(first.isConnected() && second.isConnected()).isTrue();
      assertThat(
              errorOf(
                  model("http://127.0.0.1:" + full.getLocalPort() + "/v1")
                      .connectTimeout(Duration.ofMillis(300))
                      .maxRetries(0)))
          .hasMessageContaining("no connection to http://127.0.0.1")
          .hasMessageContaining("within 0.3 s");
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void anInterruptEndsAHangingReadAndReleasesTheConnection(boolean virtual) throws Exception {
    try (SocketServer hanging = SocketServer.thatHangsAfter("");
        HostedModel model = model(hanging.baseUrl()).build()) {
      var reply = new InterruptedCall(model, virtual);
      hanging.awaitAnswered();
      Thread.sleep(50);

      reply.endsWhenInterrupted();
      assertThat(reply.error())
          .hasMessageContaining("was cancelled")
          .hasRootCauseInstanceOf(Exception.class);
      assertThat(reply.flagAfterwards).isTrue();
      assertThat(model.connections()).isZero();
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void anInterruptEndsAStreamInTheMiddle(boolean virtual) throws Exception {
    String part =
        SocketServer.STREAM_HEAD + "data: {\"choices\":[{\"delta\":{\"content\":\"Par\"}}]}\n\n";
    try (SocketServer hanging = SocketServer.thatHangsAfter(part);
        HostedModel model = model(hanging.baseUrl()).build()) {
      var reply = new InterruptedCall(model, virtual);
      reply.firstText.await();
      reply.endsWhenInterrupted();
      assertThat(reply.error()).hasMessageContaining("was cancelled");
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void anInterruptEndsAHangingConnect(boolean virtual) throws Exception {
    try (ServerSocket full = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        Socket first = new Socket(full.getInetAddress(), full.getLocalPort());
        Socket second = new Socket(full.getInetAddress(), full.getLocalPort());
        HostedModel model = model("http://127.0.0.1:" + full.getLocalPort() + "/v1").build()) {
      assertThat(first.isConnected() && second.isConnected()).isTrue();
      var reply = new InterruptedCall(model, virtual);
      Thread.sleep(150);
      reply.endsWhenInterrupted();
      assertThat(reply.error()).hasMessageContaining("was cancelled");
      assertThat(retries).isEmpty();
    }
  }

  @Test
  void anInterruptEndsAWaitBetweenRetries() throws Exception {
    serve(aResponse().withStatus(429).withHeader("Retry-After", "600"));
    var waiting = new CountDownLatch(1);
    try (HostedModel model =
        model()
            .retryWaits(Duration.ofMillis(20), Duration.ofMinutes(10))
            .retryListener(retry -> waiting.countDown())
            .build()) {
      var reply = new InterruptedCall(model, true);
      waiting.await();
      reply.endsWhenInterrupted();
      assertThat(reply.error()).hasMessageContaining("was cancelled");
    }
    SERVER.verify(1, postRequestedFor(anyUrl()));
  }

  @Test
  void theBlockingModelThrowsTheSameError() {
    serve(aResponse().withStatus(404));
    try (HostedModel model = model().build()) {
      assertThatThrownBy(() -> model.chatModel().chat("Hi"))
          .isInstanceOf(ModelException.class)
          .hasMessageContaining("(404)")
          .hasCauseInstanceOf(ModelNotFoundException.class);
    }
  }

  /** A call on a thread of its own, to be interrupted. */
  private static final class InterruptedCall extends RecordedReply {
    private final Thread thread;
    private final CountDownLatch firstText = new CountDownLatch(1);
    private volatile boolean flagAfterwards;

    InterruptedCall(HostedModel model, boolean virtual) {
      Runnable call =
          () -> {
            model
                .streamingChatModel()
                .chat(ChatRequest.builder().messages(UserMessage.from("Hi")).build(), this);
            flagAfterwards = Thread.currentThread().isInterrupted();
          };
      thread = virtual ? Thread.ofVirtual().start(call) : Thread.ofPlatform().start(call);
    }

    @Override
    public void onPartialResponse(PartialResponse partial, PartialResponseContext context) {
      firstText.countDown();
    }

    /** What it waits for never comes, so that nothing else can end it. */
    void endsWhenInterrupted() throws InterruptedException {
      assertThat(thread.isAlive()).isTrue();
      thread.interrupt();
      thread.join();
    }
  }

  /** As Python's http.server does: the connection is kept in no pool, or its end is mistaken. */
  @Test
  void aServerThatHangsUpAfterEachAnswerIsStillQuotedAfterTheRetries() throws IOException {
    String answer =
        "HTTP/1.0 500 Oops\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nboom";
    try (SocketServer server = SocketServer.thatClosesAfter(answer);
        HostedModel model = model(server.baseUrl()).maxRetries(3).build()) {
      assertThatThrownBy(() -> model.chatModel().chat("hi"))
          .isInstanceOf(ModelException.class)
          .hasMessageContaining("failed (500) after 3 retries: boom");
      assertThat(server.requests()).isEqualTo(4);
    }
  }
}
