package dev.qwen4j.dialect;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Tools in the manner of ReAct (Yao et al. 2022), which models know from their training: the tools
 * stand in the system message, whose bytes depend on nothing else.
 */
final class ReActStyle implements CallStyle {
  private static final String FORM =
      """
      # Tools

      You can use these tools:

      %s

      Write in this form, one line each:

      Thought: what you think
      Action: the name of one tool, one of %s
      Action Input: its arguments as a JSON object

      Then stop: you will be given the result as

      Observation: the result

      Think and act like this as often as you need. When you know the answer, write

      Thought: I know the answer
      Final Answer: the answer\
      """;

  @Override
  public String stop() {
    return "Observation:";
  }

  @Override
  public OutputParser parser(List<ToolSpecification> tools) {
    return new ReActParser(tools);
  }

  @Override
  public List<ChatMessage> plain(List<ChatMessage> messages, List<ToolSpecification> tools) {
    var plain = new ArrayList<ChatMessage>();
    boolean instructed = messages.getFirst() instanceof SystemMessage;
    String own = instructed ? ((SystemMessage) messages.getFirst()).text() : "";
    String system = tools.isEmpty() ? own : (own + "\n\n" + told(tools)).strip();
    if (!system.isBlank()) {
      plain.add(SystemMessage.from(system));
    }
    for (ChatMessage message : messages.subList(instructed ? 1 : 0, messages.size())) {
      switch (message) {
        case AiMessage reply -> plain.add(AiMessage.from(written(reply)));
        case ToolExecutionResultMessage result ->
            plain.add(UserMessage.from("Observation: " + result.text()));
        default -> plain.add(message);
      }
    }
    return plain;
  }

  private static String told(List<ToolSpecification> tools) {
    String each = tools.stream().map(ReActStyle::told).collect(Collectors.joining("\n\n"));
    String names = tools.stream().map(ToolSpecification::name).collect(Collectors.joining(", "));
    return FORM.formatted(each, names);
  }

  private static String told(ToolSpecification tool) {
    String description = tool.description() == null ? "" : tool.description();
    return "%s: %s Arguments: %s".formatted(tool.name(), description, ToolParameters.json(tool));
  }

  private static String written(AiMessage reply) {
    String text = reply.text() == null ? "" : reply.text();
    if (!reply.hasToolExecutionRequests()) {
      return "Final Answer: " + text;
    }
    String thought = reply.thinking() == null ? text : (reply.thinking() + "\n" + text).strip();
    var all = new StringBuilder(thought.isBlank() ? "" : "Thought: " + thought + "\n");
    for (ToolExecutionRequest call : reply.toolExecutionRequests()) {
      all.append("Action: ")
          .append(call.name())
          .append("\nAction Input: ")
          .append(call.arguments())
          .append('\n');
    }
    return all.toString().stripTrailing();
  }
}
