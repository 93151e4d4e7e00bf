package dev.qwen4j.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.net.URI;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** How a hosted model is described, and what is refused at the door. */
class HostedModelTest {
  private static HostedModel.Builder builder(Map<String, String> environment) {
    return HostedModel.builder().modelName("qwen-plus").environment(environment::get);
  }

  @Test
  void dashScopeKnowsItsAddressAndVariable() {
    try (HostedModel model =
        builder(Map.of("DASHSCOPE_API_KEY", "sk-secret"))
            .endpoint(EndpointKind.DASH_SCOPE)
            .build()) {
      assertThat(model.baseUrl())
          .isEqualTo(URI.create("https://dashscope-intl.aliyuncs.com/compatible-mode/v1"));
      assertThat(model)
          .hasToString(
              "HostedModel[qwen-plus at https://dashscope-intl.aliyuncs.com/compatible-mode/v1,"
                  + " DASH_SCOPE, key from DASHSCOPE_API_KEY]");
    }
  }

  @Test
  void dashScopeIsRecognisedByItsHost() {
    try (HostedModel model =
        builder(Map.of("DASHSCOPE_API_KEY", "sk-secret"))
            .baseUrl("https://dashscope.aliyuncs.com/compatible-mode/v1/")
            .build()) {
      assertThat(model.toString()).contains("DASH_SCOPE").doesNotContain("sk-secret");
    }
  }

  @Test
  void aMissingKeyNamesItsVariable() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> builder(Map.of()).baseUrl("https://example.org/v1").build())
        .withMessage(
            "https://example.org/v1 needs a key: set the environment variable OPENAI_API_KEY");
    assertThatIllegalArgumentException()
        .isThrownBy(
            () ->
                builder(Map.of("MY_KEY", " "))
                    .baseUrl("https://example.org/v1")
                    .apiKeyFromEnvironment("MY_KEY")
                    .build())
        .withMessageContaining("MY_KEY");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"http://localhost:8000/v1", "http://127.0.0.1/v1", "http://[::1]:8000/v1"})
  void aLoopbackAddressNeedsNoKey(String url) {
    try (HostedModel model = builder(Map.of()).baseUrl(url).build()) {
      assertThat(model.toString()).endsWith("key none]");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"https://127.0.0.1.example.org/v1", "http://192.168.1.5:8000/v1"})
  void anotherAddressDoes(String url) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> builder(Map.of()).baseUrl(url).build())
        .withMessageContaining("needs a key");
    builder(Map.of()).baseUrl(url).withoutApiKey().build().close();
  }

  @Test
  void aKeyThatCannotBeSentIsRefusedWithoutShowingIt() {
    assertThatIllegalArgumentException()
        .isThrownBy(
            () ->
                builder(Map.of("OPENAI_API_KEY", "sk-sec\nret"))
                    .baseUrl("http://localhost/v1")
                    .build())
        .withMessageStartingWith("The key in OPENAI_API_KEY holds a space")
        .withMessageNotContaining("sk-sec");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "localhost:8000/v1",
        "ftp://localhost/v1",
        "http://",
        "http://user:password@localhost/v1",
        "http://localhost/v1?key=password",
        "http://local host/password"
      })
  void anUnusableAddressIsRefusedWithoutShowingWhatItMayHold(String url) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> builder(Map.of()).baseUrl(url).build())
        .withMessageContaining("http://localhost:8000/v1")
        .withMessageNotContaining("password");
  }

  @Test
  void anAddressOfTheCallItselfIsRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> builder(Map.of()).baseUrl("http://localhost/v1/chat/completions").build())
        .withMessageContaining("must end before /chat/completions");
  }

  @Test
  void aModelNameAndAnAddressAreNeeded() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> HostedModel.builder().baseUrl("http://localhost/v1").build())
        .withMessage("modelName is missing");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> builder(Map.of()).build())
        .withMessage("baseUrl is missing");
  }

  @ParameterizedTest
  @EnumSource(
      value = EndpointKind.class,
      mode = EnumSource.Mode.EXCLUDE,
      names = "OPEN_AI_COMPATIBLE")
  void everyKnownServerIsOneLine(EndpointKind kind) {
    try (HostedModel model =
        HostedModel.builder()
            .endpoint(kind)
            .modelName("qwen")
            .environment(name -> kind.keyVariable().equals(name) ? "sk-1" : null)
            .build()) {
      assertThat(model.baseUrl().toString()).startsWith("http").endsWith("/v1");
    }
  }

  @Test
  void onesOwnServersNeedNoKey() {
    try (HostedModel model = HostedModel.on(EndpointKind.OLLAMA, "qwen3:8b")) {
      assertThat(model.baseUrl()).hasToString("http://localhost:11434/v1");
    }
  }

  @Test
  void eachServerIsToldInItsOwnWordsNotToThink() {
    assertThat(EndpointKind.DASH_SCOPE_CHINA.thinkingParameters(false))
        .isEqualTo(Map.of("enable_thinking", false));
    assertThat(EndpointKind.OPEN_ROUTER.thinkingParameters(false))
        .isEqualTo(Map.of("reasoning", Map.of("enabled", false)));
    assertThat(EndpointKind.VLLM.thinkingParameters(false))
        .isEqualTo(Map.of("chat_template_kwargs", Map.of("enable_thinking", false)));
    for (EndpointKind kind : List.of(EndpointKind.OLLAMA, EndpointKind.LM_STUDIO)) {
      assertThat(kind.thinkingParameters(false)).isEqualTo(Map.of("reasoning_effort", "none"));
    }
  }

  @Test
  void aWorkspaceOfModelStudioIsDashScope() {
    URI address = URI.create("https://ws-1.ap-southeast-1.maas.aliyuncs.com/compatible-mode/v1");
    assertThat(EndpointKind.at(address)).isEqualTo(EndpointKind.DASH_SCOPE);
    assertThat(EndpointKind.at(URI.create("https://oss.aliyuncs.com/v1")))
        .isEqualTo(EndpointKind.OPEN_AI_COMPATIBLE);
  }
}
