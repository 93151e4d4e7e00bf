package dev.qwen4j.inference.hub;

import static com.github.tomakehurst.wiremock.client.WireMock.aResponse;
import static com.github.tomakehurst.wiremock.client.WireMock.anyUrl;
import static com.github.tomakehurst.wiremock.client.WireMock.equalTo;
import static com.github.tomakehurst.wiremock.client.WireMock.get;
import static com.github.tomakehurst.wiremock.client.WireMock.getRequestedFor;
import static com.github.tomakehurst.wiremock.client.WireMock.ok;
import static com.github.tomakehurst.wiremock.client.WireMock.okJson;
import static com.github.tomakehurst.wiremock.client.WireMock.status;
import static com.github.tomakehurst.wiremock.client.WireMock.temporaryRedirect;
import static com.github.tomakehurst.wiremock.client.WireMock.urlEqualTo;
import static com.github.tomakehurst.wiremock.client.WireMock.urlPathEqualTo;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.github.tomakehurst.wiremock.WireMockServer;
import com.github.tomakehurst.wiremock.core.WireMockConfiguration;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ModelHubTest {
  private static final ModelReference QWEN = ModelReference.parse("hf:Qwen/Tiny-GGUF");
  private static final String TREE = "/api/models/Qwen/Tiny-GGUF/tree/main";
  private static final String FILE = "/Qwen/Tiny-GGUF/resolve/main/tiny-q4_k_m.gguf";
  private static final byte[] MODEL = model();

  private final WireMockServer server =
      new WireMockServer(WireMockConfiguration.options().dynamicPort().bindAddress("127.0.0.1"));

  @TempDir private Path cache;

  private String endpoint = "";

  @BeforeEach
  void start() {
    server.start();
    endpoint = server.baseUrl();
  }

  @AfterEach
  void stop() {
    server.stop();
  }

  @Test
  void downloadsWithProgressAndLeavesNothingElseBehind() throws IOException {
    listed(MODEL.length, sha256(MODEL));
    server.stubFor(get(FILE).willReturn(ok().withBody(MODEL)));
    List<Long> progress = new ArrayList<>();

    Path file =
        hub()
            .fetch(
                QWEN,
                (name, bytes, total) -> {
                  assertThat(name).isEqualTo("tiny-q4_k_m.gguf");
                  assertThat(total).isEqualTo(MODEL.length);
                  progress.add(bytes);
                });

    assertThat(file).isEqualTo(cached("tiny-q4_k_m.gguf")).hasBinaryContent(MODEL);
    assertThat(progress).isSorted().startsWith(0L).endsWith((long) MODEL.length).hasSize(4);
    assertThat(file.resolveSibling("tiny-q4_k_m.gguf.part")).doesNotExist();
  }

  @Test
  void theSecondTimeNoNetworkIsNeeded() {
    listed(MODEL.length, sha256(MODEL));
    server.stubFor(get(FILE).willReturn(ok().withBody(MODEL)));
    Path first = hub().fetch(QWEN, ModelHub.DownloadListener.NONE);
    server.resetAll();

    assertThat(hub().fetch(QWEN, ModelHub.DownloadListener.NONE)).isEqualTo(first);
    assertThat(
            hub()
                .fetch(
                    ModelReference.parse("hf:Qwen/Tiny-GGUF:q4_k_m"),
                    ModelHub.DownloadListener.NONE))
        .isEqualTo(first);
    assertThat(builder().offline(true).build().fetch(QWEN, ModelHub.DownloadListener.NONE))
        .isEqualTo(first);
    assertThat(server.getAllServeEvents()).isEmpty();
    assertThat(hub().cached())
        .containsExactly(new ModelHub.CachedModel("hf:Qwen/Tiny-GGUF:Q4_K_M", first, MODEL.length));
  }

  @Test
  void anEmptyCacheListsNothing() {
    assertThat(builder().cache(cache.resolve("none")).build().cached()).isEmpty();
  }

  @Test
  void anotherQuantisationThanTheCachedOneIsFetched() {
    listed(MODEL.length, sha256(MODEL));
    server.stubFor(get(FILE).willReturn(ok().withBody(MODEL)));
    hub().fetch(QWEN, ModelHub.DownloadListener.NONE);

    assertFails(
        "hf:Qwen/Tiny-GGUF:Q6_K",
        "hf:Qwen/Tiny-GGUF:Q6_K: no Q6_K in this repository; it has Q4_K_M, Q8_0");
  }

  @Test
  void resumesWhereAnEarlierTryEnded() throws IOException {
    listed(MODEL.length, sha256(MODEL));
    int half = MODEL.length / 2;
    Files.createDirectories(cached("x").getParent());
    Files.write(cached("tiny-q4_k_m.gguf.part"), Arrays.copyOf(MODEL, half));
    server.stubFor(
        get(FILE)
            .withHeader("Range", equalTo("bytes=" + half + "-"))
            .willReturn(
                status(206)
                    .withHeader(
                        "Content-Range",
                        "bytes " + half + "-" + (MODEL.length - 1) + "/" + MODEL.length)
                    .withBody(Arrays.copyOfRange(MODEL, half, MODEL.length))));
    List<Long> progress = new ArrayList<>();

    Path file = hub().fetch(QWEN, (name, bytes, total) -> progress.add(bytes));

    assertThat(file).hasBinaryContent(MODEL);
    assertThat(progress).startsWith((long) half).endsWith((long) MODEL.length);
  }

  @ParameterizedTest
  @CsvSource({"200", "206", "416"})
  void aServerThatCannotResumeIsAskedForTheWhole(int code) throws IOException {
    listed(MODEL.length, sha256(MODEL));
    Files.createDirectories(cached("x").getParent());
    Files.write(cached("tiny-q4_k_m.gguf.part"), new byte[] {1, 2, 3});
    server.stubFor(get(FILE).atPriority(2).willReturn(ok().withBody(MODEL)));
    server.stubFor(
        get(FILE)
            .atPriority(1)
            .withHeader("Range", equalTo("bytes=3-"))
            .willReturn(status(code).withBody(MODEL)));

    assertThat(hub().fetch(QWEN, ModelHub.DownloadListener.NONE)).hasBinaryContent(MODEL);
  }

  @Test
  void aCutConnectionIsTakenUpAgain() throws IOException {
    listed(MODEL.length, sha256(MODEL));
    List<String> ranges = new ArrayList<>();
    HttpServer cutting =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    cutting.createContext(
        "/",
        exchange -> {
          String range = exchange.getRequestHeaders().getFirst("Range");
          ranges.add(String.valueOf(range));
          int from =
              range == null
                  ? 0
                  : Integer.parseInt(range.substring("bytes=".length(), range.length() - 1));
          exchange.getResponseHeaders().add("Content-Range", "bytes " + from + "-/" + MODEL.length);
          exchange.sendResponseHeaders(range == null ? 200 : 206, MODEL.length - from);
          exchange.getResponseBody().write(MODEL, from, Math.min(1_000_000, MODEL.length - from));
          exchange.getResponseBody().flush();
          exchange.close(); // ends the connection when bytes are owed
        });
    cutting.start();
    try {
      server.stubFor(
          get(FILE)
              .willReturn(
                  temporaryRedirect(
                      "http://127.0.0.1:" + cutting.getAddress().getPort() + "/blob")));

      assertThat(hub().fetch(QWEN, ModelHub.DownloadListener.NONE)).hasBinaryContent(MODEL);
      assertThat(ranges)
          .hasSizeGreaterThan(2)
          .startsWith("null")
          .last()
          .asString()
          .startsWith("bytes=");
    } finally {
      cutting.stop(0);
    }
  }

  @Test
  void aDownloadThatStaysStuckSaysHowToGoOnAndKeepsThePart() throws IOException {
    listed(MODEL.length, sha256(MODEL));
    Files.createDirectories(cached("x").getParent());
    Files.write(cached("tiny-q4_k_m.gguf.part"), Arrays.copyOf(MODEL, 1000));
    server.stubFor(get(FILE).willReturn(status(503)));

    assertFails(
        "hf:Qwen/Tiny-GGUF",
        "hf:Qwen/Tiny-GGUF: the download of tiny-q4_k_m.gguf from http://localhost stays stuck at"
            + " 1000 of "
            + MODEL.length
            + " bytes (HTTP 503); run again to resume");
    assertThat(cached("tiny-q4_k_m.gguf.part")).hasSize(1000);
  }

  @Test
  void aFileWithTheWrongChecksumIsNotKept() {
    listed(MODEL.length, "0".repeat(64));
    server.stubFor(get(FILE).willReturn(ok().withBody(MODEL)));

    assertFails(
        "hf:Qwen/Tiny-GGUF",
        "tiny-q4_k_m.gguf came with SHA-256 " + sha256(MODEL) + ", expected 0000");

    assertThat(cached("tiny-q4_k_m.gguf")).doesNotExist();
    assertThat(cached("tiny-q4_k_m.gguf.part")).doesNotExist();
    assertThat(hub().cached()).isEmpty();
  }

  @Test
  void aFileThatTheDiskHasNoRoomForIsNotBegun() {
    listed(Long.MAX_VALUE / 2, sha256(MODEL));
    server.stubFor(get(FILE).willReturn(ok().withBody(MODEL)));

    assertFails("hf:Qwen/Tiny-GGUF", "tiny-q4_k_m.gguf needs", "make room, or set QWEN4J_CACHE");

    server.verify(0, getRequestedFor(urlEqualTo(FILE)));
    assertThat(cached("tiny-q4_k_m.gguf.part")).doesNotExist();
  }

  /** What the system says when the disk fills up under a download is of the same kind. */
  @Test
  void aFolderThatCannotBeWrittenIsNamedWithTheSystemsReason() throws IOException {
    listed(MODEL.length, sha256(MODEL));
    server.stubFor(get(FILE).willReturn(ok().withBody(MODEL)));
    Files.createDirectories(cached("tiny-q4_k_m.gguf.part"));

    assertFails("hf:Qwen/Tiny-GGUF", "cannot write to " + cache, "check the folder");
  }

  @Test
  void aSplitModelIsBroughtWholeAndListedOnce() {
    String name = "tiny-q4_k_m-0000%d-of-00002.gguf";
    String entry = "{\"type\":\"file\",\"path\":\"" + name + "\",\"size\":" + MODEL.length + "}";
    server.stubFor(
        get(urlEqualTo(TREE + "?recursive=true"))
            .willReturn(okJson("[" + entry.formatted(1) + "," + entry.formatted(2) + "]")));
    String folder = FILE.substring(0, FILE.lastIndexOf('/') + 1);
    server.stubFor(get(folder + name.formatted(1)).willReturn(ok().withBody(MODEL)));
    server.stubFor(get(folder + name.formatted(2)).willReturn(ok().withBody(MODEL)));

    Path first =
        hub()
            .fetch(
                ModelReference.parse("hf:Qwen/Tiny-GGUF:Q4_K_M"), ModelHub.DownloadListener.NONE);

    assertThat(first).isEqualTo(cached(name.formatted(1))).hasBinaryContent(MODEL);
    assertThat(cached(name.formatted(2))).hasBinaryContent(MODEL);
    assertThat(hub().cached())
        .singleElement()
        .satisfies(model -> assertThat(model.bytes()).isEqualTo(2L * MODEL.length));
  }

  @Test
  void aSplitModelOfWhichAPartIsMissingIsNotTakenForWhole() throws IOException {
    Files.createDirectories(cached("x").getParent());
    Files.write(cached("tiny-q4_k_m-00001-of-00002.gguf"), MODEL);

    assertThat(hub().cached()).isEmpty();
    assertThatExceptionOfType(HubException.class)
        .isThrownBy(
            () ->
                builder()
                    .offline(true)
                    .build()
                    .fetch(
                        ModelReference.parse("hf:Qwen/Tiny-GGUF:Q4_K_M"),
                        ModelHub.DownloadListener.NONE))
        .withMessageContaining("not in the cache");
  }

  @Test
  void aFileLongerThanListedIsRefused() {
    listed(10, sha256(MODEL));
    server.stubFor(get(FILE).willReturn(ok().withBody(MODEL)));
    assertFails(
        "hf:Qwen/Tiny-GGUF", "tiny-q4_k_m.gguf is longer than the 10 bytes it was listed with");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "401 | HTTP 401 from http://localhost, access denied or no such repository; check the name,"
            + " or set HF_TOKEN",
        "403 | HTTP 403 from http://localhost, access denied",
        "404 | HTTP 404 from http://localhost, no such repository or file; check owner and name",
        "429 | HTTP 429 from http://localhost, too many requests; wait a while, or set HF_TOKEN",
        "500 | HTTP 500 from http://localhost, the server's fault or a wrong endpoint; try again"
            + " later"
      })
  void aRefusalSaysWhatToDo(int code, String message) {
    server.stubFor(get(anyUrl()).willReturn(status(code).withBody("<html>oops</html>")));
    assertFails("hf:Qwen/Tiny-GGUF", "hf:Qwen/Tiny-GGUF: " + message);
  }

  @Test
  void anAnswerThatIsNoListingIsShown() {
    server.stubFor(get(anyUrl()).willReturn(ok("<html>\nlogin</html>")));
    assertFails(
        "hf:Qwen/Tiny-GGUF",
        "hf:Qwen/Tiny-GGUF: expected JSON from http://localhost, found <html>; check HF_ENDPOINT");
    server.stubFor(get(anyUrl()).willReturn(okJson("{\"error\":1}")));
    assertFails("hf:Qwen/Tiny-GGUF", "expected an array of files");
    assertFails("modelscope:Qwen/Tiny-GGUF", "expected Data.Files");
  }

  @Test
  void anUnreachableEndpointNamesTheMirrorVariable() {
    server.stop();
    assertFails(
        "hf:Qwen/Tiny-GGUF", "cannot reach http://localhost", "set HF_ENDPOINT to a mirror");
  }

  @Test
  void offlineSaysWhatIsMissing() {
    assertThatExceptionOfType(HubException.class)
        .isThrownBy(
            () -> builder().offline(true).build().fetch(QWEN, ModelHub.DownloadListener.NONE))
        .withMessage(
            "hf:Qwen/Tiny-GGUF: not in the cache %s, and QWEN4J_OFFLINE forbids the network;"
                    .formatted(cache)
                + " unset it, or give a path");
    assertThat(server.getAllServeEvents()).isEmpty();
  }

  @Test
  void aLocalPathIsTakenAsItIs() throws IOException {
    Path file = Files.createFile(cache.resolve("own.gguf"));
    assertThat(hub().fetch(ModelReference.parse(file.toString()), ModelHub.DownloadListener.NONE))
        .isEqualTo(file);
    assertFails(
        "no/such.gguf",
        "no/such.gguf: no such file; expected a path to a GGUF file or a HuggingFace folder,"
            + " hf:owner");
  }

  @Test
  void fetchesFromModelScope() {
    server.stubFor(
        get(urlPathEqualTo("/api/v1/models/Qwen/Tiny-GGUF/repo/files"))
            .withQueryParam("Recursive", equalTo("true"))
            .willReturn(
                okJson(
                    """
                    {"Code":200,"Data":{"Files":[
                      {"Path":"sub","Type":"tree","Size":0,"Sha256":""},
                      {"Path":"sub/tiny-q8_0.gguf","Type":"blob","Size":%d,"Sha256":"%s"}]}}\
                    """
                        .formatted(MODEL.length, sha256(MODEL)))));
    server.stubFor(
        get("/models/Qwen/Tiny-GGUF/resolve/master/sub/tiny-q8_0.gguf")
            .willReturn(ok().withBody(MODEL)));

    Path file =
        hub()
            .fetch(
                ModelReference.parse("modelscope:Qwen/Tiny-GGUF"), ModelHub.DownloadListener.NONE);

    assertThat(file)
        .isEqualTo(cache.resolve("modelscope/Qwen/Tiny-GGUF/sub/tiny-q8_0.gguf"))
        .hasBinaryContent(MODEL);
    assertThat(hub().cached())
        .extracting(ModelHub.CachedModel::reference)
        .containsExactly("modelscope:Qwen/Tiny-GGUF:Q8_0");
  }

  @Test
  void theTokenStaysWithItsHostWhenARedirectLeadsAway() {
    WireMockServer cdn =
        new WireMockServer(WireMockConfiguration.options().dynamicPort().bindAddress("127.0.0.1"));
    cdn.start();
    try {
      listed(MODEL.length, sha256(MODEL));
      server.stubFor(get(FILE).willReturn(temporaryRedirect(cdn.url("/blob"))));
      cdn.stubFor(get("/blob").willReturn(ok().withBody(MODEL)));

      builder()
          .token(ModelReference.Source.HUGGING_FACE, "hf_secret")
          .build()
          .fetch(QWEN, ModelHub.DownloadListener.NONE);

      server.verify(
          getRequestedFor(urlEqualTo(FILE))
              .withHeader("Authorization", equalTo("Bearer hf_secret")));
      cdn.verify(getRequestedFor(urlEqualTo("/blob")).withoutHeader("Authorization"));
    } finally {
      cdn.stop();
    }
  }

  @Test
  void theTokenIsInNoMessage() {
    server.stubFor(get(anyUrl()).willReturn(status(401)));
    assertThatExceptionOfType(HubException.class)
        .isThrownBy(
            () ->
                builder()
                    .token(ModelReference.Source.HUGGING_FACE, "hf_secret")
                    .build()
                    .fetch(QWEN, ModelHub.DownloadListener.NONE))
        .withMessageContaining("check that the token in HF_TOKEN may read this repository")
        .withMessageNotContaining("hf_secret");
  }

  @Test
  void aListingInPagesIsReadToItsEndFromTheSameEndpoint() {
    server.stubFor(
        get(urlEqualTo(TREE + "?recursive=true"))
            .willReturn(
                okJson("[{\"type\":\"file\",\"path\":\"README.md\",\"size\":3,\"oid\":\"a\"}]")
                    .withHeader(
                        "Link",
                        "<https://huggingface.example" + TREE + "?cursor=2>; rel=\"next\"")));
    server.stubFor(
        get(urlEqualTo(TREE + "?cursor=2"))
            .willReturn(okJson(listing(MODEL.length, sha256(MODEL)))));
    server.stubFor(get(FILE).willReturn(ok().withBody(MODEL)));

    assertThat(hub().fetch(QWEN, ModelHub.DownloadListener.NONE)).hasBinaryContent(MODEL);
  }

  @Test
  void aPathThatLeadsOutOfTheCacheIsRefused() throws IOException {
    server.stubFor(
        get(urlPathEqualTo(TREE))
            .willReturn(
                okJson(
                    """
                    [{"type":"file","path":"../../../../evil-Q4_K_M.gguf","size":3}]\
                    """)));
    assertFails(
        "hf:Qwen/Tiny-GGUF",
        "the repository lists a file outside itself: ../../../../evil-Q4_K_M.gguf");
    try (Stream<Path> files = Files.walk(cache)) {
      assertThat(files.filter(Files::isRegularFile)).isEmpty();
    }
  }

  @Test
  void severalWhoWantTheSameFileDownloadItOnce() throws InterruptedException, ExecutionException {
    listed(MODEL.length, sha256(MODEL));
    server.stubFor(get(FILE).willReturn(ok().withBody(MODEL).withFixedDelay(300)));
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Path>> fetches =
          IntStream.range(0, 4)
              .mapToObj(
                  i -> threads.submit(() -> hub().fetch(QWEN, ModelHub.DownloadListener.NONE)))
              .toList();
      for (Future<Path> fetch : fetches) {
        assertThat(fetch.get()).hasBinaryContent(MODEL);
      }
    }
    server.verify(1, getRequestedFor(urlEqualTo(FILE)));
  }

  @Test
  @Timeout(300)
  void interruptionEndsADownloadAndKeepsWhatHasCome() throws IOException, InterruptedException {
    listed(MODEL.length, sha256(MODEL));
    server.stubFor(
        get(FILE).willReturn(aResponse().withBody(MODEL).withChunkedDribbleDelay(100, 240_000)));
    List<HubException> failures = new ArrayList<>();
    Path part = cached("tiny-q4_k_m.gguf.part");
    Thread thread =
        Thread.startVirtualThread(
            () -> {
              try {
                hub().fetch(QWEN, ModelHub.DownloadListener.NONE);
              } catch (HubException e) {
                failures.add(e);
              }
            });
    while (!Files.exists(part) || Files.size(part) == 0) {
      Thread.sleep(20);
    }
    thread.interrupt();

    assertThat(thread.join(Duration.ofMinutes(2))).isTrue();
    assertThat(failures)
        .singleElement()
        .extracting(Throwable::getMessage)
        .isEqualTo("hf:Qwen/Tiny-GGUF: interrupted; what has come is kept for the next time");
    assertThat(part).isNotEmptyFile();
  }

  @Test
  void theEnvironmentSaysEverything() {
    listed(MODEL.length, sha256(MODEL));
    server.stubFor(get(FILE).willReturn(ok().withBody(MODEL)));
    Map<String, String> environment =
        Map.of("QWEN4J_CACHE", cache.toString(), "HF_ENDPOINT", endpoint, "HF_TOKEN", " t ");

    assertThat(ModelHub.fromEnvironment(environment).fetch(QWEN, ModelHub.DownloadListener.NONE))
        .isEqualTo(cached("tiny-q4_k_m.gguf"));
    server.verify(
        getRequestedFor(urlEqualTo(FILE)).withHeader("Authorization", equalTo("Bearer t")));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> ModelHub.fromEnvironment(Map.of("MODELSCOPE_ENDPOINT", "mirror")))
        .withMessage("MODELSCOPE_ENDPOINT: expected an http or https URL, found mirror");
    assertThatExceptionOfType(HubException.class)
        .isThrownBy(
            () ->
                ModelHub.fromEnvironment(
                        Map.of(
                            "QWEN4J_CACHE", cache.resolve("x").toString(), "QWEN4J_OFFLINE", "1"))
                    .fetch(QWEN, ModelHub.DownloadListener.NONE))
        .withMessageContaining("QWEN4J_OFFLINE");
  }

  private void listed(long bytes, String sha256) {
    server.stubFor(
        get(urlEqualTo(TREE + "?recursive=true")).willReturn(okJson(listing(bytes, sha256))));
  }

  private static String listing(long bytes, String sha256) {
    return """
    [{"type":"directory","path":"images","oid":"1"},
     {"type":"file","path":"README.md","size":12,"oid":"2"},
     {"type":"file","path":"tiny-q4_k_m.gguf","size":130,"oid":"3",
      "lfs":{"oid":"%s","size":%d,"pointerSize":130}},
     {"type":"file","path":"tiny-q8_0.gguf","size":1,"oid":"4","lfs":{"oid":"%s","size":1}}]\
    """
        .formatted(sha256, bytes, sha256);
  }

  private void assertFails(String reference, String... message) {
    assertThatExceptionOfType(HubException.class)
        .isThrownBy(
            () -> hub().fetch(ModelReference.parse(reference), ModelHub.DownloadListener.NONE))
        .satisfies(e -> assertThat(e.getMessage()).contains(message).doesNotContain("\n"));
  }

  private Path cached(String name) {
    return cache.resolve("hf/Qwen/Tiny-GGUF").resolve(name);
  }

  private ModelHub hub() {
    return builder().build();
  }

  private ModelHub.Builder builder() {
    return ModelHub.builder()
        .cache(cache)
        .pause(Duration.ofMillis(5))
        .endpoint(ModelReference.Source.HUGGING_FACE, endpoint)
        .endpoint(ModelReference.Source.MODEL_SCOPE, endpoint);
  }

  private static byte[] model() {
    byte[] bytes = new byte[2_500_000];
    new Random(1).nextBytes(bytes);
    return bytes;
  }

  private static String sha256(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
