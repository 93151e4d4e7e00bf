package dev.qwen4j.examples;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.qwen4j.inference.EngineProbe;
import dev.qwen4j.inference.Vocabulary;
import java.io.IOException;
import java.util.HexFormat;
import java.util.concurrent.Callable;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * {@code qwen4j debug}: the parts of the engine one by one, for comparing them with another engine.
 * Every subcommand answers each line of standard input with one line, JSON objects both.
 */
@Command(
    name = "debug",
    description = "Shows what the parts of the engine compute: JSON lines in, JSON lines out.",
    synopsisSubcommandLabel = "COMMAND",
    footer = {
      "",
      "The first line that cannot be answered ends the command with exit code 1.",
      "",
      "Example:",
      "  echo '{\"text\":\"Hello\"}' | qwen4j debug tokenize -m model.gguf"
    })
final class DebugCommand {
  private DebugCommand() {}

  static CommandLine with(Surroundings surroundings) {
    return new CommandLine(new DebugCommand())
        .addSubcommand(new Tokenize(surroundings))
        .addSubcommand(new Render(surroundings))
        .addSubcommand(new Dequantize(surroundings))
        .addSubcommand(new Logits(surroundings))
        .addSubcommand(new Score(surroundings))
        .addSubcommand(new DebugAgentCommand(surroundings));
  }

  /** Text to token ids. */
  @Command(
      name = "tokenize",
      description = "Token ids of texts. A GGUF file with only a vocabulary is enough.",
      footer = {
        "",
        "in   {\"text\":\"…\"} or {\"text\":\"…\",\"special\":true}",
        "out  {\"ids\":[…]}",
        "",
        "Markers such as <|im_end|> are only characters, unless special is true.",
        "",
        "Example:",
        "  echo '{\"text\":\"Hello\"}' | qwen4j debug tokenize -m model.gguf"
      })
  static final class Tokenize implements Callable<Integer> {
    private final Surroundings surroundings;
    @Mixin private ModelOption model = new ModelOption();

    Tokenize(Surroundings surroundings) {
      this.surroundings = surroundings;
    }

    @Override
    public Integer call() throws Exception {
      try (Vocabulary vocabulary = Vocabulary.open(model.file(surroundings))) {
        return JsonLines.answer(
                surroundings,
                line -> {
                  String text = JsonLines.text(line, "text");
                  return numbers(
                      "ids",
                      JsonLines.flag(line, "special")
                          ? vocabulary.encodeWithMarkers(text)
                          : vocabulary.encode(text));
                })
            .code();
      }
    }
  }

  /** A conversation to the text a model reads. */
  @Command(
      name = "render",
      description = "The text that a model reads for a conversation, by its chat template.",
      footer = {
        "",
        "in   {\"messages\":[OpenAI form],\"tools\":[…]|null,",
        "      \"options\":{\"add_generation_prompt\":true,\"enable_thinking\":false}}",
        "out  {\"text\":\"…\"}",
        "",
        "Example:",
        "  echo '{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]}' |",
        "    qwen4j debug render --family qwen3"
      })
  static final class Render implements Callable<Integer> {
    private final Surroundings surroundings;

    @Spec
    @SuppressWarnings("NullAway.Init") // picocli sets it before call()
    private CommandSpec spec;

    @Mixin private ModelOption model = new ModelOption();

    @Option(
        names = "--family",
        paramLabel = "NAME",
        description =
            "A family's template instead of a model's: qwen2.5, qwen3, qwq, qwen3-coder, qwen3.5.")
    private @Nullable String family;

    Render(Surroundings surroundings) {
      this.surroundings = surroundings;
    }

    @Override
    public Integer call() throws Exception {
      String chosen = family;
      if (chosen != null) {
        if (!Vocabulary.families().contains(chosen)) {
          throw new ParameterException(
              spec.commandLine(),
              "--family must be one of %s, but was %s"
                  .formatted(String.join(", ", Vocabulary.families()), chosen));
        }
        return answer(conversation -> Vocabulary.renderAs(chosen, conversation));
      }
      try (Vocabulary vocabulary = Vocabulary.open(model.file(surroundings))) {
        return answer(vocabulary::render);
      }
    }

    private int answer(UnaryOperator<String> template) throws IOException {
      return JsonLines.answer(
              surroundings,
              line ->
                  JsonLines.JSON.createObjectNode().put("text", template.apply(line.toString())))
          .code();
    }
  }

  /** Blocks of quantised weights to numbers. */
  @Command(
      name = "dequantize",
      description = "The values of quantised weights.",
      footer = {
        "",
        "in   {\"type\":\"Q4_0\",\"raw_hex\":\"…\"}",
        "out  {\"values\":[…]}",
        "",
        "Example:",
        "  echo '{\"type\":\"F16\",\"raw_hex\":\"003c00bc\"}' | qwen4j debug dequantize"
      })
  static final class Dequantize implements Callable<Integer> {
    private final Surroundings surroundings;

    Dequantize(Surroundings surroundings) {
      this.surroundings = surroundings;
    }

    @Override
    public Integer call() throws Exception {
      return JsonLines.answer(
              surroundings,
              line ->
                  numbers(
                      "values",
                      EngineProbe.dequantize(
                          JsonLines.text(line, "type"),
                          HexFormat.of().parseHex(JsonLines.text(line, "raw_hex")))))
          .code();
    }
  }

  private static ObjectNode numbers(String name, Object array) {
    ObjectNode answer = JsonLines.JSON.createObjectNode();
    answer.set(name, JsonLines.JSON.valueToTree(array));
    return answer;
  }

  /** Logits, a greedy continuation and the embedding of a prompt. */
  @Command(
      name = "logits",
      description = "Logits of a prompt's first and last position, and its greedy continuation.",
      footer = {
        "",
        "in   {\"ids\":[…],\"greedy\":24}",
        "out  {\"first\":[…],\"last\":[…],\"greedy\":[…],\"embedding\":[…]}",
        "",
        "The embedding is the last hidden state after the final norm, scaled to length 1.",
        "",
        "Example:",
        "  echo '{\"ids\":[9707,11],\"greedy\":8}' | qwen4j debug logits -m model.gguf"
      })
  static final class Logits implements Callable<Integer> {
    private final Surroundings surroundings;
    @Mixin private ModelOption model = new ModelOption();

    Logits(Surroundings surroundings) {
      this.surroundings = surroundings;
    }

    @Override
    public Integer call() throws Exception {
      try (EngineProbe probe = probe(model, surroundings)) {
        return JsonLines.answer(
                surroundings,
                line -> {
                  EngineProbe.Logits logits =
                      probe.logits(JsonLines.ids(line), JsonLines.number(line, "greedy", 0));
                  ObjectNode answer = JsonLines.JSON.createObjectNode();
                  answer.set("first", JsonLines.JSON.valueToTree(logits.first()));
                  answer.set("last", JsonLines.JSON.valueToTree(logits.last()));
                  answer.set("greedy", JsonLines.JSON.valueToTree(logits.greedy()));
                  answer.set("embedding", JsonLines.JSON.valueToTree(logits.embedding()));
                  return answer;
                })
            .code();
      }
    }
  }

  /** How well the model foresees a text. */
  @Command(
      name = "score",
      description = "How well the model foresees each token of a text.",
      footer = {
        "",
        "in   {\"ids\":[…]} or {\"ids\":[…],\"as\":\"reference\"|\"prompt\"|\"reply\"}",
        "out  {\"top1\":[…],\"nll\":[…]}",
        "",
        "top1 is the most likely next id after each id; nll is -ln p of the id that follows, one",
        "entry less. The text is read in float32 throughout, or as chat reads a prompt, or as chat",
        "writes a reply.",
        "",
        "Example:",
        "  echo '{\"ids\":[9707,11,1879]}' | qwen4j debug score -m model.gguf"
      })
  static final class Score implements Callable<Integer> {
    private final Surroundings surroundings;
    @Mixin private ModelOption model = new ModelOption();

    Score(Surroundings surroundings) {
      this.surroundings = surroundings;
    }

    @Override
    public Integer call() throws Exception {
      try (EngineProbe probe = probe(model, surroundings)) {
        return JsonLines.answer(
                surroundings,
                line -> {
                  EngineProbe.Score score = probe.score(JsonLines.ids(line), way(line));
                  ObjectNode answer = JsonLines.JSON.createObjectNode();
                  answer.set("top1", JsonLines.JSON.valueToTree(score.top1()));
                  answer.set("nll", JsonLines.JSON.valueToTree(score.nll()));
                  return answer;
                })
            .code();
      }
    }
  }

  private static EngineProbe.Way way(ObjectNode line) {
    if (!line.has("as")) {
      return EngineProbe.Way.REFERENCE;
    }
    return switch (JsonLines.text(line, "as")) {
      case "reference" -> EngineProbe.Way.REFERENCE;
      case "prompt" -> EngineProbe.Way.PROMPT;
      case "reply" -> EngineProbe.Way.REPLY;
      case String other ->
          throw new IllegalArgumentException(
              "\"as\" must be reference, prompt or reply, but was "
                  + OneLine.cut("\"" + other + "\"", 80));
    };
  }

  private static EngineProbe probe(ModelOption model, Surroundings surroundings) {
    return EngineProbe.load(model.file(surroundings), Runtime.getRuntime().availableProcessors());
  }
}
