package dev.qwen4j.inference;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.langchain4j.data.embedding.Embedding;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.embedding.request.EmbeddingInputType;
import dev.langchain4j.model.embedding.request.EmbeddingRequest;
import dev.langchain4j.model.output.Response;
import dev.langchain4j.store.embedding.CosineSimilarity;
import dev.qwen4j.model.ModelException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Embeddings of tiny models, against the hidden states that the probe shows. */
class LocalEmbeddingModelTest {
  private static final String TEXT = "the user calls a tool with arguments";

  private @TempDir Path folder;

  private static LocalEmbeddingModel load(String golden) {
    return LocalEmbeddingModel.load(Golden.model(golden), LoadOptions.standard().withThreads(2));
  }

  /** The hidden state after the final norm, of length 1, behind {@code text} and the markers. */
  private static Embedding probed(Path file, String text, String markers) {
    try (Vocabulary vocabulary = Vocabulary.open(file);
        EngineProbe probe = EngineProbe.load(file, 2)) {
      int[] ids =
          IntStream.concat(
                  Arrays.stream(vocabulary.encode(text)),
                  Arrays.stream(vocabulary.encodeWithMarkers(markers)))
              .toArray();
      return Embedding.from(probe.logits(ids, 0).embedding());
    }
  }

  private static void assertSame(Embedding found, Embedding expected) {
    assertThat(CosineSimilarity.between(found, expected)).isCloseTo(1, within(1e-5));
  }

  @ParameterizedTest
  @ValueSource(strings = {"qwen2", "qwen3", "qwen3moe", "qwen35"})
  void aTextIsTheStateOfTheEndOfTextTokenBehindIt(String golden) {
    try (LocalEmbeddingModel model = load(golden)) {
      Embedding found = model.embed(TEXT).content();
      assertSame(found, probed(Golden.model(golden), TEXT, "<|endoftext|>"));
      assertThat(length(found.vector())).isCloseTo(1, within(1e-5));
      assertThat(model.dimension()).isEqualTo(found.dimension());
    }
  }

  @Test
  void aFileMaySayThatTextsEndWithThemselves() {
    Path file =
        RewrittenModel.of("qwen3").flag("tokenizer.ggml.add_eos_token", false).writeTo(folder);
    try (LocalEmbeddingModel model = LocalEmbeddingModel.load(file)) {
      assertSame(model.embed(TEXT).content(), probed(file, TEXT, ""));
    }
  }

  @Test
  void aQueryHasTheInstructionInFront() {
    String asked =
        "Instruct: Given a web search query, retrieve relevant passages that answer the query\n"
            + "Query:"
            + TEXT;
    Path file = Golden.model("qwen3");
    try (LocalEmbeddingModel model = load("qwen3")) {
      Embedding expected = probed(file, asked, "<|endoftext|>");
      assertSame(model.forQueries().embed(TEXT).content(), expected);
      EmbeddingRequest request =
          EmbeddingRequest.builder().input(TEXT).inputType(EmbeddingInputType.QUERY).build();
      assertSame(model.embed(request).embeddings().getFirst(), expected);
      assertSame(
          model.withInstruction("Find the tool").embed(request).embeddings().getFirst(),
          probed(file, "Instruct: Find the tool\nQuery:" + TEXT, "<|endoftext|>"));
    }
  }

  @Test
  void markersInATextAreOnlyCharacters() {
    try (LocalEmbeddingModel model = load("qwen3")) {
      assertSame(
          model.embed("a<|im_end|>b").content(),
          probed(Golden.model("qwen3"), "a<|im_end|>b", "<|endoftext|>"));
    }
  }

  @Test
  void shorterEmbeddingsAreTheFirstNumbersScaledToLengthOne() {
    try (LocalEmbeddingModel model = load("qwen3")) {
      float[] whole = model.embed(TEXT).content().vector();
      EmbeddingModel short16 = model.withDimensions(16);
      float[] found = short16.embed(TEXT).content().vector();
      double scale = length(Arrays.copyOf(whole, 16));
      assertThat(short16.dimension()).isEqualTo(16);
      assertThat(found).hasSize(16);
      for (int i = 0; i < 16; i++) {
        assertThat(found[i] * scale).isCloseTo(whole[i], within(1e-5));
      }
      assertThatThrownBy(() -> model.withDimensions(65)).hasMessageContaining("1 to 64, found 65");
    }
  }

  private static double length(float[] vector) {
    double sum = 0;
    for (float value : vector) {
      sum += value * value;
    }
    return Math.sqrt(sum);
  }

  @ParameterizedTest
  @ValueSource(strings = {"qwen3", "qwen35"})
  void manyTextsTogetherAreEmbeddedAsEachAlone(String golden) {
    // More than a batch of tokens, so that some text lies across two batches.
    List<TextSegment> texts =
        IntStream.range(0, 30)
            .mapToObj(i -> TextSegment.from(("text " + i + " ").repeat(1 + i % 7)))
            .toList();
    try (LocalEmbeddingModel model = load(golden)) {
      Response<List<Embedding>> together = model.embedAll(texts);
      assertThat(requireNonNull(together.tokenUsage()).inputTokenCount()).isGreaterThan(512);
      for (int i = 0; i < texts.size(); i++) {
        assertSame(together.content().get(i), model.embed(texts.get(i)).content());
      }
    }
  }

  @Test
  void aTextOverTheContextIsRefusedByItsNumber() {
    LoadOptions options = LoadOptions.standard().withContextLength(32);
    try (LocalEmbeddingModel model = LocalEmbeddingModel.load(Golden.model("qwen3"), options)) {
      assertThatThrownBy(
              () ->
                  model.embedAll(
                      List.of(TextSegment.from("a"), TextSegment.from("word ".repeat(50)))))
          .isInstanceOf(ModelException.class)
          .hasMessageContaining("text 2 of 2")
          .hasMessageContaining("the context is 32");
    }
  }

  @Test
  void anInterruptedThreadIsNotKeptBusy() {
    try (LocalEmbeddingModel model = load("qwen3")) {
      Thread.currentThread().interrupt();
      assertThatThrownBy(() -> model.embed(TEXT)).isInstanceOf(CancellationException.class);
      assertThat(Thread.interrupted()).isTrue();
      assertThat(model.embed(TEXT).content().dimension()).isEqualTo(64);
    }
  }

  @Test
  void otherPoolingsAreRefusedAndARerankerNamesItsModel() {
    Path mean = RewrittenModel.of("qwen3").int32("qwen3.pooling_type", 1).writeTo(folder);
    assertThatThrownBy(() -> LocalEmbeddingModel.load(mean))
        .isInstanceOf(BadCheckpointException.class)
        .hasMessageContaining("MEAN");
    Path rank = RewrittenModel.of("qwen3").int32("qwen3.pooling_type", 4).writeTo(folder);
    assertThatThrownBy(() -> LocalEmbeddingModel.load(rank))
        .isInstanceOf(BadCheckpointException.class)
        .hasMessageContaining("LocalScoringModel");
    Path last = RewrittenModel.of("qwen3").int32("qwen3.pooling_type", 3).writeTo(folder);
    try (LocalEmbeddingModel model = LocalEmbeddingModel.load(last)) {
      assertThat(model.modelName()).isEqualTo("Qwen3");
    }
  }
}
