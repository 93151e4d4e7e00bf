package dev.qwen4j.examples;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The {@code --model} option, the same in every command that needs a model. */
final class ModelOption {
  @Spec(Spec.Target.MIXEE)
  @SuppressWarnings("NullAway.Init") // picocli sets it before anything is called
  private CommandSpec command;

  @Option(
      names = {"-m", "--model"},
      paramLabel = "MODEL",
      description = {
        "The model: a GGUF file, a HuggingFace folder, hf:OWNER/REPO[:QUANT],"
            + " modelscope:OWNER/REPO[:QUANT] or openai:BASE_URL#MODEL. Without it, the environment"
            + " variable QWEN4J_MODEL.",
        "Endpoints take their key from OPENAI_API_KEY, DashScope's from DASHSCOPE_API_KEY; a"
            + " loopback address needs none."
      })
  private @Nullable String model;

  /** Where the model comes from; a missing or unreadable one is wrong usage. */
  ModelSource source(Surroundings surroundings) {
    String given =
        model != null
            ? model
            : surroundings
                .variable("QWEN4J_MODEL")
                .orElseThrow(
                    () ->
                        wrong(
                            "No model was given: use --model FILE.gguf, hf:OWNER/REPO[:QUANT],"
                                + " modelscope:OWNER/REPO[:QUANT] or openai:BASE_URL#MODEL, or set"
                                + " QWEN4J_MODEL"));
    try {
      return ModelSource.parse(given);
    } catch (IllegalArgumentException e) {
      throw wrong(e.getMessage() == null ? "--model " + given : e.getMessage());
    }
  }

  /** The file of a model that must be local, downloaded if need be. */
  Path file(Surroundings surroundings) {
    return switch (source(surroundings)) {
      case ModelSource.Weights weights -> weights.file(surroundings);
      case ModelSource.Endpoint endpoint ->
          throw wrong(
              "this command looks into the weights, so --model must be a GGUF file or a HuggingFace"
                  + " folder");
    };
  }

  private ParameterException wrong(String message) {
    return new ParameterException(command.commandLine(), message);
  }
}
