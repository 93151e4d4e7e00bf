package dev.qwen4j.inference;

import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.output.Response;
import dev.langchain4j.model.output.TokenUsage;
import dev.langchain4j.model.scoring.ScoringModel;
import dev.qwen4j.inference.internal.engine.LoadedModel;
import dev.qwen4j.inference.internal.engine.PromptReader;
import dev.qwen4j.inference.internal.engine.Relevance;
import dev.qwen4j.inference.internal.template.RerankTemplate;
import dev.qwen4j.inference.internal.tokenizer.Tokenizer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/**
 * A Qwen3-Reranker checkpoint, open and running in this JVM, as LangChain4j's scoring model: how
 * relevant a document is to a query, from 0 to 1. Both forms of the GGUF files run: those that
 * answer with the word "yes" or "no", and those with a classifier ({@code cls.output}). What the
 * documents of one call have in common, the instruction and the query, is read once. Safe for many
 * threads, which take turns.
 *
 * <pre>{@code
 * try (LocalScoringModel model = LocalScoringModel.load(Path.of("Qwen3-Reranker-0.6B-Q8_0.gguf"))) {
 *   double score = model.score("A monad is a monoid …", "What is a monad?").content();
 * }
 * }</pre>
 */
public final class LocalScoringModel implements ScoringModel, AutoCloseable {
  private final PromptReader reader;
  private final Tokenizer tokenizer;
  private final Relevance relevance;
  private final RerankTemplate template;

  private LocalScoringModel(
      PromptReader reader, Tokenizer tokenizer, Relevance relevance, RerankTemplate template) {
    this.reader = reader;
    this.tokenizer = tokenizer;
    this.relevance = relevance;
    this.template = template;
  }

  public static LocalScoringModel load(Path file) {
    return load(file, LoadOptions.standard());
  }

  /**
   * Opens a checkpoint. Any chat model that this engine runs can be asked for a yes or no, though
   * only those trained for it answer reliably.
   *
   * @param options of which all but those for chat count
   * @throws BadCheckpointException if the file is missing, damaged, or of a kind that this engine
   *     does not run
   * @throws IllegalArgumentException if the context asked for is longer than the model's
   */
  public static LocalScoringModel load(Path file, LoadOptions options) {
    LoadedModel model = LoadedModel.open(file, options.opening());
    try {
      Tokenizer tokenizer = model.tokenizer();
      return new LocalScoringModel(
          new PromptReader(model, model.contextLength(options.contextLength())),
          tokenizer,
          Relevance.of(model, tokenizer),
          model
              .file()
              .metadata()
              .optionalString("tokenizer.chat_template.rerank")
              .map(RerankTemplate::new)
              .orElse(RerankTemplate.QWEN3));
    } catch (RuntimeException | Error e) {
      model.close();
      throw e;
    }
  }

  /** The same checkpoint with another task: one sentence, in English, that says what is wanted. */
  public LocalScoringModel withInstruction(String task) {
    return new LocalScoringModel(reader, tokenizer, relevance, template.withInstruction(task));
  }

  @Override
  public Response<List<Double>> scoreAll(List<TextSegment> segments, String query) {
    List<int[]> prompts =
        segments.stream()
            .map(segment -> tokenizer.encode(template.render(query, segment.text())))
            .toList();
    Double[] scores = new Double[prompts.size()];
    reader.readInTurn(prompts, (i, pass, row) -> scores[i] = relevance.at(pass, row));
    int tokens = prompts.stream().mapToInt(ids -> ids.length).sum();
    return Response.from(Arrays.asList(scores), new TokenUsage(tokens));
  }

  /** What the checkpoint calls itself, otherwise the file's name. */
  public String modelName() {
    return reader.model().name();
  }

  /** Ends a running request and frees the checkpoint, for all views of it. */
  @Override
  public void close() {
    reader.close();
  }
}
