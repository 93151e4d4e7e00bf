package dev.qwen4j.inference;

import dev.qwen4j.inference.internal.arch.ForwardPass;
import dev.qwen4j.inference.internal.arch.SequenceState;
import dev.qwen4j.inference.internal.engine.LoadedModel;
import dev.qwen4j.inference.internal.kernel.Dequantizer;
import dev.qwen4j.inference.internal.kernel.KernelChoice;
import dev.qwen4j.inference.internal.kernel.Kernels;
import dev.qwen4j.inference.internal.kernel.KvType;
import dev.qwen4j.inference.internal.kernel.TensorType;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/**
 * What the engine computes, number by number: for comparing it with other engines and for measuring
 * it. Chat goes through {@link LocalModel}. One thread at a time.
 *
 * <p>Numbers are computed with keys and values in float32, so that nothing is rounded which need
 * not be; times are measured with the precision that chat has.
 */
public final class EngineProbe implements AutoCloseable {
  /** Tokens of each prompt whose reply {@link #repliesSeconds} times. */
  public static final int PROMPT_OF_REPLY = 16;

  private static final int SCORED_TOGETHER = 16;

  private final LoadedModel model;
  private final ForwardPass pass;
  private final KvType timed;
  private final EngineCosts costs;
  private final double loadSeconds;

  /**
   * What the model makes of a prompt.
   *
   * @param first logits after the first id, [vocabulary]
   * @param last logits after the last id, [vocabulary]
   * @param greedy the most likely continuation, which stops at no marker
   * @param embedding the last id's hidden state after the final norm, scaled to length 1, [width]
   */
  @SuppressWarnings("ArrayRecordComponent") // numbers on their way to a file, compared by nobody
  public record Logits(float[] first, float[] last, int[] greedy, float[] embedding) {}

  /**
   * How well the model foresees a text.
   *
   * @param top1 the most likely next id after each id
   * @param nll −ln p of the id that follows, for each id but the last
   */
  @SuppressWarnings("ArrayRecordComponent") // numbers on their way to a file, compared by nobody
  public record Score(int[] top1, double[] nll) {}

  /**
   * A conversation's second turn.
   *
   * @param seconds to its first token
   * @param reused tokens of its prompt that did not have to be read again
   */
  public record SecondTurn(double seconds, int reused) {}

  /**
   * What multiplies the weights.
   *
   * @param description in a few words
   * @param vectorBits of the vectors it computes with; 0 for none
   * @param reason why it was chosen, and its vectors, in one line
   * @param weights of each type that generating reads, those with the most bytes first
   * @param unreadBytes of the output matrix, where a token is the most likely one: what its logit
   *     is found without
   */
  public record KernelsInUse(
      String description,
      int vectorBits,
      String reason,
      List<WeightsInUse> weights,
      long unreadBytes) {
    public KernelsInUse {
      weights = List.copyOf(weights);
    }
  }

  /**
   * The matrices of one type.
   *
   * @param type as ggml calls it
   * @param way how they are multiplied, in a few words
   */
  public record WeightsInUse(String type, int matrices, long bytes, String way) {}

  /** In which precision and in what batches a text is read. */
  public enum Way {
    /** Everything in float32: the numbers of the checkpoint, not of the fast path. */
    REFERENCE,
    /** As chat reads a prompt: many at once, keys and values as chat keeps them. */
    PROMPT,
    /** As chat writes a reply: one by one, with activations rounded where that is faster. */
    REPLY
  }

  private EngineProbe(LoadedModel model, KvType timed, double loadSeconds) {
    this.model = model;
    this.pass = model.pass();
    this.timed = timed;
    this.costs = new EngineCosts(model, timed);
    this.loadSeconds = loadSeconds;
  }

  /**
   * Opens a checkpoint as it is.
   *
   * @throws BadCheckpointException when the file is damaged or of a kind that this engine does not
   *     run
   */
  public static EngineProbe load(Path file, int threads) {
    return load(file, KernelChoice.create(threads));
  }

  static EngineProbe load(Path file, Kernels kernels) {
    long start = System.nanoTime();
    LoadedModel model = LoadedModel.open(file, kernels);
    return new EngineProbe(model, KvType.F16, seconds(start));
  }

  /**
   * Opens a checkpoint as chat would; of the options, those of threads, weights and the cache of
   * keys and values count, the last one for what is timed.
   *
   * @throws BadCheckpointException when the file is damaged or of a kind that this engine does not
   *     run
   */
  public static EngineProbe load(Path file, LoadOptions options) {
    long start = System.nanoTime();
    LoadedModel model = LoadedModel.open(file, options.opening());
    return new EngineProbe(model, options.kvType(), seconds(start));
  }

  /** How long opening the checkpoint took. */
  public double loadSeconds() {
    return loadSeconds;
  }

  /** The most tokens that the model can tell apart. */
  public int contextLength() {
    return pass.contextLength();
  }

  /** Which kernels run, and why. */
  public KernelsInUse kernels() {
    return costs.kernels();
  }

  /**
   * Bytes that generating the most likely token behind {@code depth} others reads: weights, keys,
   * values.
   */
  public long bytesPerToken(int depth) {
    return costs.bytesPerToken(depth);
  }

  /**
   * Logits and embedding of a prompt, and its greedy continuation by {@code greedy} ids, with
   * activations, keys and values in float32: the numbers of the checkpoint, not of the fast path.
   */
  public Logits logits(int[] ids, int greedy) {
    check(ids, 1);
    model.exact(true);
    try {
      return exactLogits(ids, greedy);
    } finally {
      model.exact(false);
    }
  }

  private Logits exactLogits(int[] ids, int greedy) {
    SequenceState state = start(ids.length + greedy, KvType.F32);
    float[] first = new float[pass.vocabularySize()];
    float[] last = new float[pass.vocabularySize()];
    float[] embedding = new float[pass.width()];
    int batch = Math.min(LoadedModel.BATCH, ids.length);
    int lastRow = read(state, ids, 0, batch);
    pass.logits(0, 1, first);
    if (batch < ids.length) {
      lastRow = read(state, ids, batch, ids.length);
    }
    pass.logits(lastRow, 1, last);
    pass.hidden(lastRow, embedding);
    scaleToLengthOne(embedding);
    return new Logits(first, last, continueGreedily(state, last, greedy), embedding);
  }

  /**
   * The float32 values of whole blocks of a GGUF tensor type.
   *
   * @param type as ggml calls it, such as {@code Q4_0}
   * @throws IllegalArgumentException if there is no such type, or the bytes are no whole blocks
   */
  public static float[] dequantize(String type, byte[] raw) {
    TensorType tensorType =
        Stream.of(TensorType.values())
            .filter(known -> known.name().equals(type))
            .findFirst()
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "type: expected one of %s, found %s"
                            .formatted(Arrays.toString(TensorType.values()), type)));
    if (raw.length % tensorType.blockBytes() != 0) {
      throw new IllegalArgumentException(
          "expected whole %s blocks of %d bytes, found %d bytes"
              .formatted(type, tensorType.blockBytes(), raw.length));
    }
    float[] values = new float[raw.length / tensorType.blockBytes() * tensorType.blockElements()];
    MemorySegment data = MemorySegment.ofArray(raw);
    Dequantizer.dequantize(tensorType, data, 0, values.length, values, 0);
    return values;
  }

  private int[] continueGreedily(SequenceState state, float[] last, int count) {
    int[] continuation = new int[count];
    float[] logits = last.clone();
    for (int i = 0; i < count; i++) {
      continuation[i] = largest(logits, 0, logits.length);
      if (i + 1 < count) {
        read(state, continuation, i, i + 1);
        pass.logits(0, 1, logits);
      }
    }
    return continuation;
  }

  /** How well the model foresees each id of a text, exactly computed. */
  public Score score(int[] ids) {
    return score(ids, Way.REFERENCE);
  }

  /** How well the model foresees each id of a text that it reads in some way. */
  public Score score(int[] ids, Way way) {
    check(ids, 1);
    return switch (way) {
      case REFERENCE -> {
        model.exact(true);
        try {
          yield score(ids, SCORED_TOGETHER, KvType.F32);
        } finally {
          model.exact(false);
        }
      }
      case PROMPT -> score(ids, LoadedModel.BATCH, timed);
      case REPLY -> score(ids, 1, timed);
    };
  }

  private Score score(int[] ids, int batch, KvType type) {
    SequenceState state = start(ids.length, type);
    int vocabulary = pass.vocabularySize();
    int[] top1 = new int[ids.length];
    double[] nll = new double[ids.length - 1];
    float[] logits = new float[SCORED_TOGETHER * vocabulary];
    for (int from = 0; from < ids.length; from += batch) {
      int end = Math.min(from + batch, ids.length);
      read(state, ids, from, end);
      for (int at = from; at < end; at += SCORED_TOGETHER) {
        int count = Math.min(SCORED_TOGETHER, end - at);
        pass.logits(at - from, count, logits);
        for (int t = 0; t < count; t++) {
          judge(logits, t * vocabulary, at + t, ids, new Score(top1, nll));
        }
      }
    }
    return new Score(top1, nll);
  }

  /** Notes what a row of logits says of what follows position {@code at}. */
  private void judge(float[] logits, int row, int at, int[] ids, Score score) {
    int vocabulary = pass.vocabularySize();
    score.top1[at] = largest(logits, row, vocabulary);
    if (at + 1 < ids.length) {
      score.nll[at] = surprise(logits, row, vocabulary, score.top1[at], ids[at + 1]);
    }
  }

  /**
   * Seconds to read a prompt of {@code tokens} behind {@code depth} tokens of context, up to its
   * last logits.
   */
  public double prefillSeconds(int tokens, int depth) {
    return costs.prefillSeconds(tokens, depth);
  }

  /** Seconds to generate {@code tokens}, one at a time, after {@code depth} tokens of context. */
  public double decodeSeconds(int tokens, int depth) {
    return costs.decodeSeconds(tokens, depth);
  }

  /** Reads {@code depth} tokens of context, which the times behind them would otherwise do. */
  public void readTo(int depth) {
    costs.readTo(depth);
  }

  /**
   * A turn of a conversation, and a second one that goes on with it, as chat takes them: only what
   * is new has to be read.
   *
   * @param history tokens of the first turn's prompt, which begins the second one's
   * @param fresh tokens that the second one adds
   */
  public SecondTurn secondTurn(int history, int fresh) {
    return costs.secondTurn(history, fresh);
  }

  /**
   * Seconds in which so many replies are written side by side, each of {@code tokens} after its
   * first one.
   *
   * @param replies 1 to 64
   */
  public double repliesSeconds(int tokens, int replies) {
    if (replies < 1 || replies > EngineCosts.MOST_REPLIES) {
      throw new IllegalArgumentException(
          "replies: expected 1 to %d, found %d".formatted(EngineCosts.MOST_REPLIES, replies));
    }
    return costs.repliesSeconds(tokens, replies);
  }

  /**
   * Bytes of memory a second that a plain read by so many threads reaches, measured a few times;
   * none where there are no vectors to read with. Takes a quarter of a gigabyte for as long, so it
   * is asked for when no model is open.
   */
  public static double[] memoryBytesPerSecond(int threads, int measurements) {
    return EngineCosts.memoryBytesPerSecond(threads, measurements);
  }

  private int read(SequenceState state, int[] ids, int from, int to) {
    return model.read(state, ids, from, to, () -> {});
  }

  private SequenceState start(int positions, KvType type) {
    checkContext(positions);
    return pass.start(positions, type);
  }

  private void checkContext(int positions) {
    if (positions > pass.contextLength()) {
      throw new IllegalArgumentException(
          "%d tokens, the model's context is %d".formatted(positions, pass.contextLength()));
    }
  }

  private void check(int[] ids, int least) {
    if (ids.length < least) {
      throw new IllegalArgumentException("expected at least %d token ids".formatted(least));
    }
    for (int id : ids) {
      if (id < 0 || id >= pass.vocabularySize()) {
        throw new IllegalArgumentException(
            "token id %d, expected 0 to %d".formatted(id, pass.vocabularySize() - 1));
      }
    }
  }

  private static int largest(float[] values, int from, int count) {
    int best = 0;
    for (int i = 1; i < count; i++) {
      if (values[from + i] > values[from + best]) {
        best = i;
      }
    }
    return best;
  }

  /** −ln softmax(logits)[id]. */
  private static double surprise(float[] logits, int from, int count, int largest, int id) {
    double max = logits[from + largest];
    double sum = 0;
    for (int i = 0; i < count; i++) {
      sum += Math.exp(logits[from + i] - max);
    }
    return max + Math.log(sum) - logits[from + id];
  }

  private static void scaleToLengthOne(float[] vector) {
    double sum = 0;
    for (float value : vector) {
      sum += (double) value * value;
    }
    float scale = (float) (1 / Math.sqrt(sum));
    for (int i = 0; i < vector.length; i++) {
      vector[i] *= scale;
    }
  }

  private static double seconds(long start) {
    return (System.nanoTime() - start) / 1e9;
  }

  @Override
  public void close() {
    costs.close();
  }
}
