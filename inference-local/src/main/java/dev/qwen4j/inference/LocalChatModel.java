package dev.qwen4j.inference;

import dev.langchain4j.model.ModelProvider;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.ChatResponse;
import java.util.List;

/** A local model that answers with the whole reply. Interrupting the calling thread ends it. */
final class LocalChatModel implements ChatModel {
  private final LocalChat chat;

  LocalChatModel(LocalChat chat) {
    this.chat = chat;
  }

  @Override
  public ChatResponse doChat(ChatRequest request) {
    return chat.run(chat.prepare(request), ReplyListener.SILENT, () -> false);
  }

  @Override
  public ChatRequestParameters defaultRequestParameters() {
    return chat.defaultParameters();
  }

  @Override
  public List<ChatModelListener> listeners() {
    return chat.listeners();
  }

  @Override
  public ModelProvider provider() {
    return ModelProvider.OTHER;
  }
}
