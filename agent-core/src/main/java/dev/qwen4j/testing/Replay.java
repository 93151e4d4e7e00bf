package dev.qwen4j.testing;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.model.output.FinishReason;
import dev.qwen4j.agent.Agent;
import dev.qwen4j.agent.Answer;
import dev.qwen4j.agent.ContextPolicy;
import dev.qwen4j.agent.Decision;
import dev.qwen4j.agent.RunResult;
import dev.qwen4j.agent.StopReason;
import dev.qwen4j.session.Question;
import dev.qwen4j.session.Session;
import dev.qwen4j.session.SessionEntry;
import dev.qwen4j.tool.Cancellation;
import dev.qwen4j.tool.ToolArguments;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Runs an agent again on what a session holds, without its model and without its tools: what the
 * model replied, what the tools answered and what people decided comes from the journal. An agent
 * that was changed meanwhile (its tools' schemas, its hooks, its limits, its approvals) either does
 * the same with it, or the first difference is told.
 *
 * <pre>{@code
 * Replay.Report report = Replay.of(Path.of("work.jsonl")).against(agent);
 * assertThat(report.difference()).isEmpty();
 * }</pre>
 *
 * <p>Compared are the messages of each run and why it ended. Not compared are the instructions, and
 * how room was made in the window: a replayed run keeps its whole conversation. Tools do not run,
 * so a changed tool shows only in whether its calls still fit.
 */
public final class Replay {
  /**
   * What came of a replay.
   *
   * @param runs how many runs were replayed, up to the first difference
   * @param messages how many messages were the same
   */
  public record Report(int runs, int messages, Optional<Difference> difference) {}

  /**
   * Where a replay first went another way.
   *
   * @param run counted from 1
   * @param message of the run, counted from 1
   * @param expected what the journal has there
   * @param found what the agent did
   */
  public record Difference(int run, int message, String expected, String found) {
    /** In one line for each side. */
    @Override
    public String toString() {
      return "run %d, message %d%n  journal: %s%n  now:     %s"
          .formatted(run, message, expected, found);
    }
  }

  private final List<RecordedRun> runs;

  private Replay(List<RecordedRun> runs) {
    this.runs = runs;
  }

  /**
   * Of all runs in a session's journal.
   *
   * @throws IOException if there is none, or it is no session
   */
  public static Replay of(Path journal) throws IOException {
    try (Session session = Session.read(journal)) {
      return of(session.entries());
    }
  }

  /** Of all runs in these entries. */
  public static Replay of(List<SessionEntry> entries) {
    return new Replay(RecordedRun.in(entries));
  }

  /** Replays against an agent, whose model and tools are not used. */
  public Report against(Agent agent) {
    int same = 0;
    for (int i = 0; i < runs.size(); i++) {
      RecordedRun recorded = runs.get(i);
      List<String> expected = recorded.said().stream().map(Replay::told).toList();
      Outcome now = replay(agent, recorded);
      List<String> found = new ArrayList<>(now.said().stream().map(Replay::told).toList());
      if (recorded.isWhole()) {
        expected = with(expected, "ended as " + recorded.stopReason());
        found.add("ended as " + now.end());
      } else if (found.size() > expected.size()) { // What came after the program was killed.
        found = found.subList(0, expected.size());
      }
      int first = firstDifference(expected, found);
      if (first >= 0) {
        return new Report(
            i + 1,
            same + first,
            Optional.of(new Difference(i + 1, first + 1, at(expected, first), at(found, first))));
      }
      same += recorded.said().size();
    }
    return new Report(runs.size(), same, Optional.empty());
  }

  /** What a replayed run said, and how it ended. */
  private record Outcome(List<ChatMessage> said, String end) {}

  private static Outcome replay(Agent agent, RecordedRun recorded) {
    var model = new ScriptedModel();
    List<SessionEntry.Message> replies = recorded.replies();
    for (int i = 0; i < replies.size(); i++) {
      boolean cutOff = i == replies.size() - 1 && recorded.stopReason().equals("max_tokens");
      ScriptedModel.Reply reply = scripted(replies.get(i));
      model.enqueue(cutOff ? reply.finish(FinishReason.LENGTH) : reply);
    }
    boolean endsWithoutReply = recorded.endsWithoutReply();
    model.otherwise(
        request ->
            endsWithoutReply
                ? ScriptedModel.reply()
                : ScriptedModel.reply().fail(new EndOfJournal()));
    Agent.Builder changed =
        agent.toBuilder()
            .model(model)
            .context(ContextPolicy.UNKNOWN)
            .eachTool(tool -> new RecordedTool(tool.specification(), tool, recorded));
    RecordedTool.readingOn(recorded).ifPresent(changed::tool);
    Agent replayed = changed.build();
    var input = new ArrayList<>(recorded.before());
    input.add(recorded.input());
    RunResult result = replayed.run(input, event -> {}, new Cancellation());
    while (result.stopReason() == StopReason.SUSPENDED) {
      List<Answer> answers = answers(result.questions(), recorded);
      if (answers.isEmpty()) {
        break;
      }
      result = replayed.resume(result.messages(), answers, event -> {}, new Cancellation());
    }
    int from = result.messages().lastIndexOf(recorded.input()) + 1;
    String end =
        result.failure() instanceof EndOfJournal
            ? "asking the model once more than the journal has replies"
            : result.stopReason().id();
    return new Outcome(result.messages().subList(from, result.messages().size()), end);
  }

  /** Thrown by nobody: how the scripted model says that there are no more replies. */
  private static final class EndOfJournal extends RuntimeException {
    private static final long serialVersionUID = 1;

    EndOfJournal() {
      super("The journal has no more replies.");
    }
  }

  private static List<Answer> answers(List<Question> questions, RecordedRun recorded) {
    var answers = new ArrayList<Answer>();
    for (Question question : questions) {
      SessionEntry.Answered given = recorded.answers().get(question.call());
      if (given != null) {
        Decision decision =
            switch (given.decision()) {
              case "allow" -> new Decision.Allow();
              case "change" -> new Decision.AllowChanged(ToolArguments.parse(given.detail()));
              default -> new Decision.Deny(given.detail());
            };
        answers.add(new Answer(question, decision));
      }
    }
    return answers;
  }

  private static ScriptedModel.Reply scripted(SessionEntry.Message said) {
    AiMessage message = (AiMessage) said.message();
    ScriptedModel.Reply reply = ScriptedModel.reply().usage(said.usage());
    if (message.thinking() != null) {
      reply.thinking(message.thinking());
    }
    if (message.text() != null) {
      reply.text(message.text());
    }
    for (ToolExecutionRequest call : message.toolExecutionRequests()) {
      reply.call(call.id(), call.name(), call.arguments());
    }
    return reply;
  }

  private static int firstDifference(List<String> expected, List<String> found) {
    for (int i = 0; i < Math.max(expected.size(), found.size()); i++) {
      if (!at(expected, i).equals(at(found, i))) {
        return i;
      }
    }
    return -1;
  }

  private static String at(List<String> told, int index) {
    return index < told.size() ? told.get(index) : "nothing more";
  }

  private static List<String> with(List<String> lines, String last) {
    var all = new ArrayList<>(lines);
    all.add(last);
    return all;
  }

  /** A message in one line, with everything in it that matters. */
  private static String told(ChatMessage message) {
    return switch (message) {
      case AiMessage reply -> "assistant: " + text(reply.text()) + calls(reply);
      case ToolExecutionResultMessage result ->
          (Boolean.TRUE.equals(result.isError()) ? "error of " : "result of ")
              + result.toolName()
              + ": "
              + text(result.text());
      default -> message.type() + ": " + message;
    };
  }

  private static String calls(AiMessage reply) {
    var calls = new StringBuilder();
    for (ToolExecutionRequest call : reply.toolExecutionRequests()) {
      calls.append(" → ").append(call.name()).append(' ').append(call.arguments());
    }
    return calls.toString();
  }

  private static String text(@Nullable String text) {
    return text == null ? "" : text.replace("\n", "\\n");
  }
}
