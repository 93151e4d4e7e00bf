package dev.qwen4j.inference.hub;

import static com.github.tomakehurst.wiremock.client.WireMock.equalTo;
import static com.github.tomakehurst.wiremock.client.WireMock.get;
import static com.github.tomakehurst.wiremock.client.WireMock.getRequestedFor;
import static com.github.tomakehurst.wiremock.client.WireMock.ok;
import static com.github.tomakehurst.wiremock.client.WireMock.okJson;
import static com.github.tomakehurst.wiremock.client.WireMock.status;
import static com.github.tomakehurst.wiremock.client.WireMock.urlEqualTo;
import static com.github.tomakehurst.wiremock.client.WireMock.urlPathEqualTo;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.github.tomakehurst.wiremock.WireMockServer;
import com.github.tomakehurst.wiremock.core.WireMockConfiguration;
import dev.qwen4j.inference.DiskLimit;
import dev.qwen4j.inference.LocalModel;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Repositories without GGUF files, which are brought as folders. */
class FolderDownloadTest {
  private static final ModelReference QWEN = ModelReference.parse("hf:Qwen/Tiny");
  private static final String WEIGHTS = "model.safetensors";

  private final WireMockServer server =
      new WireMockServer(WireMockConfiguration.options().dynamicPort().bindAddress("127.0.0.1"));
  private final Map<String, byte[]> files = new TreeMap<>();

  @TempDir private Path cache;

  @BeforeEach
  void start() {
    server.start();
    for (String name :
        new String[] {"config.json", WEIGHTS, "tokenizer.json", "tokenizer_config.json"}) {
      files.put(name, golden(name));
    }
  }

  @AfterEach
  void stop() {
    server.stop();
  }

  @Test
  void bringsAFolderThatRuns() {
    serve();

    Path folder = fetch();

    assertThat(folder).isEqualTo(cache.resolve("hf/Qwen/Tiny"));
    for (Map.Entry<String, byte[]> file : files.entrySet()) {
      assertThat(folder.resolve(file.getKey())).hasBinaryContent(file.getValue());
    }
    try (LocalModel model = LocalModel.load(folder)) {
      assertThat(model.contextLength()).isEqualTo(4096);
    }
  }

  @Test
  void bringsAllThatTheEngineReadsAndNothingElse() {
    files.remove(WEIGHTS);
    String[] more = {
      "1_Pooling/config.json",
      "chat_template.jinja",
      "generation_config.json",
      "model-00001-of-00002.safetensors",
      "model-00002-of-00002.safetensors",
      "model.safetensors.index.json"
    };
    String[] not = {"README.md", "onnx/model.safetensors", "pytorch_model.bin", "vocab.json"};
    for (String name : more) {
      files.put(name, name.getBytes(StandardCharsets.UTF_8));
    }
    for (String name : not) {
      files.put(name, name.getBytes(StandardCharsets.UTF_8));
    }
    serve();

    Path folder = fetch();

    assertThat(folder.resolve("1_Pooling/config.json")).hasContent("1_Pooling/config.json");
    for (String name : more) {
      assertThat(folder.resolve(name)).hasContent(name);
    }
    for (String name : not) {
      assertThat(folder.resolve(name)).doesNotExist();
      server.verify(0, getRequestedFor(urlEqualTo(address(name))));
    }
  }

  @Test
  void theSecondTimeNoNetworkIsNeeded() {
    serve();
    Path folder = fetch();
    server.resetAll();

    assertThat(fetch()).isEqualTo(folder);

    assertThat(server.getAllServeEvents()).isEmpty();
    long bytes = files.values().stream().mapToLong(content -> content.length).sum();
    assertThat(hub().cached())
        .containsExactly(new ModelHub.CachedModel("hf:Qwen/Tiny", folder, bytes));
  }

  @Test
  void weightsAreCheckedAndTheFolderIsNotWholeWithoutThem() {
    serve();
    byte[] other = golden(WEIGHTS).clone();
    other[other.length - 1]++;
    server.stubFor(get(address(WEIGHTS)).atPriority(1).willReturn(ok().withBody(other)));

    assertThatExceptionOfType(HubException.class)
        .isThrownBy(this::fetch)
        .withMessageContaining("model.safetensors came with SHA-256");
    assertThat(cache.resolve("hf/Qwen/Tiny/config.json")).doesNotExist();
    assertThat(hub().cached()).isEmpty();

    server.resetAll();
    serve();
    assertThat(fetch().resolve(WEIGHTS)).hasBinaryContent(golden(WEIGHTS));
    server.verify(0, getRequestedFor(urlEqualTo(address("tokenizer.json"))));
  }

  @Test
  void resumesWhereAnEarlierTryEnded() throws IOException {
    serve();
    byte[] all = golden(WEIGHTS);
    int half = all.length / 2;
    Path part = cache.resolve("hf/Qwen/Tiny").resolve(WEIGHTS + ".part");
    Files.createDirectories(Objects.requireNonNull(part.getParent()));
    Files.write(part, Arrays.copyOf(all, half));
    server.stubFor(
        get(address(WEIGHTS))
            .atPriority(1)
            .withHeader("Range", equalTo("bytes=" + half + "-"))
            .willReturn(
                status(206)
                    .withHeader("Content-Range", "bytes %d-/%d".formatted(half, all.length))
                    .withBody(Arrays.copyOfRange(all, half, all.length))));

    assertThat(fetch().resolve(WEIGHTS)).hasBinaryContent(all);
    server.verify(
        1,
        getRequestedFor(urlEqualTo(address(WEIGHTS)))
            .withHeader("Range", equalTo("bytes=" + half + "-")));
    server.verify(1, getRequestedFor(urlEqualTo(address(WEIGHTS))));
  }

  @Test
  void aDiskThatFillsUpKeepsWhatHasComeForTheNextTime() throws Exception {
    serve();

    assertThat(DiskLimit.whenFetching(QWEN.toString(), server.baseUrl(), cache))
        .startsWith("hf:Qwen/Tiny: cannot write to " + cache + " (java.io.IOException: ")
        .endsWith("); check the folder and its disk, and run again: what has come is kept")
        .doesNotContain("\n");

    Path part = cache.resolve("hf/Qwen/Tiny").resolve(WEIGHTS + ".part");
    long come = Files.size(part);
    assertThat(come).isBetween(10_000L, 110_000L);
    assertThat(hub().cached()).isEmpty();
    server.resetRequests();
    assertThat(fetch().resolve(WEIGHTS)).hasBinaryContent(golden(WEIGHTS));
    server.verify(
        1,
        getRequestedFor(urlEqualTo(address(WEIGHTS)))
            .withHeader("Range", equalTo("bytes=" + come + "-")));
    assertThat(part).doesNotExist();
  }

  @Test
  void theTokenizerMayBeInTheOlderForm() {
    files.remove("tokenizer.json");
    String[] older = {"added_tokens.json", "merges.txt", "vocab.json"};
    for (String name : older) {
      files.put(name, name.getBytes(StandardCharsets.UTF_8));
    }
    serve();

    Path folder = fetch();

    for (String name : older) {
      assertThat(folder.resolve(name)).hasContent(name);
    }
  }

  @Test
  void bringsAFolderFromModelScope() {
    ObjectNode listing = new ObjectMapper().createObjectNode().put("Code", 200);
    ArrayNode entries = listing.putObject("Data").putArray("Files");
    entries.addObject().put("Path", "1_Pooling").put("Type", "tree").put("Size", 0);
    files.put("README.md", new byte[] {1});
    files.forEach(
        (path, content) -> {
          ObjectNode entry = entries.addObject().put("Path", path).put("Type", "blob");
          entry.put("Size", content.length).put("Sha256", sha256(content));
          server.stubFor(
              get("/models/Qwen/Tiny/resolve/master/" + path)
                  .withHeader("Authorization", equalTo("Bearer secret"))
                  .willReturn(ok().withBody(content)));
        });
    server.stubFor(
        get(urlPathEqualTo("/api/v1/models/Qwen/Tiny/repo/files"))
            .withQueryParam("Recursive", equalTo("true"))
            .withHeader("Authorization", equalTo("Bearer secret"))
            .willReturn(okJson(listing.toString())));
    ModelReference reference = ModelReference.parse("modelscope:Qwen/Tiny");
    Map<String, String> environment =
        Map.of(
            "QWEN4J_CACHE",
            cache.toString(),
            "MODELSCOPE_ENDPOINT",
            server.baseUrl(),
            "MODELSCOPE_API_TOKEN",
            "secret");
    ModelHub modelScope = ModelHub.fromEnvironment(environment);

    Path folder = modelScope.fetch(reference, ModelHub.DownloadListener.NONE);

    assertThat(folder).isEqualTo(cache.resolve("modelscope/Qwen/Tiny"));
    files.remove("README.md");
    for (Map.Entry<String, byte[]> file : files.entrySet()) {
      assertThat(folder.resolve(file.getKey())).hasBinaryContent(file.getValue());
    }
    assertThat(folder.resolve("README.md")).doesNotExist();
    LocalModel.load(folder).close();

    server.resetAll();
    assertThat(modelScope.fetch(reference, ModelHub.DownloadListener.NONE)).isEqualTo(folder);
    assertThat(modelScope.cached())
        .extracting(ModelHub.CachedModel::reference)
        .containsExactly("modelscope:Qwen/Tiny");
  }

  @Test
  void aModelScopeFolderWithWrongWeightsIsNotWhole() {
    ObjectNode listing = new ObjectMapper().createObjectNode().put("Code", 200);
    ArrayNode entries = listing.putObject("Data").putArray("Files");
    files.forEach(
        (path, content) -> {
          ObjectNode entry = entries.addObject().put("Path", path).put("Type", "blob");
          entry.put("Size", content.length).put("Sha256", sha256(content));
          byte[] sent = content.clone();
          if (path.equals(WEIGHTS)) {
            sent[sent.length - 1]++;
          }
          server.stubFor(
              get("/models/Qwen/Tiny/resolve/master/" + path).willReturn(ok().withBody(sent)));
        });
    server.stubFor(
        get(urlPathEqualTo("/api/v1/models/Qwen/Tiny/repo/files"))
            .willReturn(okJson(listing.toString())));
    ModelHub modelScope =
        ModelHub.builder()
            .cache(cache)
            .endpoint(ModelReference.Source.MODEL_SCOPE, server.baseUrl())
            .build();

    assertThatExceptionOfType(HubException.class)
        .isThrownBy(
            () ->
                modelScope.fetch(
                    ModelReference.parse("modelscope:Qwen/Tiny"), ModelHub.DownloadListener.NONE))
        .withMessageContaining("modelscope:Qwen/Tiny: model.safetensors came with SHA-256");
    assertThat(modelScope.cached()).isEmpty();
  }

  @Test
  void aGgufFileIsTakenBeforeTheFolder() {
    files.put("tiny-q4_k_m.gguf", new byte[] {1, 2, 3});
    serve();

    assertThat(fetch()).isEqualTo(cache.resolve("hf/Qwen/Tiny/tiny-q4_k_m.gguf"));
    server.verify(0, getRequestedFor(urlEqualTo(address(WEIGHTS))));
  }

  @Test
  void aRepositoryOfNeitherSaysWhatIsMissing() {
    files.remove(WEIGHTS);
    serve();

    assertThatExceptionOfType(HubException.class)
        .isThrownBy(this::fetch)
        .withMessageContaining("no GGUF file")
        .withMessageContaining("safetensors");
  }

  @Test
  void whoNamesAQuantisationHearsThatThereIsNone() {
    serve();

    assertThatExceptionOfType(HubException.class)
        .isThrownBy(
            () ->
                hub()
                    .fetch(
                        ModelReference.parse("hf:Qwen/Tiny:Q8_0"), ModelHub.DownloadListener.NONE))
        .withMessage(
            "hf:Qwen/Tiny:Q8_0: no GGUF file in this repository; look for one whose name ends in"
                + " -GGUF, or leave out :Q8_0");
  }

  private void serve() {
    ArrayNode listing = new ObjectMapper().createArrayNode();
    files.forEach(
        (path, content) -> {
          ObjectNode entry = listing.addObject().put("type", "file").put("path", path);
          entry.put("size", content.length);
          if (path.endsWith(".safetensors")) {
            entry.putObject("lfs").put("oid", sha256(content)).put("size", content.length);
          }
          server.stubFor(get(address(path)).willReturn(ok().withBody(content)));
        });
    server.stubFor(
        get(urlPathEqualTo("/api/models/Qwen/Tiny/tree/main"))
            .willReturn(okJson(listing.toString())));
  }

  private Path fetch() {
    return hub().fetch(QWEN, ModelHub.DownloadListener.NONE);
  }

  private ModelHub hub() {
    return ModelHub.builder()
        .cache(cache)
        .pause(Duration.ofMillis(5))
        .endpoint(ModelReference.Source.HUGGING_FACE, server.baseUrl())
        .build();
  }

  private static String address(String path) {
    return "/Qwen/Tiny/resolve/main/" + path;
  }

  private static byte[] golden(String name) {
    String path = "/golden/models/qwen3/" + name;
    try (InputStream in =
        Objects.requireNonNull(FolderDownloadTest.class.getResourceAsStream(path), path)) {
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String sha256(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
