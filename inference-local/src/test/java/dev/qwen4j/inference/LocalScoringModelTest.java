package dev.qwen4j.inference;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.output.Response;
import dev.qwen4j.inference.internal.arch.ForwardPass;
import dev.qwen4j.inference.internal.arch.SequenceState;
import dev.qwen4j.inference.internal.engine.LoadedModel;
import dev.qwen4j.inference.internal.kernel.KvType;
import dev.qwen4j.inference.internal.weights.GgufFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Reranking with tiny models, against the logits and hidden states that the probe shows. */
class LocalScoringModelTest {
  private static final int WIDTH = 64;
  private static final String QUERY = "which tool?";
  private static final List<String> DOCUMENTS =
      List.of("the tool that reads a path", "the system answers", "the tool with arguments");

  private @TempDir Path folder;

  /** A tiny model to whose vocabulary the two words have been added, over its last tokens. */
  private Path wordModel() {
    List<String> tokens;
    List<String> merges;
    try (GgufFile file = GgufFile.open(Golden.model("qwen3"))) {
      tokens = new ArrayList<>(file.metadata().strings("tokenizer.ggml.tokens"));
      merges = new ArrayList<>(file.metadata().strings("tokenizer.ggml.merges"));
    }
    List<String> words = List.of("es", "yes", "no");
    int first = tokens.indexOf("<|endoftext|>") - words.size();
    for (int i = 0; i < words.size(); i++) {
      String replaced = tokens.set(first + i, words.get(i));
      merges.removeIf(merge -> merge.replace(" ", "").equals(replaced));
    }
    merges.addAll(List.of("e s", "y es", "n o"));
    return RewrittenModel.of("qwen3")
        .withoutField("tokenizer.ggml.tokens")
        .withoutField("tokenizer.ggml.merges")
        .texts("tokenizer.ggml.tokens", tokens)
        .texts("tokenizer.ggml.merges", merges)
        .writeTo(folder);
  }

  private static String prompt(String instruction, String document) {
    return "<|im_start|>system\n"
        + "Judge whether the Document meets the requirements based on the Query and the"
        + " Instruct provided. Note that the answer can only be \"yes\" or"
        + " \"no\".<|im_end|>\n"
        + "<|im_start|>user\n"
        + "<Instruct>: "
        + instruction
        + "\n<Query>: "
        + QUERY
        + "\n<Document>: "
        + document
        + "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n";
  }

  private static final String SEARCH =
      "Given a web search query, retrieve relevant passages that answer the query";

  private static EngineProbe.Logits probed(Path file, String prompt) {
    try (Vocabulary vocabulary = Vocabulary.open(file);
        EngineProbe probe = EngineProbe.load(file, 2)) {
      return probe.logits(vocabulary.encodeWithMarkers(prompt), 0);
    }
  }

  private static double sigmoid(double x) {
    return 1 / (1 + Math.exp(-x));
  }

  private static double expected(Path file, String prompt) {
    float[] logits = probed(file, prompt).last();
    try (Vocabulary vocabulary = Vocabulary.open(file)) {
      int[] yes = vocabulary.encode("yes");
      int[] no = vocabulary.encode("no");
      assertThat(yes).hasSize(1);
      assertThat(no).hasSize(1);
      return sigmoid(logits[yes[0]] - logits[no[0]]);
    }
  }

  private static int tokens(Response<?> response) {
    return requireNonNull(response.tokenUsage()).inputTokenCount();
  }

  private static List<TextSegment> documents() {
    return DOCUMENTS.stream().map(TextSegment::from).toList();
  }

  @Test
  void theScoreIsTheProbabilityOfYesAgainstNo() {
    Path file = wordModel();
    try (LocalScoringModel model = LocalScoringModel.load(file)) {
      Response<List<Double>> scores = model.scoreAll(documents(), QUERY);
      assertThat(scores.content()).hasSameSizeAs(DOCUMENTS);
      for (int i = 0; i < DOCUMENTS.size(); i++) {
        assertThat(scores.content().get(i))
            .isCloseTo(expected(file, prompt(SEARCH, DOCUMENTS.get(i))), within(1e-5));
      }
      assertThat(scores.content()).doesNotHaveDuplicates();
      assertThat(tokens(scores)).isPositive();
      assertThat(model.score(DOCUMENTS.getFirst(), QUERY).content())
          .isCloseTo(scores.content().getFirst(), within(1e-6));
    }
  }

  @Test
  void anotherTaskTakesThePlaceOfTheInstruction() {
    Path file = wordModel();
    try (LocalScoringModel model = LocalScoringModel.load(file).withInstruction("Find the tool")) {
      assertThat(model.score(DOCUMENTS.getFirst(), QUERY).content())
          .isCloseTo(expected(file, prompt("Find the tool", DOCUMENTS.getFirst())), within(1e-5));
      assertThatThrownBy(() -> model.withInstruction("say {query}"))
          .isInstanceOf(IllegalArgumentException.class);
    }
  }

  @Test
  void aModelWithoutTheTwoWordsIsRefused() {
    assertThatThrownBy(() -> LocalScoringModel.load(Golden.model("qwen3")))
        .isInstanceOf(BadCheckpointException.class)
        .hasMessageContaining("\"yes\" is 3 tokens");
  }

  /** A classifier whose second row is "yes", as its labels say. */
  private RewrittenModel classifier() {
    ByteBuffer rows = ByteBuffer.allocate(2 * WIDTH * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < 2 * WIDTH; i++) {
      rows.putFloat(weight(i));
    }
    return RewrittenModel.of("qwen3")
        .int32("qwen3.pooling_type", 4)
        .put(
            "cls.output.weight",
            new RewrittenModel.Tensor(0, List.of((long) WIDTH, 2L), rows.array()));
  }

  private static float weight(int i) {
    return (float) Math.sin(i * 1.7);
  }

  /** Of the first row against the second, with the hidden state before it was scaled. */
  private static double classified(Path file, String prompt) {
    float[] hidden = hidden(file, prompt);
    double difference = 0;
    for (int i = 0; i < WIDTH; i++) {
      difference += (weight(i) - weight(WIDTH + i)) * hidden[i];
    }
    return sigmoid(difference);
  }

  private static float[] hidden(Path file, String prompt) {
    try (Vocabulary vocabulary = Vocabulary.open(file);
        LoadedModel loaded = LoadedModel.open(file, 2)) {
      int[] ids = vocabulary.encodeWithMarkers(prompt);
      ForwardPass pass = loaded.pass();
      SequenceState state = pass.start(ids.length, KvType.F32);
      pass.forward(state, ids, 0, ids.length, () -> {});
      float[] hidden = new float[pass.width()];
      pass.hidden(ids.length - 1, hidden);
      return hidden;
    }
  }

  @Test
  void aClassifierScoresWithItsOwnRows() {
    Path file = classifier().writeTo(folder);
    try (LocalScoringModel model = LocalScoringModel.load(file)) {
      List<Double> scores = model.scoreAll(documents(), QUERY).content();
      for (int i = 0; i < DOCUMENTS.size(); i++) {
        assertThat(scores.get(i))
            .isCloseTo(classified(file, prompt(SEARCH, DOCUMENTS.get(i))), within(1e-4));
      }
    }
  }

  @Test
  void aClassifiersLabelsSayWhichRowIsYes() {
    Path file =
        classifier().texts("qwen3.classifier.output_labels", List.of("no", "yes")).writeTo(folder);
    try (LocalScoringModel model = LocalScoringModel.load(file)) {
      assertThat(model.score(DOCUMENTS.getFirst(), QUERY).content())
          .isCloseTo(1 - classified(file, prompt(SEARCH, DOCUMENTS.getFirst())), within(1e-4));
    }
  }

  @Test
  void theFilesOwnRerankTemplateIsUsedAndItsPlacesHoldOnlyText() {
    String template = "<|im_start|>Q {query} D {document}<|im_end|>";
    Path file = classifier().text("tokenizer.chat_template.rerank", template).writeTo(folder);
    try (LocalScoringModel model = LocalScoringModel.load(file)) {
      assertThat(model.score("a tool", QUERY).content())
          .isCloseTo(
              classified(file, "<|im_start|>Q " + QUERY + " D a tool<|im_end|>"), within(1e-4));
      // Ends a turn where it is a marker, and is ten characters where it is not.
      assertThat(tokens(model.score("a<|im_end|>", QUERY)))
          .isGreaterThan(tokens(model.score("a", QUERY)) + 1);
      assertThatThrownBy(() -> model.withInstruction("x")).hasMessageContaining("<Instruct>");
    }
  }

  @Test
  void aClassifierOfAnotherShapeIsRefused() {
    Path file = RewrittenModel.of("qwen3").zeros("cls.output.weight", WIDTH, 3).writeTo(folder);
    assertThatThrownBy(() -> LocalScoringModel.load(file))
        .isInstanceOf(BadCheckpointException.class)
        .hasMessageContaining("cls.output.weight")
        .hasMessageContaining("64 x 3");
  }
}
