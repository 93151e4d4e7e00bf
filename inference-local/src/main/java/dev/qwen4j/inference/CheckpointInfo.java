package dev.qwen4j.inference;

import dev.qwen4j.inference.internal.arch.Architectures;
import dev.qwen4j.inference.internal.arch.ForwardPass;
import dev.qwen4j.inference.internal.engine.Checkpoints;
import dev.qwen4j.inference.internal.engine.Pooling;
import dev.qwen4j.inference.internal.engine.Relevance;
import dev.qwen4j.inference.internal.engine.VocabularyReader;
import dev.qwen4j.inference.internal.kernel.KernelChoice;
import dev.qwen4j.inference.internal.kernel.Kernels;
import dev.qwen4j.inference.internal.kernel.KvType;
import dev.qwen4j.inference.internal.kernel.ScalarKernels;
import dev.qwen4j.inference.internal.template.ChatTemplate;
import dev.qwen4j.inference.internal.weights.Checkpoint;
import dev.qwen4j.inference.internal.weights.Metadata;
import dev.qwen4j.inference.internal.weights.TensorInfo;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What a checkpoint is, what it can do, and whether it will run here, found out without running it.
 *
 * @param name what it calls itself, otherwise the file's name
 * @param architecture as GGUF calls it, such as {@code qwen3moe}
 * @param type the quantisation, such as {@code Q4_K_M}, or the type of most of the weights
 * @param bytes of its files
 * @param parameters how many weights there are
 * @param abilities what it can be used for
 * @param verdict whether and how it will run
 * @param metadata every key with its value as text; long arrays are only counted
 * @param tensors in the order of the files
 */
public record CheckpointInfo(
    Path path,
    String name,
    String architecture,
    String type,
    long bytes,
    long parameters,
    Set<Ability> abilities,
    Verdict verdict,
    Map<String, String> metadata,
    List<Tensor> tensors) {
  /** What a checkpoint can be used for. */
  public enum Ability {
    /** {@link LocalModel}. */
    CHAT,
    /** Its chat template declares tools. */
    TOOLS,
    /** Its chat template has a place for thoughts. */
    THINKING,
    /** {@link LocalEmbeddingModel}. */
    EMBED,
    /** {@link LocalScoringModel}. */
    RERANK
  }

  /**
   * One tensor.
   *
   * @param shape the first is the width of a row
   */
  public record Tensor(String name, String type, List<Long> shape, long bytes) {}

  /** Whether and how a checkpoint runs. */
  public sealed interface Verdict {
    /**
     * It runs.
     *
     * @param contextLength the most tokens that the model can tell apart
     * @param kvBytesPerToken what each token of a conversation adds, in half precision
     * @param extraBytes weights held in memory beyond the mapped file
     * @param template how conversations are written, and how that was found out
     * @param kernels which ones multiply, and why
     */
    record Runs(
        int contextLength, long kvBytesPerToken, long extraBytes, String template, String kernels)
        implements Verdict {}

    /** It does not run: one line that says why, and what to do. */
    record Refused(String reason) implements Verdict {}
  }

  /** The file types of llama.cpp by number. */
  private static final Map<Integer, String> FILE_TYPES =
      Map.ofEntries(
          Map.entry(0, "F32"),
          Map.entry(1, "F16"),
          Map.entry(2, "Q4_0"),
          Map.entry(3, "Q4_1"),
          Map.entry(7, "Q8_0"),
          Map.entry(8, "Q5_0"),
          Map.entry(9, "Q5_1"),
          Map.entry(10, "Q2_K"),
          Map.entry(11, "Q3_K_S"),
          Map.entry(12, "Q3_K_M"),
          Map.entry(13, "Q3_K_L"),
          Map.entry(14, "Q4_K_S"),
          Map.entry(15, "Q4_K_M"),
          Map.entry(16, "Q5_K_S"),
          Map.entry(17, "Q5_K_M"),
          Map.entry(18, "Q6_K"),
          Map.entry(19, "IQ2_XXS"),
          Map.entry(20, "IQ2_XS"),
          Map.entry(21, "Q2_K_S"),
          Map.entry(22, "IQ3_XS"),
          Map.entry(23, "IQ3_XXS"),
          Map.entry(24, "IQ1_S"),
          Map.entry(25, "IQ4_NL"),
          Map.entry(26, "IQ3_S"),
          Map.entry(27, "IQ3_M"),
          Map.entry(28, "IQ2_S"),
          Map.entry(29, "IQ2_M"),
          Map.entry(30, "IQ4_XS"),
          Map.entry(31, "IQ1_M"),
          Map.entry(32, "BF16"),
          Map.entry(36, "TQ1_0"),
          Map.entry(37, "TQ2_0"),
          Map.entry(38, "MXFP4"));

  public CheckpointInfo {
    abilities = Set.copyOf(abilities);
    tensors = List.copyOf(tensors);
  }

  /**
   * Reads a GGUF file or a HuggingFace folder.
   *
   * @throws BadCheckpointException if it cannot even be read; a checkpoint that can be read and
   *     does not run is a {@link Verdict.Refused}
   */
  public static CheckpointInfo read(Path path) {
    try (Checkpoint file = Checkpoints.open(path, Runtime.getRuntime().availableProcessors())) {
      Metadata metadata = file.metadata();
      Map<String, String> values = new LinkedHashMap<>();
      metadata.keys().forEach(key -> values.put(key, metadata.shown(key)));
      return new CheckpointInfo(
          path,
          Checkpoints.name(file),
          values.getOrDefault("general.architecture", "unknown"),
          type(file),
          file.byteSize(),
          file.tensors().stream().mapToLong(CheckpointInfo::elements).sum(),
          abilities(file, values),
          verdict(file),
          values,
          file.tensors().stream()
              .map(
                  tensor ->
                      new Tensor(
                          tensor.name(), tensor.type().name(), tensor.shape(), tensor.bytes()))
              .toList());
    }
  }

  /** Bytes that it takes to run it with a conversation of so many tokens; empty if it does not. */
  public Optional<Long> memory(int tokens) {
    return switch (verdict) {
      case Verdict.Refused _ -> Optional.empty();
      case Verdict.Runs runs ->
          Optional.of(
              tensors.stream().mapToLong(Tensor::bytes).sum()
                  + runs.extraBytes()
                  + runs.kvBytesPerToken() * tokens);
    };
  }

  private static long elements(TensorInfo tensor) {
    return tensor.shape().stream().reduce(1L, (a, b) -> a * b);
  }

  private static String type(Checkpoint file) {
    OptionalInt number = file.metadata().optionalInteger("general.file_type");
    String named = number.isPresent() ? FILE_TYPES.get(number.getAsInt()) : null;
    if (named != null) {
      return named;
    }
    return file.tensors().stream()
        .collect(
            Collectors.groupingBy(
                TensorInfo::type, Collectors.summingLong(CheckpointInfo::elements)))
        .entrySet()
        .stream()
        .max(Comparator.comparingLong(Map.Entry::getValue))
        .map(most -> most.getKey().name())
        .orElse("none");
  }

  private static Set<Ability> abilities(Checkpoint file, Map<String, String> values) {
    if (!values.containsKey("general.architecture") || file.tensors().isEmpty()) {
      return Set.of();
    }
    Pooling pooling = Pooling.of(file);
    if (pooling == Pooling.RANK || file.tensor(Relevance.CLASSIFIER).isPresent()) {
      return Set.of(Ability.RERANK);
    }
    if (pooling != Pooling.NONE) {
      return pooling == Pooling.LAST ? Set.of(Ability.EMBED) : Set.of();
    }
    Set<Ability> abilities = EnumSet.of(Ability.CHAT);
    String template = values.getOrDefault("tokenizer.chat_template", "");
    if (template.contains("tools")) {
      abilities.add(Ability.TOOLS);
    }
    if (template.contains("<think>")) {
      abilities.add(Ability.THINKING);
    }
    return abilities;
  }

  /**
   * Whether it runs, by making ready to run it on kernels that leave the weights where they are.
   */
  private static Verdict verdict(Checkpoint file) {
    try (Kernels kernels = KernelChoice.create(Runtime.getRuntime().availableProcessors());
        Kernels still = new ScalarKernels("the weights are only looked at")) {
      ForwardPass pass = Architectures.load(file, still);
      VocabularyReader.fitting(VocabularyReader.tokenizer(file), file, pass.vocabularySize());
      ChatTemplate template = LocalModel.template(file.metadata());
      return new Verdict.Runs(
          pass.contextLength(),
          pass.stateBytesPerPosition(KvType.F16),
          pass.extraBytes(),
          template.description(),
          kernels.description());
    } catch (BadCheckpointException e) {
      return new Verdict.Refused(String.valueOf(e.getMessage()));
    }
  }
}
