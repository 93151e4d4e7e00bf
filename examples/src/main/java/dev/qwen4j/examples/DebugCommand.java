package dev.qwen4j.examples;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.qwen4j.inference.EngineProbe;
import dev.qwen4j.tool.Cancellation;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

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
        .addSubcommand(new Logits(surroundings))
        .addSubcommand(new Score(surroundings));
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
        "in   {\"ids\":[…]}",
        "out  {\"top1\":[…],\"nll\":[…]}",
        "",
        "top1 is the most likely next id after each id; nll is -ln p of the id that follows, one",
        "entry less.",
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
                  EngineProbe.Score score = probe.score(JsonLines.ids(line));
                  ObjectNode answer = JsonLines.JSON.createObjectNode();
                  answer.set("top1", JsonLines.JSON.valueToTree(score.top1()));
                  answer.set("nll", JsonLines.JSON.valueToTree(score.nll()));
                  return answer;
                })
            .code();
      }
    }
  }

  private static EngineProbe probe(ModelOption model, Surroundings surroundings) throws Exception {
    return EngineProbe.load(
        model.file(surroundings, new Cancellation()), Runtime.getRuntime().availableProcessors());
  }
}
