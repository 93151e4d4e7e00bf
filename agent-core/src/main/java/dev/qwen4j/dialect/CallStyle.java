package dev.qwen4j.dialect;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.ChatMessage;
import java.util.List;

/** A way to write tools, calls and their results as plain text, and to read the calls back. */
interface CallStyle {
  /** The conversation without calls and results, which have become text in it. */
  List<ChatMessage> plain(List<ChatMessage> messages, List<ToolSpecification> tools);

  /** Where the model must stop, since what comes next is for the tool to say. */
  String stop();

  /** Reads one reply. */
  OutputParser parser(List<ToolSpecification> tools);
}
