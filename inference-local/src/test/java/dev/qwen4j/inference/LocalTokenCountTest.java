package dev.qwen4j.inference;

import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.ImageContent;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.TokenCountEstimator;
import dev.langchain4j.model.chat.request.ChatRequest;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is counted before a request is what the model counts for it. */
class LocalTokenCountTest {
  private static final ToolExecutionRequest CALL =
      ToolExecutionRequest.builder().id("1").name("add").arguments("{\"a\": 1}").build();
  private static final List<List<ChatMessage>> CONVERSATIONS =
      List.of(
          List.of(UserMessage.from("Hello, 世界 🙂")),
          List.of(SystemMessage.from("Be brief."), UserMessage.from("Hello")),
          List.of(
              SystemMessage.from("Be brief."),
              UserMessage.from("What is 1 + 1?"),
              AiMessage.builder().text("I add.").toolExecutionRequests(List.of(CALL)).build(),
              ToolExecutionResultMessage.from(CALL, "2"),
              AiMessage.builder().thinking("So it is 2.").text("2").build(),
              UserMessage.from("And 2 + 2?")));

  @ParameterizedTest
  @ValueSource(strings = {"qwen2", "qwen3"})
  void aConversationIsCountedExactly(String name) {
    try (LocalModel model = LocalModel.load(Golden.model(name))) {
      for (List<ChatMessage> conversation : CONVERSATIONS) {
        int counted = model.tokenCountEstimator().estimateTokenCountInMessages(conversation);
        var request = ChatRequest.builder().messages(conversation).maxOutputTokens(1).build();
        assertThat(counted)
            .isEqualTo(model.chatModel().chat(request).tokenUsage().inputTokenCount());
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"qwen2", "qwen3"})
  void partsOfAConversationAreCountedByTheirText(String name) {
    try (LocalModel model = LocalModel.load(Golden.model(name))) {
      TokenCountEstimator tokens = model.tokenCountEstimator();
      var result = ToolExecutionResultMessage.from(CALL, "one two three");
      assertThat(tokens.estimateTokenCountInMessages(List.of(result)))
          .isGreaterThan(tokens.estimateTokenCountInText("one two three"));
      var picture =
          UserMessage.from(TextContent.from("What is it?"), ImageContent.from("http://x/"));
      assertThat(tokens.estimateTokenCountInMessages(List.of(picture)))
          .isEqualTo(5 + tokens.estimateTokenCountInText("What is it?"));
      assertThat(tokens.estimateTokenCountInMessages(List.of())).isZero();
    }
  }
}
