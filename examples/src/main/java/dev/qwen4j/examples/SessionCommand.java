package dev.qwen4j.examples;

import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.Content;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.qwen4j.session.Question;
import dev.qwen4j.session.Session;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code qwen4j session}: looks into the sessions that {@code run --session} keeps. */
@Command(
    name = "session",
    description = "Shows, copies, shortens and exports the sessions of run --session.",
    footer = {
      "",
      "Examples:",
      "  qwen4j run -m model.gguf --session work.jsonl \"Which test is slowest?\"",
      "  qwen4j session show work.jsonl",
      "  qwen4j session fork work.jsonl other.jsonl 3",
      "  qwen4j run -m model.gguf --resume other.jsonl \"And why?\""
    })
final class SessionCommand {
  private SessionCommand() {}

  static CommandLine with(Surroundings surroundings) {
    return new CommandLine(new SessionCommand())
        .addSubcommand(new Show(surroundings))
        .addSubcommand(new Fork())
        .addSubcommand(new Rewind())
        .addSubcommand(new Export(surroundings))
        .addSubcommand(new ReplayCommand(surroundings));
  }

  /** The messages, one a line. */
  @Command(
      name = "show",
      description = "Lists the messages of a session with their numbers, and what waits.",
      footer = {"", "Example:", "  qwen4j session show work.jsonl --whole | less"})
  static final class Show implements Callable<Integer> {
    private final Surroundings surroundings;

    @Parameters(paramLabel = "FILE", description = "The session.")
    private Path file = Path.of("");

    @Option(names = "--whole", description = "Every message with all its lines and thoughts.")
    private boolean whole;

    Show(Surroundings surroundings) {
      this.surroundings = surroundings;
    }

    @Override
    public Integer call() throws IOException {
      try (Session session = Session.read(file)) {
        List<ChatMessage> messages = session.messages();
        for (int i = 0; i < messages.size(); i++) {
          String shown = whole ? indented(text(messages.get(i), true)) : line(messages.get(i));
          surroundings.out().print("%4d  %s\n".formatted(i + 1, shown));
        }
        for (Question question : session.questions()) {
          surroundings.out().print("   ?  " + OneLine.of(question.text()) + "\n");
        }
        return ExitCode.ANSWERED.code();
      }
    }

    private static String line(ChatMessage message) {
      return OneLine.cut(OneLine.of(text(message, false)), 120);
    }

    /** Lines after the first stand below its text. */
    private static String indented(String text) {
      return text.strip().replace("\n", "\n      ");
    }

    private static String text(ChatMessage message, boolean thoughts) {
      return switch (message) {
        case UserMessage user ->
            "user: " + user.contents().stream().map(Show::text).collect(Collectors.joining(" "));
        case AiMessage reply ->
            (thoughts && reply.thinking() != null ? "thinking: " + reply.thinking() + "\n" : "")
                + "assistant: "
                + (reply.text() == null ? "" : reply.text() + " ")
                + reply.toolExecutionRequests().stream()
                    .map(call -> "→ " + call.name() + " " + call.arguments())
                    .collect(Collectors.joining(" "));
        case ToolExecutionResultMessage result -> result.toolName() + ": " + result.text();
        default -> message.type().name().toLowerCase(Locale.ROOT);
      };
    }

    private static String text(Content content) {
      return content instanceof TextContent text
          ? text.text()
          : "(" + content.type().name().toLowerCase(Locale.ROOT) + ")";
    }
  }

  /** A number of messages, for those who would rather name it than have it last. */
  static final class MessagesOption {
    @Spec(Spec.Target.MIXEE)
    private @Nullable CommandSpec command;

    @Option(names = "--messages", paramLabel = "N", description = "The same as N.")
    private @Nullable Integer named;

    /** The one that was given, if one was. */
    @Nullable Integer or(@Nullable Integer last) {
      if (named != null && last != null) {
        throw wrong(
            "the number of messages is given twice, as %d and as --messages %d"
                .formatted(last, named));
      }
      return named == null ? last : named;
    }

    int orElseThrow(@Nullable Integer last) {
      Integer given = or(last);
      if (given == null) {
        throw wrong("expected how many messages to keep, as N or --messages N");
      }
      return given;
    }

    private ParameterException wrong(String what) {
      return new ParameterException(
          Objects.requireNonNull(command, "picocli sets it").commandLine(), what);
    }
  }

  /** A copy that goes its own way. */
  @Command(
      name = "fork",
      description = "Begins a new session with the first messages of another.",
      footer = {"", "Example:", "  qwen4j session fork work.jsonl other.jsonl 3"})
  static final class Fork implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "FILE", description = "The session.")
    private Path file = Path.of("");

    @Parameters(index = "1", paramLabel = "NEW", description = "The file of the new session.")
    private Path newFile = Path.of("");

    @Parameters(
        index = "2",
        arity = "0..1",
        paramLabel = "N",
        description = "How many messages to take (default: all).")
    private @Nullable Integer count;

    @Mixin private MessagesOption messages = new MessagesOption();

    @Override
    public Integer call() throws IOException {
      Integer taken = messages.or(count);
      try (Session session = Session.read(file)) {
        session.fork(newFile, taken == null ? session.messages().size() : taken).close();
        return ExitCode.ANSWERED.code();
      }
    }
  }

  /** Back to an earlier message. */
  @Command(
      name = "rewind",
      description = "Goes back to the first messages; the file still holds the others.",
      footer = {"", "Example:", "  qwen4j session rewind work.jsonl 3"})
  static final class Rewind implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "FILE", description = "The session.")
    private Path file = Path.of("");

    @Parameters(
        index = "1",
        arity = "0..1",
        paramLabel = "N",
        description = "How many messages to keep.")
    private @Nullable Integer count;

    @Mixin private MessagesOption messages = new MessagesOption();

    @Override
    public Integer call() throws IOException {
      int kept = messages.orElseThrow(count);
      try (Session session = Session.openExisting(file)) {
        session.rewind(kept);
        return ExitCode.ANSWERED.code();
      }
    }
  }

  /** The whole conversation, for other programs or people. */
  @Command(
      name = "export",
      description = "Prints a session as Markdown or as the messages of an OpenAI request.",
      footer = {"", "Example:", "  qwen4j session export work.jsonl --format openai | jq length"})
  static final class Export implements Callable<Integer> {
    private enum Format {
      MARKDOWN,
      OPENAI
    }

    private final Surroundings surroundings;

    @Parameters(paramLabel = "FILE", description = "The session.")
    private Path file = Path.of("");

    @Option(
        names = "--format",
        paramLabel = "markdown|openai",
        description = "The form (default: markdown).")
    private Format format = Format.MARKDOWN;

    Export(Surroundings surroundings) {
      this.surroundings = surroundings;
    }

    @Override
    public Integer call() throws IOException {
      try (Session session = Session.read(file)) {
        String text =
            switch (format) {
              case MARKDOWN -> session.toMarkdown();
              case OPENAI -> session.toOpenAiJson();
            };
        surroundings.out().print(text.endsWith("\n") ? text : text + "\n");
        return surroundings.out().checkError()
            ? ExitCode.OUTPUT_CLOSED.code()
            : ExitCode.ANSWERED.code();
      }
    }
  }
}
