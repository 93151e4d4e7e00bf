package dev.qwen4j.agent;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.model.chat.response.ChatResponse;

/** What a model's callbacks say, on its way from their threads to that of the run. */
sealed interface Signal {
  record Text(String delta) implements Signal {}

  record Thinking(String delta) implements Signal {}

  record Call(ToolExecutionRequest request) implements Signal {}

  record Completed(ChatResponse response) implements Signal {}

  record Failed(Throwable cause) implements Signal {}

  /** A piece of a call, which is told when the call is complete. */
  record CallPiece() implements Signal {}

  /** Nothing happened but a cancellation, which the reader sees for itself. */
  record WakeUp() implements Signal {}
}
