package dev.qwen4j.examples;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.qwen4j.inference.CheckpointInfo;
import dev.qwen4j.inference.CheckpointInfo.Tensor;
import dev.qwen4j.inference.CheckpointInfo.Verdict;
import dev.qwen4j.inference.hub.ModelReference;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code qwen4j inspect}: what is in a checkpoint, and whether and how it will run. */
@Command(
    name = "inspect",
    description = "Shows what is in a model's file, what it takes, and whether it will run.",
    footer = {
      "",
      "Exit code 1 when the model cannot be read or will not run. Memory is that of the weights,",
      "which stay in the mapped file, and of a conversation's keys and values in half precision.",
      "",
      "Examples:",
      "  qwen4j inspect Qwen3-4B-Q4_K_M.gguf",
      "  qwen4j inspect --json model.gguf | jq '.metadata[\"tokenizer.chat_template\"]' -r",
      "  qwen4j inspect --tensors hf:Qwen/Qwen3-0.6B-GGUF"
    })
final class InspectCommand implements Callable<Integer> {
  private static final int LONGEST_VALUE = 90;
  private static final int USUAL_CONTEXT = 4096;

  private final Surroundings surroundings;

  @Spec
  @SuppressWarnings("NullAway.Init") // picocli sets it before call()
  private CommandSpec spec;

  @Parameters(
      paramLabel = "FILE",
      description =
          "A GGUF file, a HuggingFace folder, hf:OWNER/REPO[:QUANT] or"
              + " modelscope:OWNER/REPO[:QUANT].")
  private @Nullable String file;

  @Option(names = "--tensors", description = "List every tensor.")
  private boolean listTensors;

  @Option(names = "--json", description = "Print one JSON object with everything.")
  private boolean json;

  InspectCommand(Surroundings surroundings) {
    this.surroundings = surroundings;
  }

  @Override
  public Integer call() {
    CheckpointInfo info = CheckpointInfo.read(path());
    surroundings.out().print(json ? object(info) + "\n" : text(info));
    surroundings.out().flush();
    if (info.verdict() instanceof Verdict.Refused(String reason)) {
      surroundings.complain("will not run: " + reason);
      return ExitCode.FAILED.code();
    }
    return ExitCode.ANSWERED.code();
  }

  private Path path() {
    try {
      ModelReference reference = ModelReference.parse(file == null ? "" : file.strip());
      return new ModelSource.Weights(reference).file(surroundings);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), String.valueOf(e.getMessage()), e);
    }
  }

  private String text(CheckpointInfo info) {
    StringBuilder out = new StringBuilder();
    out.append("%s%n".formatted(info.path()));
    row(out, "name", info.name());
    row(out, "family", info.architecture());
    row(out, "type", info.type());
    row(out, "size", gigabytes(info.bytes()) + ", " + millions(info.parameters()) + " weights");
    row(out, "can", abilities(info));
    switch (info.verdict()) {
      case Verdict.Runs runs -> {
        row(out, "context", runs.contextLength() + " tokens");
        row(out, "memory", memory(info, runs));
        row(out, "template", runs.template());
        row(out, "runs", "yes: " + runs.kernels());
      }
      case Verdict.Refused(String reason) -> row(out, "runs", "no: " + reason);
    }
    out.append("%nmetadata%n".formatted());
    info.metadata()
        .forEach(
            (key, value) ->
                out.append(
                    "  %s = %s%n".formatted(key, OneLine.cut(OneLine.of(value), LONGEST_VALUE))));
    out.append("%ntensors: %d%n".formatted(info.tensors().size()));
    byType(info.tensors())
        .forEach(
            (type, sum) ->
                out.append(
                    "  %-8s %6d tensors %12s%n"
                        .formatted(type, sum.count(), gigabytes(sum.bytes()))));
    if (listTensors) {
      info.tensors()
          .forEach(
              tensor ->
                  out.append(
                      "  %-40s %-8s %s%n"
                          .formatted(tensor.name(), tensor.type(), shape(tensor.shape()))));
    }
    return out.toString();
  }

  private static void row(StringBuilder out, String name, String value) {
    out.append("  %-9s %s%n".formatted(name, value));
  }

  private static String memory(CheckpointInfo info, Verdict.Runs runs) {
    int usual = Math.min(USUAL_CONTEXT, runs.contextLength());
    return "%s with %d tokens of conversation, %s with all %d"
        .formatted(
            info.memory(usual).map(InspectCommand::gigabytes).orElse("?"),
            usual,
            info.memory(runs.contextLength()).map(InspectCommand::gigabytes).orElse("?"),
            runs.contextLength());
  }

  /** How many tensors there are of a type, and their bytes. */
  private record Sum(long count, long bytes) {
    Sum plus(Sum other) {
      return new Sum(count + other.count, bytes + other.bytes);
    }
  }

  private static Map<String, Sum> byType(List<Tensor> tensors) {
    return tensors.stream()
        .collect(
            Collectors.toMap(
                Tensor::type, tensor -> new Sum(1, tensor.bytes()), Sum::plus, TreeMap::new));
  }

  private static String shape(List<Long> shape) {
    return shape.stream().map(String::valueOf).collect(Collectors.joining(" x "));
  }

  /** What a model can be used for, as a list of words. */
  static String abilities(CheckpointInfo info) {
    String words =
        info.abilities().stream()
            .sorted()
            .map(ability -> ability.name().toLowerCase(Locale.ROOT))
            .collect(Collectors.joining(", "));
    return words.isEmpty() ? "nothing" : words;
  }

  private static String gigabytes(long bytes) {
    return bytes < 100_000_000
        ? "%.2f MB".formatted(bytes / 1e6)
        : "%.2f GB".formatted(bytes / 1e9);
  }

  private static String millions(long count) {
    return count < 1_000_000_000
        ? "%.2f million".formatted(count / 1e6)
        : "%.2f billion".formatted(count / 1e9);
  }

  private static ObjectNode object(CheckpointInfo info) {
    ObjectNode out = JsonLines.JSON.createObjectNode();
    out.put("file", info.path().toString());
    describe(info, out);
    ObjectNode metadata = out.putObject("metadata");
    info.metadata().forEach(metadata::put);
    ArrayNode tensors = out.putArray("tensors");
    for (Tensor tensor : info.tensors()) {
      ObjectNode object = tensors.addObject();
      object.put("name", tensor.name()).put("type", tensor.type()).put("bytes", tensor.bytes());
      tensor.shape().forEach(object.putArray("shape")::add);
    }
    return out;
  }

  /** What {@code models} says about a model too. */
  static void describe(CheckpointInfo info, ObjectNode out) {
    out.put("name", info.name())
        .put("family", info.architecture())
        .put("type", info.type())
        .put("bytes", info.bytes())
        .put("parameters", info.parameters());
    ArrayNode abilities = out.putArray("can");
    info.abilities().stream()
        .sorted()
        .forEach(ability -> abilities.add(ability.name().toLowerCase(Locale.ROOT)));
    switch (info.verdict()) {
      case Verdict.Runs runs -> {
        out.put("runs", true)
            .put("context", runs.contextLength())
            .put("kv_bytes_per_token", runs.kvBytesPerToken())
            .put("template", runs.template())
            .put("kernels", runs.kernels());
        int usual = Math.min(USUAL_CONTEXT, runs.contextLength());
        ObjectNode memory = out.putObject("memory_bytes");
        info.memory(usual).ifPresent(bytes -> memory.put(String.valueOf(usual), bytes));
        info.memory(runs.contextLength())
            .ifPresent(bytes -> memory.put(String.valueOf(runs.contextLength()), bytes));
      }
      case Verdict.Refused(String reason) -> out.put("runs", false).put("reason", reason);
    }
  }
}
