package dev.qwen4j.examples;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.qwen4j.inference.hub.ModelHub;
import dev.qwen4j.inference.hub.ModelReference;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code qwen4j pull}: brings a model into the cache and says where it is. */
@Command(
    name = "pull",
    description = "Downloads a model into the cache, and prints the path of its file or folder.",
    footer = {
      "",
      "QUANT is a quantisation such as Q8_0, or a file of the repository; without it, Q4_K_M or",
      "what comes closest. A repository without GGUF files comes as a HuggingFace folder, with all",
      "of its safetensors (--quantize of run makes them smaller). What is there already is not",
      "asked for again; what was interrupted goes on where it stopped; the published SHA-256 is",
      "checked.",
      "",
      "Environment: QWEN4J_CACHE (otherwise ~/.cache/qwen4j), QWEN4J_OFFLINE=1, HF_TOKEN,",
      "HF_ENDPOINT (a mirror), MODELSCOPE_API_TOKEN, MODELSCOPE_ENDPOINT.",
      "",
      "Examples:",
      "  qwen4j pull hf:Qwen/Qwen3-4B-GGUF",
      "  qwen4j run -m \"$(qwen4j pull modelscope:Qwen/Qwen3-0.6B-GGUF:Q8_0)\" \"Hello\""
    })
final class PullCommand implements Callable<Integer> {
  private final Surroundings surroundings;

  @Spec
  @SuppressWarnings("NullAway.Init") // picocli sets it before call()
  private CommandSpec spec;

  @Parameters(
      paramLabel = "REF",
      description = "hf:OWNER/REPO[:QUANT] or modelscope:OWNER/REPO[:QUANT].")
  private @Nullable String reference;

  @Option(names = "--json", description = "Print {\"reference\":…,\"file\":…,\"bytes\":…}.")
  private boolean json;

  PullCommand(Surroundings surroundings) {
    this.surroundings = surroundings;
  }

  @Override
  public Integer call() throws IOException {
    ModelReference wanted = wanted();
    ModelHub hub = ModelHub.fromEnvironment(surroundings.environment());
    Path file;
    try (ProgressBar progress = new ProgressBar(surroundings, "downloading")) {
      file = hub.fetch(wanted, progress);
    }
    surroundings.out().print((json ? object(wanted, file, bytes(hub, file)) : file) + "\n");
    surroundings.out().flush();
    return ExitCode.ANSWERED.code();
  }

  private ModelReference wanted() {
    String given = reference == null ? "" : reference.strip();
    ModelReference parsed;
    try {
      parsed = ModelReference.parse(given);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), String.valueOf(e.getMessage()), e);
    }
    if (parsed instanceof ModelReference.LocalFile) {
      throw new ParameterException(
          spec.commandLine(),
          "expected hf:OWNER/REPO[:QUANT] or modelscope:OWNER/REPO[:QUANT], found " + given);
    }
    return parsed;
  }

  /** Of all parts of a split model, and all files of a folder. */
  private static long bytes(ModelHub hub, Path file) throws IOException {
    return hub.cached().stream()
        .filter(model -> model.file().equals(file))
        .findFirst()
        .map(ModelHub.CachedModel::bytes)
        .orElse(Files.size(file));
  }

  private static ObjectNode object(ModelReference wanted, Path file, long bytes) {
    return JsonLines.JSON
        .createObjectNode()
        .put("reference", wanted.toString())
        .put("file", file.toString())
        .put("bytes", bytes);
  }
}
