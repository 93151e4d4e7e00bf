package dev.qwen4j.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.StreamingChatResponseHandler;
import dev.langchain4j.model.output.FinishReason;
import java.util.ArrayList;
import org.junit.jupiter.api.Test;

class ScriptedModelTest {
  private final ArrayList<Object> heard = new ArrayList<>();
  private final StreamingChatResponseHandler handler =
      new StreamingChatResponseHandler() {
        @Override
        public void onPartialResponse(String delta) {
          heard.add(delta);
        }

        @Override
        public void onCompleteResponse(ChatResponse response) {
          heard.add(response);
        }

        @Override
        public void onError(Throwable cause) {
          heard.add(cause);
        }
      };

  private static ChatRequest request(String text) {
    return ChatRequest.builder().messages(UserMessage.from(text)).build();
  }

  @Test
  void repliesAreStreamedAsTheyAreCutAndRequestsRemembered() {
    var model = new ScriptedModel().enqueue(ScriptedModel.reply().chunks("a", "b"));
    model.chat(request("hi"), handler);
    assertThat(heard).hasSize(3).startsWith("a", "b");
    ChatResponse response = (ChatResponse) heard.getLast();
    assertThat(response.aiMessage().text()).isEqualTo("ab");
    assertThat(response.finishReason()).isEqualTo(FinishReason.STOP);
    assertThat(model.requests()).singleElement().isEqualTo(model.requests().getFirst());
    assertThat(model.remaining()).isZero();
  }

  @Test
  void aCallHasItsOwnFinishReason() {
    new ScriptedModel()
        .enqueue(ScriptedModel.reply().call("now", "{}"))
        .chat(request("hi"), handler);
    ChatResponse response = (ChatResponse) heard.getLast();
    assertThat(response.finishReason()).isEqualTo(FinishReason.TOOL_EXECUTION);
    assertThat(response.aiMessage().toolExecutionRequests().getFirst().id())
        .isEqualTo("scripted_1");
  }

  @Test
  void aRequestBeyondTheScriptFailsAndQuotesItself() {
    assertThatThrownBy(() -> new ScriptedModel().chat(request("once too often"), handler))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("Request 1 is one more than the script has replies")
        .hasMessageContaining("once too often");
  }

  @Test
  void aFailureIsCalledBack() {
    var failure = new IllegalStateException("503");
    new ScriptedModel()
        .enqueue(ScriptedModel.reply().text("a").fail(failure))
        .chat(request("hi"), handler);
    assertThat(heard).containsExactly("a", failure);
  }
}
