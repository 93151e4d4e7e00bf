package dev.qwen4j.tools;

import static com.github.tomakehurst.wiremock.client.WireMock.aResponse;
import static com.github.tomakehurst.wiremock.client.WireMock.get;
import static com.github.tomakehurst.wiremock.client.WireMock.temporaryRedirect;
import static com.github.tomakehurst.wiremock.core.WireMockConfiguration.options;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.tomakehurst.wiremock.WireMockServer;
import dev.qwen4j.tool.Cancellation;
import dev.qwen4j.tool.ToolContext;
import dev.qwen4j.tool.ToolResult;
import java.nio.charset.Charset;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(180)
class FetchUrlTest {
  private final WireMockServer server =
      new WireMockServer(options().dynamicPort().bindAddress("127.0.0.1"));
  private final WebTools tools = WebTools.builder().allowPrivateAddresses(true).build();

  @BeforeEach
  void start() {
    server.start();
  }

  @AfterEach
  void stop() {
    server.stop();
  }

  @Test
  void aPageIsReadAsMarkdown() throws Exception {
    page("/a", "text/html; charset=utf-8", "<title>Grüße</title><h1>Hi</h1><p>See <a href=b>b</a>");
    ToolResult result = fetch("/a");
    assertThat(result.isError()).isFalse();
    assertThat(result.text())
        .isEqualTo(
            "Title: Grüße\nURL: " + url("/a") + "\n\n# Hi\n\nSee [b](" + url("/b") + ")\n\n");
  }

  @Test
  void otherTextIsReturnedAsItIs() throws Exception {
    page("/data", "application/json", "{\"a\": [1, 2]}");
    assertThat(fetch("/data").text()).endsWith("\n\n{\"a\": [1, 2]}\n");
  }

  @Test
  void theDeclaredEncodingIsUsed() throws Exception {
    server.stubFor(
        get("/gbk")
            .willReturn(
                aResponse()
                    .withHeader("Content-Type", "text/html")
                    .withBody("<meta charset=gbk><p>中文网页".getBytes(Charset.forName("GBK")))));
    assertThat(fetch("/gbk").text()).contains("中文网页");
  }

  @Test
  void whatIsNotTextIsRefused() throws Exception {
    page("/pdf", "application/pdf", "%PDF");
    server.stubFor(get("/raw").willReturn(aResponse().withBody(new byte[] {1, 0, 2})));
    assertError(fetch("/pdf"), "is application/pdf; fetch_url reads HTML");
    assertError(fetch("/raw"), "is not text");
  }

  @Test
  void anErrorStatusIsToldWithItsText() throws Exception {
    server.stubFor(
        get("/missing")
            .willReturn(
                aResponse()
                    .withStatus(404)
                    .withHeader("Content-Type", "text/html")
                    .withBody("<h1>No such page</h1>")));
    assertError(fetch("/missing"), "answered 404: No such page");
  }

  @Test
  void redirectsAreFollowedAndTheLastAddressIsTold() throws Exception {
    server.stubFor(get("/old").willReturn(temporaryRedirect("/new")));
    page("/new", "text/plain", "moved");
    assertThat(fetch("/old").text()).isEqualTo("URL: " + url("/new") + "\n\nmoved\n");
  }

  @Test
  void redirectsAreBounded() throws Exception {
    server.stubFor(get("/loop").willReturn(temporaryRedirect("/loop")));
    server.stubFor(get("/file").willReturn(temporaryRedirect("file:///etc/passwd")));
    assertError(fetch("/loop"), "redirects more than 5 times");
    assertError(fetch("/file"), "redirects to 'file:///etc/passwd', which is no web address");
  }

  @Test
  void aLargePageIsCutAndCanBeReadOn() throws Exception {
    page("/long", "text/plain", "x".repeat(99).concat("\n").repeat(1_000));
    String first = fetch("/long").text();
    assertThat(first)
        .hasSizeLessThan(21_000)
        .contains("(limit: 20,000 characters). To read on, call fetch_url with offset 201.]");
    ToolResult rest = fetch("{\"url\":\"" + url("/long") + "\",\"offset\":1000}", tools);
    assertThat(rest.text()).endsWith("\n\n" + "x".repeat(99) + "\n\n");
  }

  @Test
  void noMoreThanTheAllowedBytesAreRead() throws Exception {
    page("/big", "text/plain", "y\n".repeat(100_000));
    var small = WebTools.builder().allowPrivateAddresses(true).maxBytes(10).build();
    assertThat(fetch("{\"url\":\"" + url("/big") + "\"}", small).text())
        .endsWith("y\n\n[Only the first 10 bytes of the page were read]\n");
  }

  @Test
  void aSlowServerIsGivenUp() throws Exception {
    server.stubFor(get("/slow").willReturn(aResponse().withBody("x").withFixedDelay(10_000)));
    var quick =
        WebTools.builder().allowPrivateAddresses(true).timeout(Duration.ofMillis(300)).build();
    assertError(fetch("{\"url\":\"" + url("/slow") + "\"}", quick), "did not answer within");
  }

  @Test
  void aCancelledFetchEndsAtOnce() throws Exception {
    server.stubFor(get("/slow").willReturn(aResponse().withBody("x").withFixedDelay(90_000)));
    var cancellation = new Cancellation();
    var context = new ToolContext(cancellation, Instant.now().plusSeconds(85));
    Instant start = Instant.now();
    try (var timer = Executors.newSingleThreadScheduledExecutor()) {
      var cancelling = timer.schedule(cancellation::cancel, 300, TimeUnit.MILLISECONDS);
      assertThatThrownBy(
              () -> Calls.call(tools, "fetch_url", "{\"url\":\"" + url("/slow") + "\"}", context))
          .isInstanceOf(InterruptedException.class);
      cancelling.get(60, TimeUnit.SECONDS);
    }
    assertThat(Duration.between(start, Instant.now())).isLessThan(Duration.ofSeconds(60));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"file:///etc/passwd", "ftp://example.org/a", "example.org", "http://", ""})
  void otherSchemesAndNonsenseAreRefused(String url) throws Exception {
    assertThat(fetch("{\"url\":\"" + url + "\"}", tools).isError()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"127.0.0.1", "localhost", "[::1]", "0.0.0.0", "[::ffff:127.0.0.1]", "2130706433"})
  void thisMachineIsNotReachedByDefaultHoweverItIsWritten(String host) throws Exception {
    page("/secret", "text/plain", "secret");
    String json = "{\"url\":\"http://" + host + ":" + server.port() + "/secret\"}";
    ToolResult result = fetch(json, WebTools.create());
    assertThat(result.isError()).isTrue();
    assertThat(result.text()).doesNotContain("\nsecret");
    assertThat(server.getAllServeEvents()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.2", "localhost"})
  void aRedirectToAnAddressThatIsNotAllowedIsNotFollowed(String host) throws Exception {
    String target = "http://" + host + ":" + server.port() + "/secret";
    server.stubFor(get("/start").willReturn(temporaryRedirect(target)));
    page("/secret", "text/plain", "secret");
    var guard = new NetworkGuard(address -> address.toString().equals("/127.0.0.1"));
    var fetch = new FetchUrl(Duration.ofSeconds(10), 1_000, Optional.of(guard));
    ToolResult result =
        Calls.call(() -> List.of(fetch), "fetch_url", "{\"url\":\"" + url("/start") + "\"}");
    assertError(result, "is refused");
    assertThat(server.getAllServeEvents()).hasSize(1);
  }

  @Test
  void theRefusalSaysWhichAddressWasMeant() throws Exception {
    assertError(
        fetch("{\"url\":\"http://169.254.169.254/latest/meta-data\"}", WebTools.create()),
        "169.254.169.254 is not an address of the public internet");
  }

  private void page(String path, String type, String body) {
    server.stubFor(
        get(path).willReturn(aResponse().withHeader("Content-Type", type).withBody(body)));
  }

  private String url(String path) {
    return "http://127.0.0.1:" + server.port() + path;
  }

  private ToolResult fetch(String path) throws Exception {
    return fetch("{\"url\":\"" + url(path) + "\"}", tools);
  }

  private static ToolResult fetch(String json, WebTools tools) throws Exception {
    return Calls.call(tools, "fetch_url", json);
  }

  private static void assertError(ToolResult result, String part) {
    assertThat(result.isError()).as(result.text()).isTrue();
    assertThat(result.text()).contains(part);
  }
}
