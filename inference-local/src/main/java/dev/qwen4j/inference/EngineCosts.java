package dev.qwen4j.inference;

import dev.qwen4j.inference.internal.arch.ForwardPass;
import dev.qwen4j.inference.internal.arch.SequenceState;
import dev.qwen4j.inference.internal.engine.Ending;
import dev.qwen4j.inference.internal.engine.Engine;
import dev.qwen4j.inference.internal.engine.LoadedModel;
import dev.qwen4j.inference.internal.engine.Places;
import dev.qwen4j.inference.internal.engine.PromptCopies;
import dev.qwen4j.inference.internal.engine.TokenSink;
import dev.qwen4j.inference.internal.kernel.Candidates;
import dev.qwen4j.inference.internal.kernel.KernelChoice;
import dev.qwen4j.inference.internal.kernel.Kernels;
import dev.qwen4j.inference.internal.kernel.KvType;
import dev.qwen4j.inference.internal.kernel.MemoryRead;
import dev.qwen4j.inference.internal.kernel.TensorType;
import dev.qwen4j.inference.internal.sampling.SamplingOptions;
import dev.qwen4j.inference.internal.weights.Metadata;
import dev.qwen4j.inference.internal.weights.TensorInfo;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What an open model takes: the time to read and to write with the precision that chat has, the
 * bytes that a token has to bring in, and the memory's speed to hold them against. The ids are
 * those that bench/llama_cpp_bench.py gives llama.cpp. One thread at a time.
 */
final class EngineCosts implements AutoCloseable {
  /** Tokens of a first turn's reply, which the second turn's prompt does not repeat. */
  private static final int REPLY = 4;

  static final int MOST_REPLIES = 64;

  /** Of a measurement of memory: long enough for the clock, short beside a benchmark. */
  private static final int MEMORY_PASSES = 8;

  private final LoadedModel model;
  private final ForwardPass pass;
  private final KvType type;
  // One for all that is timed, so that their memory is a chat's and not the sum of many.
  private @Nullable SequenceState sequence;
  private int promptRead; // so many of its first tokens are those of the prompt
  private @Nullable Engine engine;
  private int turns;

  EngineCosts(LoadedModel model, KvType type) {
    this.model = model;
    this.pass = model.pass();
    this.type = type;
  }

  /** Reads {@code depth} tokens of context, unless they have been read. */
  SequenceState readTo(int depth) {
    checkContext(depth);
    SequenceState state = sequence;
    if (state == null) {
      state = pass.start(pass.contextLength(), type);
      sequence = state;
    }
    int kept = state.rewind(Math.min(depth, promptRead));
    if (kept < depth) {
      read(state, prompt(depth), kept, depth);
      state.checkpoint();
    }
    promptRead = depth;
    return state;
  }

  double prefillSeconds(int tokens, int depth) {
    checkContext(depth + tokens);
    int[] prompt = prompt(depth + tokens);
    SequenceState state = readTo(depth);
    float[] logits = new float[pass.vocabularySize()];
    long start = System.nanoTime();
    pass.logits(read(state, prompt, depth, depth + tokens), 1, greedy(), logits);
    double seconds = seconds(start);
    promptRead = depth + tokens;
    return seconds;
  }

  double decodeSeconds(int tokens, int depth) {
    checkContext(depth + tokens + 1);
    SequenceState state = readTo(depth);
    float[] logits = new float[pass.vocabularySize()];
    read(state, new int[] {id(1234)}, 0, 1);
    pass.logits(0, 1, greedy(), logits);
    long start = System.nanoTime();
    for (int i = 0; i < tokens; i++) {
      read(state, new int[] {id(200 + i * 31 % 20_000)}, 0, 1);
      pass.logits(0, 1, greedy(), logits);
    }
    return seconds(start);
  }

  /** The one logit that a greedy reply needs. */
  private Candidates greedy() {
    return new Candidates(1, pass.vocabularySize());
  }

  EngineProbe.SecondTurn secondTurn(int history, int fresh) {
    checkContext(history + Math.max(fresh, REPLY) + 1);
    sequence = null; // A chat has one; this one is the engine's.
    promptRead = 0;
    int[] first = prompt(history);
    int[] second = Arrays.copyOf(first, history + fresh);
    for (int i = 0; i < fresh; i++) {
      second[history + i] = id(300 + (turns * 7 + i) * 37 % 20_000);
    }
    turns++;
    Engine turnTaking = engine();
    turnTaking.generate(first, SamplingOptions.GREEDY, REPLY, id -> true, () -> false);
    long[] heard = new long[1];
    long start = System.nanoTime();
    Ending ending =
        turnTaking.generate(
            second,
            SamplingOptions.GREEDY,
            1,
            id -> {
              heard[0] = System.nanoTime();
              return false;
            },
            () -> false);
    return new EngineProbe.SecondTurn((heard[0] - start) / 1e9, ending.reused());
  }

  double repliesSeconds(int tokens, int replies) {
    checkContext(EngineProbe.PROMPT_OF_REPLY + tokens + 1);
    sequence = null; // These are the engine's.
    promptRead = 0;
    Engine writing = engine();
    CountDownLatch begun = new CountDownLatch(replies);
    List<Callable<Ending>> all = new ArrayList<>();
    for (int r = 0; r < replies; r++) {
      int[] ids = prompt(EngineProbe.PROMPT_OF_REPLY);
      ids[0] = id(r);
      all.add(
          () ->
              writing.generate(
                  ids, SamplingOptions.GREEDY, tokens + 1, begins(begun), () -> false));
    }
    try (ExecutorService threads = Executors.newFixedThreadPool(replies)) {
      List<Future<Ending>> ends = all.stream().map(threads::submit).toList();
      begun.await();
      long start = System.nanoTime();
      for (Future<Ending> end : ends) {
        end.get();
      }
      return seconds(start);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CancellationException("interrupted while replies were being written");
    } catch (ExecutionException e) {
      throw new IllegalStateException("a reply failed", e.getCause());
    }
  }

  /** Waits with the first token until all replies have theirs. */
  private static TokenSink begins(CountDownLatch begun) {
    return id -> {
      begun.countDown();
      try {
        begun.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt(); // which ends the reply
      }
      return true;
    };
  }

  private Engine engine() {
    Engine chat = engine;
    if (chat == null) {
      chat =
          new Engine(
              model,
              Set.of(),
              pass.vocabularySize(),
              new Engine.Context(pass.contextLength(), type),
              PromptCopies.none(),
              new Places(MOST_REPLIES, 0));
      chat.neverDraft(); // what steps cost, and not what this text repeats
      engine = chat;
    }
    return chat;
  }

  private int[] prompt(int tokens) {
    int[] ids = new int[tokens];
    for (int i = 0; i < tokens; i++) {
      ids[i] = id((int) (100 + i * 7919L % 20_000));
    }
    return ids;
  }

  private int id(int id) {
    return id % pass.vocabularySize();
  }

  private int read(SequenceState state, int[] ids, int from, int to) {
    return model.read(state, ids, from, to, () -> {});
  }

  private void checkContext(int positions) {
    if (positions > pass.contextLength()) {
      throw new IllegalArgumentException(
          "%d tokens, the model's context is %d".formatted(positions, pass.contextLength()));
    }
  }

  private static double seconds(long start) {
    return (System.nanoTime() - start) / 1e9;
  }

  EngineProbe.KernelsInUse kernels() {
    Kernels kernels = model.kernels();
    Map<TensorType, List<TensorInfo>> byType =
        multiplied()
            // Vectors are no matrices, and the taps of a convolution are not multiplied as one.
            .filter(tensor -> tensor.shape().size() > 1 && !tensor.name().contains("conv1d"))
            .collect(Collectors.groupingBy(TensorInfo::type));
    List<EngineProbe.WeightsInUse> weights =
        byType.entrySet().stream()
            .map(
                entry ->
                    new EngineProbe.WeightsInUse(
                        entry.getKey().name(),
                        entry.getValue().size(),
                        entry.getValue().stream().mapToLong(TensorInfo::bytes).sum(),
                        kernels.way(entry.getKey())))
            .sorted(Comparator.comparingLong(EngineProbe.WeightsInUse::bytes).reversed())
            .toList();
    return new EngineProbe.KernelsInUse(
        kernels.description(), kernels.vectorBits(), kernels.reason(), weights, unread());
  }

  long bytesPerToken(int depth) {
    return multiplied().mapToLong(this::bytesPerToken).sum()
        - unread()
        + depth * pass.stateBytesPerPosition(type);
  }

  private long unread() {
    TensorInfo output = model.output();
    return model.kernels().unread(output.type(), (long) pass.vocabularySize() * pass.width());
  }

  /** The tensors that every token goes through; of the embedding, it only takes a row. */
  private Stream<TensorInfo> multiplied() {
    boolean untied = model.file().tensor("output.weight").isPresent();
    return model.file().tensors().stream()
        .filter(tensor -> !(untied && tensor.name().equals("token_embd.weight")));
  }

  /** Of a tensor of experts, a token reads those of the few that it is sent to. */
  private long bytesPerToken(TensorInfo tensor) {
    long bytes = tensor.bytes();
    if (!tensor.name().contains("_exps.")) {
      return bytes;
    }
    Metadata metadata = model.file().metadata();
    String architecture = metadata.string("general.architecture");
    return bytes
        / metadata.integer(architecture + ".expert_count")
        * metadata.integer(architecture + ".expert_used_count");
  }

  static double[] memoryBytesPerSecond(int threads, int measurements) {
    if (!KernelChoice.hasVectors()) {
      return new double[0];
    }
    double[] rates = new double[measurements];
    try (MemoryRead memory = new MemoryRead(threads)) {
      for (int i = -1; i < measurements; i++) { // The first warms up.
        long start = System.nanoTime();
        for (int pass = 0; pass < MEMORY_PASSES; pass++) {
          memory.pass();
        }
        if (i >= 0) {
          rates[i] = MEMORY_PASSES * MemoryRead.BYTES / seconds(start);
        }
      }
    }
    return rates;
  }

  /** Closes the model. */
  @Override
  public void close() {
    if (engine != null) {
      engine.close();
    } else {
      model.close();
    }
  }
}
