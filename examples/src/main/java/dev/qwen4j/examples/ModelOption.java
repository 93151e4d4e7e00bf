package dev.qwen4j.examples;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
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
            + " variable QWEN4J_MODEL; without both, run and chat take the tiny demo model.",
        "Endpoints take their key from OPENAI_API_KEY, DashScope's from DASHSCOPE_API_KEY; a"
            + " loopback address needs none."
      })
  private @Nullable String model;

  /** Where the model comes from; a missing or unreadable one is wrong usage. */
  ModelSource source(Surroundings surroundings) {
    return parse(
        given(surroundings)
            .orElseThrow(
                () ->
                    wrong(
                        "No model was given: use --model FILE.gguf, hf:OWNER/REPO[:QUANT],"
                            + " modelscope:OWNER/REPO[:QUANT] or openai:BASE_URL#MODEL, or set"
                            + " QWEN4J_MODEL")));
  }

  /** Where the model comes from: without one, the demo model, and a line that says so. */
  ModelSource sourceOrDemo(Surroundings surroundings) {
    Optional<String> given = given(surroundings);
    if (given.isEmpty()) {
      surroundings.complain(
          "no --model: this is the tiny demo model, which can only use tools; a real Qwen: "
              + DemoModel.REAL_MODEL
              + ", then --model hf:Qwen/Qwen3-4B-GGUF:Q4_K_M");
      return new ModelSource.Demo();
    }
    return parse(given.get());
  }

  private Optional<String> given(Surroundings surroundings) {
    return model != null ? Optional.of(model) : surroundings.variable("QWEN4J_MODEL");
  }

  private ModelSource parse(String given) {
    try {
      return ModelSource.parse(given);
    } catch (IllegalArgumentException e) {
      throw wrong(e.getMessage() == null ? "--model " + given : e.getMessage());
    }
  }

  /** The file of a model that must be local, downloaded if need be. */
  Path file(Surroundings surroundings) {
    return file(source(surroundings), surroundings);
  }

  /** The files of several such models: the option's, and these; without any, as {@link #file}. */
  List<Path> files(List<String> more, Surroundings surroundings) {
    List<String> all = Stream.concat(Stream.ofNullable(model), more.stream()).toList();
    if (all.isEmpty()) {
      return List.of(file(surroundings));
    }
    List<ModelSource> sources = all.stream().map(this::parse).toList();
    if (sources.stream().anyMatch(ModelSource.Endpoint.class::isInstance)) {
      throw notLocal(); // before anything is downloaded
    }
    return sources.stream().map(source -> file(source, surroundings)).toList();
  }

  private Path file(ModelSource source, Surroundings surroundings) {
    return switch (source) {
      case ModelSource.Weights weights -> weights.file(surroundings);
      case ModelSource.Demo demo -> DemoModel.file(surroundings);
      case ModelSource.Endpoint endpoint -> throw notLocal();
    };
  }

  private ParameterException notLocal() {
    return wrong(
        "this command looks into the weights, so the model must be a GGUF file or a HuggingFace"
            + " folder");
  }

  private ParameterException wrong(String message) {
    return new ParameterException(command.commandLine(), message);
  }
}
