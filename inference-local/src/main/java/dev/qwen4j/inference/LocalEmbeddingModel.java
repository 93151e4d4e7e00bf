package dev.qwen4j.inference;

import dev.langchain4j.data.embedding.Embedding;
import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.embedding.listener.EmbeddingModelListener;
import dev.langchain4j.model.embedding.request.EmbeddingInput;
import dev.langchain4j.model.embedding.request.EmbeddingInputType;
import dev.langchain4j.model.embedding.request.EmbeddingParameter;
import dev.langchain4j.model.embedding.request.EmbeddingRequest;
import dev.langchain4j.model.embedding.request.EmbeddingRequestParameters;
import dev.langchain4j.model.embedding.response.EmbeddingResponse;
import dev.langchain4j.model.embedding.response.EmbeddingResponseMetadata;
import dev.langchain4j.model.output.TokenUsage;
import dev.qwen4j.inference.internal.arch.ForwardPass;
import dev.qwen4j.inference.internal.engine.LoadedModel;
import dev.qwen4j.inference.internal.engine.Pooling;
import dev.qwen4j.inference.internal.engine.PromptReader;
import dev.qwen4j.inference.internal.engine.VocabularyReader;
import dev.qwen4j.inference.internal.tokenizer.Tokenizer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;

/**
 * A Qwen3-Embedding checkpoint, open and running in this JVM, as LangChain4j's embedding model. A
 * text's embedding is the hidden state of the end-of-text token behind it, scaled to length 1.
 * (Qwen3 Embedding 2025 §2.) Texts of one call are read side by side. Safe for many threads, which
 * take turns.
 *
 * <p>Documents are read as they are; queries get an instruction in front. Embed queries with {@link
 * EmbeddingInputType#QUERY}, or through {@link #forQueries()} where the caller has no input type to
 * give.
 *
 * <pre>{@code
 * try (LocalEmbeddingModel model = LocalEmbeddingModel.load(Path.of("Qwen3-Embedding-0.6B-Q8_0.gguf"))) {
 *   Embedding query = model.forQueries().embed("What is a monad?").content();
 *   Embedding document = model.embed("A monad is a monoid in the category of endofunctors.").content();
 * }
 * }</pre>
 */
public final class LocalEmbeddingModel implements EmbeddingModel, AutoCloseable {
  private static final String SEARCH =
      "Given a web search query, retrieve relevant passages that answer the query";

  private final PromptReader reader;
  private final Tokenizer tokenizer;
  private final OptionalInt end;
  private final Settings settings;

  /** What views of the same checkpoint differ in. */
  private record Settings(
      String instruction,
      EmbeddingRequestParameters parameters,
      List<EmbeddingModelListener> listeners) {}

  private LocalEmbeddingModel(
      PromptReader reader, Tokenizer tokenizer, OptionalInt end, Settings settings) {
    this.reader = reader;
    this.tokenizer = tokenizer;
    this.end = end;
    this.settings = settings;
  }

  public static LocalEmbeddingModel load(Path file) {
    return load(file, LoadOptions.standard());
  }

  /**
   * Opens a checkpoint. Any that this engine runs will do, though only those trained for it give
   * useful embeddings.
   *
   * @param options of which all but those for chat count
   * @throws BadCheckpointException if the file is missing, damaged, or of a kind that this engine
   *     does not run
   * @throws IllegalArgumentException if the context asked for is longer than the model's
   */
  public static LocalEmbeddingModel load(Path file, LoadOptions options) {
    LoadedModel model = LoadedModel.open(file, options.opening());
    try {
      Pooling pooling = Pooling.of(model.file());
      if (pooling != Pooling.NONE && pooling != Pooling.LAST) {
        throw new BadCheckpointException(
            "%s: embeddings by %s pooling, this engine takes the last token; %s"
                .formatted(
                    file,
                    pooling,
                    pooling == Pooling.RANK
                        ? "the file is a reranker, open it with LocalScoringModel"
                        : "take a Qwen3-Embedding"));
      }
      Tokenizer tokenizer = model.tokenizer();
      return new LocalEmbeddingModel(
          new PromptReader(model, model.contextLength(options.contextLength())),
          tokenizer,
          VocabularyReader.endOfEmbedded(model.file(), tokenizer),
          new Settings(SEARCH, EmbeddingRequestParameters.EMPTY, List.of()));
    } catch (RuntimeException | Error e) {
      model.close();
      throw e;
    }
  }

  /** The same checkpoint with another task in front of queries: one sentence, in English. */
  public LocalEmbeddingModel withInstruction(String task) {
    return with(new Settings(task, settings.parameters(), settings.listeners()));
  }

  /**
   * The same checkpoint with shorter embeddings: their first {@code dimensions} numbers, scaled to
   * length 1 again, which models trained for it (Matryoshka) lose little by.
   *
   * @throws IllegalArgumentException if the model has fewer
   */
  public LocalEmbeddingModel withDimensions(int dimensions) {
    checkDimensions(dimensions);
    return withParameters(EmbeddingRequestParameters.builder().dimensions(dimensions).build());
  }

  /** The same checkpoint taking every text for a query that is not said to be a document. */
  public LocalEmbeddingModel forQueries() {
    return withParameters(
        EmbeddingRequestParameters.builder().inputType(EmbeddingInputType.QUERY).build());
  }

  /** The same checkpoint with LangChain4j listeners of every request. */
  public LocalEmbeddingModel withListeners(List<EmbeddingModelListener> listeners) {
    return with(
        new Settings(settings.instruction(), settings.parameters(), List.copyOf(listeners)));
  }

  private LocalEmbeddingModel withParameters(EmbeddingRequestParameters more) {
    return with(
        new Settings(
            settings.instruction(),
            settings.parameters().overrideWith(more),
            settings.listeners()));
  }

  private LocalEmbeddingModel with(Settings other) {
    return new LocalEmbeddingModel(reader, tokenizer, end, other);
  }

  @Override
  public EmbeddingResponse doEmbed(EmbeddingRequest request) {
    EmbeddingRequestParameters parameters = request.parameters();
    int dimensions = parameters.dimensions() == null ? width() : parameters.dimensions();
    checkDimensions(dimensions);
    boolean query = parameters.inputType() == EmbeddingInputType.QUERY;
    List<int[]> prompts = request.inputs().stream().map(input -> prompt(input, query)).toList();
    Embedding[] embeddings = new Embedding[prompts.size()];
    reader.readTogether(
        prompts, (i, pass, row) -> embeddings[i] = embedding(pass, row, dimensions));
    int tokens = prompts.stream().mapToInt(ids -> ids.length).sum();
    return EmbeddingResponse.builder()
        .embeddings(List.of(embeddings))
        .metadata(
            EmbeddingResponseMetadata.builder()
                .modelName(modelName())
                .tokenUsage(new TokenUsage(tokens))
                .build())
        .build();
  }

  private int[] prompt(EmbeddingInput input, boolean query) {
    String text = input.text();
    int[] ids =
        tokenizer.encode(query ? "Instruct: " + settings.instruction() + "\nQuery:" + text : text);
    if (end.isEmpty()) {
      return ids;
    }
    int[] ended = Arrays.copyOf(ids, ids.length + 1);
    ended[ids.length] = end.getAsInt();
    return ended;
  }

  private static Embedding embedding(ForwardPass pass, int row, int dimensions) {
    float[] hidden = new float[pass.width()];
    pass.hidden(row, hidden);
    Embedding embedding = Embedding.from(Arrays.copyOf(hidden, dimensions));
    embedding.normalize();
    return embedding;
  }

  private void checkDimensions(int dimensions) {
    if (dimensions < 1 || dimensions > width()) {
      throw new IllegalArgumentException(
          "dimensions: expected 1 to %d, found %d".formatted(width(), dimensions));
    }
  }

  private int width() {
    return reader.model().pass().width();
  }

  @Override
  public EmbeddingRequestParameters defaultRequestParameters() {
    return settings.parameters();
  }

  @Override
  public Set<EmbeddingParameter<?>> supportedParameters() {
    return Set.of(EmbeddingRequestParameters.DIMENSIONS, EmbeddingRequestParameters.INPUT_TYPE);
  }

  @Override
  public List<EmbeddingModelListener> listeners() {
    return settings.listeners();
  }

  @Override
  public int dimension() {
    Integer chosen = settings.parameters().dimensions();
    return chosen == null ? width() : chosen;
  }

  /** What the checkpoint calls itself, otherwise the file's name. */
  @Override
  public String modelName() {
    return reader.model().name();
  }

  /** Ends a running request and frees the checkpoint, for all views of it. */
  @Override
  public void close() {
    reader.close();
  }
}
