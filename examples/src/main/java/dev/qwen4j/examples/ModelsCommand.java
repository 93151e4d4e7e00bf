package dev.qwen4j.examples;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.qwen4j.inference.hub.ModelHub;
import dev.qwen4j.inference.hub.ModelHub.CachedModel;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code qwen4j models}: what has been downloaded, in the form that {@code --model} takes. */
@Command(
    name = "models",
    description = "Lists the downloaded models.",
    footer = {
      "",
      "Models are kept in QWEN4J_CACHE, otherwise in ~/.cache/qwen4j. Any command with --model",
      "hf:… or modelscope:… downloads what is not there.",
      "",
      "Examples:",
      "  qwen4j models",
      "  qwen4j models --json | jq -r .file"
    })
final class ModelsCommand implements Callable<Integer> {
  private final Surroundings surroundings;

  @Option(names = "--json", description = "Print one JSON object per model and line.")
  private boolean json;

  ModelsCommand(Surroundings surroundings) {
    this.surroundings = surroundings;
  }

  @Override
  public Integer call() {
    List<CachedModel> models = ModelHub.fromEnvironment(surroundings.environment()).cached();
    for (CachedModel model : models) {
      surroundings.out().print((json ? object(model) : line(model)) + "\n");
    }
    surroundings.out().flush();
    if (models.isEmpty() && !json) {
      surroundings
          .err()
          .println("No models yet: qwen4j run --model hf:OWNER/REPO[:QUANT] brings one.");
    }
    return ExitCode.ANSWERED.code();
  }

  private static String line(CachedModel model) {
    return "%8.1f MB  %s%n             %s"
        .formatted(model.bytes() / 1e6, model.reference(), model.file())
        .stripTrailing();
  }

  private static ObjectNode object(CachedModel model) {
    return JsonLines.JSON
        .createObjectNode()
        .put("reference", model.reference())
        .put("file", model.file().toString())
        .put("bytes", model.bytes());
  }
}
