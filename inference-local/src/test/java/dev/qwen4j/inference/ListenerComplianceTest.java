package dev.qwen4j.inference;

import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.common.AbstractChatModelListenerIT;
import dev.langchain4j.model.chat.common.AbstractStreamingChatModelListenerIT;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.qwen4j.model.ModelException;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;

/** LangChain4j's own suites for listeners of chat models, whole: nothing is left out. */
class ListenerComplianceTest {
  private @Nullable LocalModel model;

  @AfterEach
  void close() {
    if (model != null) {
      model.close();
    }
  }

  private LocalModel load(ChatModelListener listener, int context) {
    LocalModel loaded =
        LocalModel.load(
            Golden.model("qwen2"),
            LoadOptions.standard()
                .withThreads(2)
                .withContextLength(context)
                .withListeners(List.of(listener))
                .withParameters(
                    LocalChatRequestParameters.builder()
                        .temperature(0.7)
                        .topP(1.0)
                        .maxOutputTokens(7)
                        .build()));
    model = loaded;
    return loaded;
  }

  /** In whose context no prompt fits. */
  private LocalModel loadFailing(ChatModelListener listener) {
    return load(listener, 1);
  }

  @Nested
  class Blocking extends AbstractChatModelListenerIT {
    @Override
    protected ChatModel createModel(ChatModelListener listener) {
      return load(listener, 0).chatModel();
    }

    @Override
    protected String modelName() {
      return "Qwen2";
    }

    @Override
    protected ChatModel createFailingModel(ChatModelListener listener) {
      return loadFailing(listener).chatModel();
    }

    @Override
    protected Class<? extends Exception> expectedExceptionClass() {
      return ModelException.class;
    }
  }

  @Nested
  class Streaming extends AbstractStreamingChatModelListenerIT {
    @Override
    protected StreamingChatModel createModel(ChatModelListener listener) {
      return load(listener, 0).streamingChatModel();
    }

    @Override
    protected String modelName() {
      return "Qwen2";
    }

    @Override
    protected StreamingChatModel createFailingModel(ChatModelListener listener) {
      return loadFailing(listener).streamingChatModel();
    }

    @Override
    protected Class<? extends Exception> expectedExceptionClass() {
      return ModelException.class;
    }
  }
}
