package dev.qwen4j.dialect;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Tool-integrated reasoning as Qwen2.5-Math was trained on it: programs in the midst of the text,
 * and their output after them.
 */
final class PythonBlockStyle implements CallStyle {
  private static final String OUTPUT = "```output";
  private static final Pattern PROGRAM =
      Pattern.compile(
          "^```(?:python|py)[ \\t]*\\r?\\n(.*?)^```[ \\t]*$", Pattern.MULTILINE | Pattern.DOTALL);

  @Override
  public String stop() {
    return OUTPUT;
  }

  @Override
  public List<ChatMessage> plain(List<ChatMessage> messages, List<ToolSpecification> tools) {
    var plain = new ArrayList<ChatMessage>();
    for (ChatMessage message : messages) {
      switch (message) {
        case AiMessage reply -> plain.add(AiMessage.from(reply.text() == null ? "" : reply.text()));
        case ToolExecutionResultMessage result ->
            plain.add(UserMessage.from(OUTPUT + "\n" + result.text().stripTrailing() + "\n```"));
        default -> plain.add(message);
      }
    }
    return plain;
  }

  @Override
  public OutputParser parser(List<ToolSpecification> tools) {
    return new Parser(
        tools.stream()
            .filter(tool -> ToolParameters.only(tool).filter("code"::equals).isPresent())
            .findFirst()
            .map(ToolSpecification::name)
            .orElse(null));
  }

  /**
   * Passes the text on up to an output that the model makes up, and calls with the last program
   * before it. A program that does not end is none.
   */
  private static final class Parser implements OutputParser {
    private final @Nullable String tool;
    private final StringBuilder all = new StringBuilder();
    private int said;
    private boolean over;

    Parser(@Nullable String tool) {
      this.tool = tool;
    }

    @Override
    public void accept(String delta, Consumer<OutputEvent> out) {
      if (over) {
        return;
      }
      all.append(delta);
      int output = all.indexOf(OUTPUT, Math.max(0, said - OUTPUT.length()));
      if (output >= 0) {
        over = true;
        all.setLength(output);
      }
      say(over ? all.length() : all.length() - held(), out);
    }

    /** How many characters at the end may be the beginning of an output. */
    private int held() {
      for (int length = Math.min(OUTPUT.length() - 1, all.length()); length > 0; length--) {
        if (OUTPUT.startsWith(all.substring(all.length() - length))) {
          return length;
        }
      }
      return 0;
    }

    private void say(int end, Consumer<OutputEvent> out) {
      if (end > said) {
        out.accept(new OutputEvent.Text(all.substring(said, end)));
        said = end;
      }
    }

    @Override
    public void finish(Consumer<OutputEvent> out) {
      say(all.length(), out);
      Matcher program = PROGRAM.matcher(all);
      String last = null;
      while (program.find()) {
        last = program.group(1);
      }
      if (last != null && tool != null) {
        out.accept(new OutputEvent.Call(tool, ToolParameters.object("code", last)));
      }
    }
  }
}
