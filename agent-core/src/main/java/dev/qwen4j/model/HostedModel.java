package dev.qwen4j.model;

import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.openai.OpenAiStreamingChatModel;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A Qwen that is reached over HTTP: on DashScope, or on any server that speaks the OpenAI chat
 * protocol (vLLM, SGLang, llama.cpp …). Immutable and thread-safe; its models share one connection
 * pool, which {@link #close()} empties.
 *
 * <p>A call blocks its thread and ends soon after that thread is interrupted. Failures are {@link
 * ModelException}s. Connect failures and the statuses 408, 429 and 5xx are tried again before
 * anything of the answer has been delivered, never after; every wait is told to the {@link
 * RetryListener}, by default to the log.
 *
 * <pre>{@code
 * HostedModel qwen = HostedModel.dashScope("qwen-plus");
 * String answer = qwen.chatModel().chat("Why is the sky blue?");
 * }</pre>
 */
public final class HostedModel implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(HostedModel.class);

  private final EndpointKind kind;
  private final URI baseUrl;
  private final String modelName;
  private final ApiKey key;
  private final OkHttpModelClient client;
  private final HostedStreamingModel streaming;

  private HostedModel(Builder settings) {
    this.modelName = require(settings.modelName, "modelName");
    this.baseUrl =
        EndpointAddress.parse(
            settings.baseUrl != null
                ? settings.baseUrl
                : Optional.ofNullable(settings.kind).flatMap(EndpointKind::baseUrl).orElse(null));
    this.kind = settings.kind == null ? EndpointKind.at(baseUrl) : settings.kind;
    this.key = settings.key(kind, baseUrl);
    List<String> secrets = new ArrayList<>();
    if (key.value() != null) {
      secrets.add(key.value());
    }
    // A short header value ("1", "true") is no secret, and would be replaced all over a message.
    settings.headers.values().stream().filter(value -> value.length() >= 8).forEach(secrets::add);
    this.client =
        new OkHttpModelClient(
            settings.timeouts,
            settings.retries,
            settings.retryListener,
            new EndpointFailures(baseUrl, modelName, key, secrets));
    boolean enforces =
        settings.enforcesSchemas == null ? kind.enforcesSchemas() : settings.enforcesSchemas;
    this.streaming = new HostedStreamingModel(openAi(settings), enforces);
  }

  private OpenAiStreamingChatModel openAi(Builder settings) {
    Map<String, String> headers = new LinkedHashMap<>();
    headers.put("User-Agent", "qwen4j");
    headers.putAll(settings.options.headers());
    headers.putAll(settings.headers);
    Map<String, Object> parameters = new LinkedHashMap<>(settings.options.parameters(kind));
    parameters.putAll(settings.parameters);
    var shape = new RequestBody(kind, settings.options.cacheControl);
    var builder =
        OpenAiStreamingChatModel.builder()
            .httpClientBuilder(new ShapedRequests(client, shape))
            .baseUrl(baseUrl.toString())
            .modelName(modelName)
            .customHeaders(headers)
            .returnThinking(true)
            // Qwen's templates keep the thinking of the turn in progress and drop the rest.
            .sendThinking(true, "reasoning_content");
    if (key.value() != null) {
      builder.apiKey(key.value());
    }
    if (!parameters.isEmpty()) {
      builder.customParameters(parameters);
    }
    return builder.build();
  }

  /**
   * A model on DashScope's international site, with the key from {@code DASHSCOPE_API_KEY}.
   *
   * @throws IllegalArgumentException if that variable is not set
   */
  public static HostedModel dashScope(String modelName) {
    return builder().endpoint(EndpointKind.DASH_SCOPE).modelName(modelName).build();
  }

  /**
   * A model on one of the known servers, at its usual address, with the key from its usual
   * variable.
   *
   * <pre>{@code
   * HostedModel.on(EndpointKind.OLLAMA, "qwen3:8b")
   * HostedModel.on(EndpointKind.VLLM, "Qwen/Qwen3-8B")
   * HostedModel.on(EndpointKind.DASH_SCOPE_CHINA, "qwen-plus")
   * }</pre>
   *
   * @throws IllegalArgumentException if the key is missing and the server is not this machine's, or
   *     the kind has no usual address
   */
  public static HostedModel on(EndpointKind kind, String modelName) {
    return builder().endpoint(kind).modelName(modelName).build();
  }

  /**
   * A model on any OpenAI-compatible server, with the key from {@code OPENAI_API_KEY} ({@code
   * DASHSCOPE_API_KEY} on DashScope's hosts), which may be absent on a loopback address.
   *
   * @param baseUrl up to and with the version, as in {@code http://localhost:8000/v1}
   * @throws IllegalArgumentException if the address is not usable or the key is missing
   */
  public static HostedModel openAiCompatible(String baseUrl, String modelName) {
    return builder().baseUrl(baseUrl).modelName(modelName).build();
  }

  public static Builder builder() {
    return new Builder();
  }

  public StreamingChatModel streamingChatModel() {
    return streaming;
  }

  /** The same model behind LangChain4j's blocking interface; it streams underneath. */
  public ChatModel chatModel() {
    return new HostedChatModel(streaming);
  }

  public String modelName() {
    return modelName;
  }

  public URI baseUrl() {
    return baseUrl;
  }

  /** Ends the calls that run and closes idle connections. */
  @Override
  public void close() {
    client.close();
  }

  /** Name, address and where the key came from; never the key. */
  @Override
  public String toString() {
    return "HostedModel[" + modelName + " at " + baseUrl + ", " + kind + ", key " + key + "]";
  }

  /** Connections that exist, for tests that look for leaks. */
  int connections() {
    return client.connections();
  }

  private static String require(@Nullable String value, String name) {
    if (value == null || value.isBlank()) {
      throw new IllegalArgumentException(name + " is missing");
    }
    return value;
  }

  /** Settings of a {@link HostedModel}; all but the model's name have defaults. */
  public static final class Builder {
    private @Nullable EndpointKind kind;
    private @Nullable String baseUrl;
    private @Nullable String modelName;
    private @Nullable ApiKey givenKey;
    private @Nullable String keyVariable;
    private final QwenOptions options = new QwenOptions();
    private @Nullable Boolean enforcesSchemas;
    private Timeouts timeouts = Timeouts.DEFAULT;
    private RetryPolicy retries = RetryPolicy.DEFAULT;
    private RetryListener retryListener =
        retry ->
            LOG.warn(
                "Waiting {} before trying again: {}", retry.delay(), retry.reason().getMessage());
    private UnaryOperator<@Nullable String> environment = System::getenv;
    private final Map<String, String> headers = new LinkedHashMap<>();
    private final Map<String, Object> parameters = new LinkedHashMap<>();

    private Builder() {}

    /** Which server it is; by default told from the address. */
    public Builder endpoint(EndpointKind endpointKind) {
      this.kind = endpointKind;
      return this;
    }

    /** Where the API begins, up to and with the version; {@link EndpointKind} may know it. */
    public Builder baseUrl(String url) {
      this.baseUrl = url;
      return this;
    }

    public Builder modelName(String name) {
      this.modelName = name;
      return this;
    }

    public Builder apiKey(String apiKey) {
      this.givenKey = ApiKey.given(apiKey);
      return this;
    }

    /** Reads the key when the model is built. */
    public Builder apiKeyFromEnvironment(String variable) {
      this.givenKey = null;
      this.keyVariable = variable;
      return this;
    }

    /** Sends no key, as for an open server in the local network. */
    public Builder withoutApiKey() {
      this.givenKey = new ApiKey(null, null);
      return this;
    }

    /** Turns the thinking of a hybrid model on or off; unset leaves it to the server. */
    public Builder thinking(boolean on) {
      options.thinking = on;
      return this;
    }

    /** How many tokens the model may think; on DashScope, ModelScope and OpenRouter. */
    public Builder thinkingBudget(int tokens) {
      options.thinkingBudget = tokens;
      return this;
    }

    /**
     * Keeps the thinking of earlier turns in the prompt, for models that want it; on DashScope, and
     * where the chat template has it.
     */
    public Builder preserveThinking(boolean on) {
      options.preserveThinking = on;
      return this;
    }

    /** Lets DashScope search the web before the model answers. */
    public Builder search(boolean on) {
      options.search = on;
      return this;
    }

    /** Lets DashScope's vision models see images in four times the detail. */
    public Builder highResolutionImages(boolean on) {
      options.highResolutionImages = on;
      return this;
    }

    /**
     * Has DashScope keep the prompt in its cache, up to the end of the instructions and of the
     * conversation so far, which makes both cheaper to send again.
     */
    public Builder cacheControl() {
      options.cacheControl = true;
      return this;
    }

    /** An argument of the model's chat template ({@code chat_template_kwargs}): vLLM, SGLang … */
    public Builder templateArgument(String name, Object value) {
      options.templateArguments.put(name, value);
      return this;
    }

    /**
     * Whether the server holds the model to a JSON schema that it is sent; by default told from the
     * kind of server. Where it does not, schemas are only told to the model in words.
     */
    public Builder enforcesSchemas(boolean does) {
      this.enforcesSchemas = does;
      return this;
    }

    /** For name lookup, TCP and TLS together; 10 s by default. */
    public Builder connectTimeout(Duration timeout) {
      this.timeouts = new Timeouts(timeout, timeouts.firstByte(), timeouts.idle());
      return this;
    }

    /** How long the server may read the prompt before its answer begins; 120 s by default. */
    public Builder firstByteTimeout(Duration timeout) {
      this.timeouts = new Timeouts(timeouts.connect(), timeout, timeouts.idle());
      return this;
    }

    /** How long a stream may pause; 120 s by default. */
    public Builder idleTimeout(Duration timeout) {
      this.timeouts = new Timeouts(timeouts.connect(), timeouts.firstByte(), timeout);
      return this;
    }

    /** 3 by default. */
    public Builder maxRetries(int count) {
      this.retries = new RetryPolicy(count, retries.firstWait(), retries.longestWait());
      return this;
    }

    /**
     * 500 ms, doubling up to 60 s by default. A server that asks for a longer wait than that is not
     * asked again.
     */
    public Builder retryWaits(Duration first, Duration longest) {
      this.retries = new RetryPolicy(retries.maxRetries(), first, longest);
      return this;
    }

    public Builder retryListener(RetryListener listener) {
      this.retryListener = listener;
      return this;
    }

    /** A header for every request; its value is kept out of messages as a key is. */
    public Builder header(String name, String value) {
      headers.put(name, value);
      return this;
    }

    /**
     * A field for every request that LangChain4j has no setter for, as {@code parameter("seed",
     * 42)}. The value is anything that JSON can say: text, a number, a boolean, a list or a map.
     */
    public Builder parameter(String name, Object value) {
      parameters.put(name, value);
      return this;
    }

    /** Where variables are read from, for tests. */
    Builder environment(UnaryOperator<@Nullable String> variables) {
      this.environment = variables;
      return this;
    }

    /**
     * Checks the settings and makes the model; nothing is sent yet.
     *
     * @throws IllegalArgumentException if the name or the address is missing or unusable, or the
     *     key is missing for an address that is not loopback
     */
    public HostedModel build() {
      return new HostedModel(this);
    }

    private ApiKey key(EndpointKind of, URI at) {
      if (givenKey != null) {
        return givenKey;
      }
      String variable = keyVariable == null ? of.keyVariable() : keyVariable;
      return ApiKey.fromEnvironment(variable, at, environment);
    }
  }
}
