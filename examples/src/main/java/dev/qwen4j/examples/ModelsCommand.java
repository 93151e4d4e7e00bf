package dev.qwen4j.examples;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.qwen4j.inference.BadCheckpointException;
import dev.qwen4j.inference.CheckpointInfo;
import dev.qwen4j.inference.CheckpointInfo.Verdict;
import dev.qwen4j.inference.hub.ModelHub;
import dev.qwen4j.inference.hub.ModelHub.CachedModel;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code qwen4j models}: what has been downloaded, in the form that {@code --model} takes. */
@Command(
    name = "models",
    description = "Lists the downloaded models: family, type, size, context, what they can do.",
    footer = {
      "",
      "Models are kept in QWEN4J_CACHE, otherwise in ~/.cache/qwen4j. 'qwen4j pull', and any"
          + " command",
      "with --model hf:… or modelscope:…, downloads what is not there. A file that cannot be read"
          + " is",
      "listed with the reason.",
      "",
      "Examples:",
      "  qwen4j models",
      "  qwen4j models --json | jq -r 'select(.can | index(\"embed\")) | .file'"
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
      surroundings.err().println("No models yet: qwen4j pull hf:OWNER/REPO[:QUANT] brings one.");
    }
    return ExitCode.ANSWERED.code();
  }

  private static String line(CachedModel model) {
    return "%8.1f MB  %s%n             %s%n             %s"
        .formatted(model.bytes() / 1e6, model.reference(), description(model), model.file())
        .stripTrailing();
  }

  private static String description(CachedModel model) {
    try {
      CheckpointInfo info = CheckpointInfo.read(model.file());
      return switch (info.verdict()) {
        case Verdict.Runs runs ->
            "%s %s, context %d: %s"
                .formatted(
                    info.architecture(),
                    info.type(),
                    runs.contextLength(),
                    InspectCommand.abilities(info));
        case Verdict.Refused(String reason) -> "will not run: " + OneLine.of(reason);
      };
    } catch (BadCheckpointException e) {
      return "cannot be read: " + OneLine.of(e);
    }
  }

  private static ObjectNode object(CachedModel model) {
    ObjectNode out =
        JsonLines.JSON
            .createObjectNode()
            .put("reference", model.reference())
            .put("file", model.file().toString());
    try {
      InspectCommand.describe(CheckpointInfo.read(model.file()), out);
    } catch (BadCheckpointException e) {
      out.put("bytes", model.bytes()).put("runs", false).put("reason", OneLine.of(e));
    }
    return out;
  }
}
