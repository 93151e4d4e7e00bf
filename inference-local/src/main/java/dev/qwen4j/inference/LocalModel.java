package dev.qwen4j.inference;

import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.model.TokenCountEstimator;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.qwen4j.inference.internal.engine.Checkpoints;
import dev.qwen4j.inference.internal.engine.Engine;
import dev.qwen4j.inference.internal.engine.LoadedModel;
import dev.qwen4j.inference.internal.engine.VocabularyReader;
import dev.qwen4j.inference.internal.kernel.KvType;
import dev.qwen4j.inference.internal.template.ChatTemplate;
import dev.qwen4j.inference.internal.tokenizer.Tokenizer;
import dev.qwen4j.inference.internal.weights.Checkpoint;
import dev.qwen4j.inference.internal.weights.Metadata;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A Qwen checkpoint, open and running in this JVM, as LangChain4j's two chat models. Safe for many
 * threads: their requests take turns. The weights stay in the mapped file; memory beyond it goes to
 * the conversation's keys and values, as it grows.
 *
 * <pre>{@code
 * try (LocalModel qwen = LocalModel.load(Path.of("Qwen3-4B-Q4_K_M.gguf"))) {
 *   System.out.println(qwen.chatModel().chat("What is a monad?"));
 * }
 * }</pre>
 */
public final class LocalModel implements AutoCloseable {
  /** The shortest context worth having, whatever the heap. */
  private static final int LEAST_AUTOMATIC_CONTEXT = 4096;

  private static final Logger LOG = LoggerFactory.getLogger(LocalModel.class);

  private final String name;
  private final String description;
  private final int contextLength;
  private final Engine engine;
  private final LocalChat chat;
  private final List<String> warnings;

  private LocalModel(
      String name,
      String description,
      int contextLength,
      Engine engine,
      LocalChat chat,
      List<String> warnings) {
    this.name = name;
    this.description = description;
    this.contextLength = contextLength;
    this.engine = engine;
    this.chat = chat;
    this.warnings = List.copyOf(warnings);
  }

  public static LocalModel load(Path file) {
    return load(file, LoadOptions.standard());
  }

  /**
   * Opens a checkpoint.
   *
   * @param file a GGUF file, a folder of a HuggingFace repository, or one with a GGUF file in it
   * @throws BadCheckpointException if the file is missing, damaged, or of a kind that this engine
   *     does not run
   * @throws IllegalArgumentException if the context asked for is longer than the model's, or a
   *     default parameter out of its range
   * @throws UnsupportedFeatureException if a default parameter asks for what it cannot do
   */
  public static LocalModel load(Path file, LoadOptions options) {
    LoadedModel model = LoadedModel.open(file, options.opening());
    try {
      return over(model, options);
    } catch (RuntimeException | Error e) {
      model.close();
      throw e;
    }
  }

  private static LocalModel over(LoadedModel model, LoadOptions options) {
    Checkpoint file = model.file();
    Metadata metadata = file.metadata();
    Tokenizer tokenizer = model.tokenizer();
    ChatTemplate template = template(metadata);
    KvType kvType = options.kvType();
    int context = contextLength(model, options.contextLength(), kvType);
    String name = model.name();
    Engine engine =
        new Engine(
            model,
            VocabularyReader.stopIds(file, tokenizer),
            tokenizer.size(),
            new Engine.Context(context, kvType),
            Checkpoints.promptCopies(file, options.opening()),
            options.places());
    LocalChat chat =
        new LocalChat(
            name,
            engine,
            tokenizer,
            template,
            new SamplingDefaults(metadata, template.family()),
            options);
    chat.checkDefaults();
    String description =
        "%s (%s, %.1f GB, context %d in %s, %s template, %s)"
            .formatted(
                name,
                metadata.string("general.architecture"),
                file.byteSize() / 1e9,
                context,
                kvType,
                template.family(),
                model.kernels().description());
    List<String> warnings = new ArrayList<>();
    if (!template.recognised()) {
      warnings.add(name + ": " + template.description());
    }
    options
        .opening()
        .needless(file)
        .ifPresent(
            type ->
                warnings.add(
                    "%s: no weights to quantise, none has more bits than %s; loaded as it is"
                        .formatted(name, type)));
    warnings.forEach(LOG::warn);
    return new LocalModel(name, description, context, engine, chat, warnings);
  }

  /** The template in the file; where there is none, the one its architecture was trained on. */
  static ChatTemplate template(Metadata metadata) {
    return metadata
        .optionalString("tokenizer.chat_template")
        .map(source -> ChatTemplate.forSource(source, () -> markers(metadata)))
        .orElseGet(
            () -> {
              String architecture =
                  metadata
                      .optionalString("general.architecture")
                      .orElse("")
                      .toLowerCase(Locale.ROOT);
              return ChatTemplate.forFamily(architecture.startsWith("qwen2") ? "qwen2.5" : "qwen3");
            });
  }

  /** The markers that a template may name, by the names that transformers gives them. */
  private static Map<String, String> markers(Metadata metadata) {
    Map<String, String> markers = new HashMap<>();
    List<String> tokens =
        metadata.has("tokenizer.ggml.tokens")
            ? metadata.strings("tokenizer.ggml.tokens")
            : List.of();
    for (String name : List.of("bos", "eos", "pad")) {
      String key = "tokenizer.ggml.%s_token_id".formatted(name.equals("pad") ? "padding" : name);
      int id = metadata.optionalInteger(key).orElse(-1);
      markers.put(name + "_token", id >= 0 && id < tokens.size() ? tokens.get(id) : "");
    }
    return markers;
  }

  private static int contextLength(LoadedModel model, int wanted, KvType type) {
    int most = model.contextLength(wanted);
    if (wanted > 0) {
      return most;
    }
    long perPosition = Math.max(1, model.pass().stateBytesPerPosition(type));
    long affordable = Runtime.getRuntime().maxMemory() / 2 / perPosition;
    return (int) Math.min(most, Math.max(LEAST_AUTOMATIC_CONTEXT, affordable));
  }

  /** Answers with whole replies. */
  public ChatModel chatModel() {
    return new LocalChatModel(chat);
  }

  /**
   * Answers piece by piece. A call blocks until its reply has ended and calls the handler from its
   * own thread; interrupting that thread, or cancelling the handle that comes with each piece, ends
   * it with a {@link java.util.concurrent.CancellationException}.
   */
  public StreamingChatModel streamingChatModel() {
    return new LocalStreamingChatModel(chat);
  }

  /** Counts tokens as this model does: conversations as its template writes them, without tools. */
  public TokenCountEstimator tokenCountEstimator() {
    return new LocalTokenCount(chat);
  }

  /** What the checkpoint calls itself, otherwise the file's name. */
  public String name() {
    return name;
  }

  /** The most tokens of prompt and reply together. */
  public int contextLength() {
    return contextLength;
  }

  /** What the user should know, one line each: such as a chat template that no one knows. */
  public List<String> warnings() {
    return warnings;
  }

  /** One line: what runs here and how. */
  public String description() {
    return description;
  }

  /**
   * When closed, keeps what it remembers of the last conversation in a file of its own ({@code
   * prompts} beside {@link LoadOptions#quantizedFolder}, unless {@link LoadOptions#packedCopies} is
   * off): another process that goes on with it only reads what is new. Such a file has all that was
   * said in it, as token ids and numbers; a gigabyte at most, and all together two.
   */
  public void keepConversation() {
    engine.keepConversation();
  }

  /** Ends a running reply and frees the model. */
  @Override
  public void close() {
    engine.close();
  }
}
