package dev.qwen4j.examples;

import dev.langchain4j.model.chat.StreamingChatModel;
import dev.qwen4j.agent.ContextPolicy;

/**
 * A model that is ready to be asked.
 *
 * @param name for people to read
 * @param context what is known of its window
 * @param keeping has it keep the conversation when it is closed, if it can
 * @param release gives back what the model holds
 */
record OpenModel(
    String name, StreamingChatModel chat, ContextPolicy context, Runnable keeping, Runnable release)
    implements AutoCloseable {
  /** One that has nothing to keep. */
  OpenModel(String name, StreamingChatModel chat, ContextPolicy context, Runnable release) {
    this(name, chat, context, () -> {}, release);
  }

  @Override
  public void close() {
    release.run();
  }
}
