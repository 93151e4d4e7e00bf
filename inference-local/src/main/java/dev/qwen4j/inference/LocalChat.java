package dev.qwen4j.inference;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.output.FinishReason;
import dev.langchain4j.model.output.TokenUsage;
import dev.qwen4j.dialect.HermesParser;
import dev.qwen4j.dialect.OutputParser;
import dev.qwen4j.inference.internal.engine.Ending;
import dev.qwen4j.inference.internal.engine.Engine;
import dev.qwen4j.inference.internal.engine.StopSequences;
import dev.qwen4j.inference.internal.sampling.SamplingOptions;
import dev.qwen4j.inference.internal.template.ChatTemplate;
import dev.qwen4j.inference.internal.template.Prompt;
import dev.qwen4j.inference.internal.tokenizer.Tokenizer;
import dev.qwen4j.model.ModelException;
import dev.qwen4j.model.ReplyCancelledException;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;

/**
 * What both of LangChain4j's chat models are on the inside: a request becomes a prompt, the engine
 * writes a reply, and its text is read back.
 */
final class LocalChat {
  private final String modelName;
  private final Engine engine;
  private final Tokenizer tokenizer;
  private final ChatTemplate template;
  private final SamplingDefaults sampling;
  private final LoadOptions options;

  LocalChat(
      String modelName,
      Engine engine,
      Tokenizer tokenizer,
      ChatTemplate template,
      SamplingDefaults sampling,
      LoadOptions options) {
    this.modelName = modelName;
    this.engine = engine;
    this.tokenizer = tokenizer;
    this.template = template;
    this.sampling = sampling;
    this.options = options;
  }

  /** A checked request, ready to be run. */
  @SuppressWarnings("ArrayRecordComponent") // ids on their way to the engine, compared by nobody
  record Job(
      int[] prompt,
      boolean startsInThinking,
      List<ToolSpecification> tools,
      SamplingOptions sampling,
      LocalChatRequestParameters parameters) {}

  LocalChatRequestParameters defaultParameters() {
    return LocalChatRequestParameters.builder()
        .modelName(modelName)
        .overrideWith(options.parameters())
        .build();
  }

  /**
   * Checks what requests are run with by default.
   *
   * @throws UnsupportedFeatureException if that is what a local model cannot do
   * @throws IllegalArgumentException if a parameter is out of its range
   */
  void checkDefaults() {
    LocalChatRequestParameters parameters = defaultParameters();
    refuseUnsupported(parameters);
    sampling.fill(parameters);
  }

  List<ChatModelListener> listeners() {
    return options.listeners();
  }

  /**
   * Checks a request and writes its prompt.
   *
   * @throws UnsupportedFeatureException if it asks for what a local model cannot do
   * @throws IllegalArgumentException if a parameter is out of its range
   */
  Job prepare(ChatRequest request) {
    LocalChatRequestParameters parameters =
        LocalChatRequestParameters.builder().overrideWith(request.parameters()).build();
    refuseUnsupported(parameters);
    List<ToolSpecification> tools =
        parameters.toolChoice() == ToolChoice.NONE ? List.of() : parameters.toolSpecifications();
    Prompt prompt =
        template.render(ChatInput.of(request.messages(), tools, parameters.enableThinking()));
    return new Job(
        tokenizer.encode(prompt),
        prompt.startsInThinking(),
        tools,
        sampling.fill(parameters),
        parameters);
  }

  /** How many tokens a text has. */
  int count(String text) {
    return tokenizer.encode(text).length;
  }

  /** How many tokens the prompt for a conversation has, without tools. */
  int count(List<ChatMessage> messages) {
    Boolean thinking = defaultParameters().enableThinking();
    return tokenizer.encode(template.render(ChatInput.of(messages, List.of(), thinking))).length;
  }

  private void refuseUnsupported(LocalChatRequestParameters parameters) {
    if (parameters.modelName() != null && !parameters.modelName().equals(modelName)) {
      throw new UnsupportedFeatureException(
          "modelName '%s' is not supported: this local model is '%s'; load that one for it"
              .formatted(parameters.modelName(), modelName));
    }
    if (parameters.toolChoice() == ToolChoice.REQUIRED) {
      throw new UnsupportedFeatureException(
          "ToolChoice.REQUIRED is not supported: a local model cannot be made to call a tool; use"
              + " ToolChoice.AUTO");
    }
    ResponseFormat format = parameters.responseFormat();
    if (format != null && format.type() == ResponseFormatType.JSON) {
      throw new UnsupportedFeatureException(
          "JSON response format is not supported: a local model cannot be held to it; ask for it in"
              + " the prompt");
    }
    Integer most = parameters.maxOutputTokens();
    if (most != null && most < 1) {
      throw new IllegalArgumentException("maxOutputTokens: expected at least 1, found " + most);
    }
  }

  /**
   * Runs a request to its end.
   *
   * @param cancelled asked often
   * @throws ReplyCancelledException if it was cancelled, or its thread interrupted
   * @throws ModelException if the engine could not run it
   */
  ChatResponse run(Job job, ReplyListener listener, BooleanSupplier cancelled) {
    List<String> stops = job.parameters().stopSequences();
    ReplyReader reader =
        new ReplyReader(
            tokenizer.streamDecoder(),
            new StopSequences(stops == null ? List.of() : stops),
            parser(job),
            listener);
    Integer most = job.parameters().maxOutputTokens();
    int[] written = {0};
    Ending ending;
    try {
      ending =
          engine.generate(
              job.prompt(),
              job.sampling(),
              most == null ? Integer.MAX_VALUE : most,
              id -> {
                written[0]++;
                return reader.accept(id);
              },
              cancelled);
    } catch (CancellationException e) {
      throw new ReplyCancelledException(e, new TokenUsage(job.prompt().length, written[0]));
    } catch (OutOfMemoryError e) {
      throw new ModelException(
          "out of memory after a prompt of %d tokens: give Java a larger heap (-Xmx) or load the"
                  .formatted(job.prompt().length)
              + " model with a shorter context",
          e);
    }
    AiMessage message = reader.finish();
    return ChatResponse.builder()
        .id(UUID.randomUUID().toString())
        .modelName(modelName)
        .aiMessage(message)
        .tokenUsage(new TokenUsage(job.prompt().length, ending.generated()))
        .finishReason(reader.wentInCircles() ? FinishReason.OTHER : finishReason(ending, message))
        .build();
  }

  /** The families that this engine runs all write Hermes calls. */
  private static OutputParser parser(Job job) {
    HermesParser parser =
        HermesParser.forTools(
            job.tools().stream().map(ToolSpecification::name).collect(Collectors.toSet()));
    return job.startsInThinking() ? parser.startingInThinking() : parser;
  }

  private static FinishReason finishReason(Ending ending, AiMessage message) {
    if (ending.cause() == Ending.Cause.LENGTH) {
      return FinishReason.LENGTH;
    }
    return message.hasToolExecutionRequests() ? FinishReason.TOOL_EXECUTION : FinishReason.STOP;
  }
}
