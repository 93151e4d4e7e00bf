package dev.qwen4j.examples;

import dev.langchain4j.model.chat.StreamingChatModel;

/**
 * A model that is ready to be asked.
 *
 * @param name for people to read
 * @param release gives back what the model holds
 */
record OpenModel(String name, StreamingChatModel chat, Runnable release) implements AutoCloseable {
  @Override
  public void close() {
    release.run();
  }
}
