package dev.qwen4j.agent;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.qwen4j.dialect.HermesParser;
import dev.qwen4j.tool.Tool;
import java.util.ArrayList;
import java.util.List;

/** An agent's tools as its model gets to know them, and those of its own that come with them. */
final class Toolset {
  private final HiddenTools hidden;
  private final List<ToolSpecification> declared;
  private final List<ToolSpecification> withReader;
  private final ToolArgumentsCheck check;
  private final HermesParser parser;

  /**
   * @param reader reads large results on: it is declared once there is one
   */
  Toolset(List<Tool> tools, HiddenTools hidden, LargeResults reader) {
    this.hidden = hidden;
    List<Tool> first = new ArrayList<>();
    List<Tool> others = new ArrayList<>();
    for (Tool tool : tools) {
      (hidden.hides(tool.name()) ? others : first).add(tool);
    }
    first.addAll(hidden.instead());
    this.declared = first.stream().map(Tool::specification).toList();
    List<ToolSpecification> more = new ArrayList<>(declared);
    if (!tools.isEmpty() && tools.stream().noneMatch(tool -> tool.name().equals(reader.name()))) {
      others.add(reader);
      more.add(reader.specification());
    }
    this.withReader = List.copyOf(more);
    this.check = new ToolArgumentsCheck(first, others);
    this.parser = HermesParser.forTools(check.toolNames());
  }

  /** What the model is told of at this point of a conversation. */
  List<ToolSpecification> declared(Conversation conversation) {
    return conversation.hasCutResults() ? withReader : declared;
  }

  HiddenTools hidden() {
    return hidden;
  }

  ToolArgumentsCheck check() {
    return check;
  }

  /** Reads one reply to a request with tools. */
  HermesParser parser() {
    return parser.again();
  }
}
