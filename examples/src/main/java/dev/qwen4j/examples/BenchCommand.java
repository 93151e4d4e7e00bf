package dev.qwen4j.examples;

import dev.qwen4j.inference.BadCheckpointException;
import dev.qwen4j.inference.CheckpointInfo;
import dev.qwen4j.inference.CheckpointInfo.Verdict;
import dev.qwen4j.inference.EngineProbe;
import dev.qwen4j.inference.LoadOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/**
 * {@code qwen4j bench}: how fast this machine runs models, and on which kernels. Measures what
 * llama-bench measures, so that the two can be compared: a prompt at once, then single tokens,
 * behind {@code --depth} tokens of context.
 */
@Command(
    name = "bench",
    description = {
      "Measures how fast local models read a prompt and generate, and says on which kernels.",
      "",
      "Each figure is a median, with the least and the largest: prompts (pp) and generation (tg)",
      "in tokens per second behind some context, with what generation reads of weights, keys and",
      "values as a share of the speed of this machine's memory; seconds to the first token of a",
      "prompt of 20 tokens, cold (the first in this process) and warm; load; peak memory.",
      ""
    },
    footer = {
      "",
      "With --json, a line for each model:",
      "  model, load_s, peak_rss_mb (resident, mapped files included, before the second turn)",
      "  kernels        {description, vector_bits, threads, why, unread_mb, weights: {TYPE:",
      "                 {matrices, mb, way}}}: what each type of weights of this file runs on, and",
      "                 what of the output matrix a greedy token is found without",
      "  first_token    {prompt, cold_s, warm_s: {…}}: seconds from 20 tokens to the next",
      "  pp512          {median, min, max}: tokens/s of a prompt; pp512@1024 behind 1,024 others",
      "  tg64@0         {median, min, max, read_gb_s, of_memory}: tokens/s of generation behind 0",
      "                 others, what it reads, and that as a share of memory_gb_s",
      "  tg64x4         {median, min, max}: with --replies 4; tokens/s of all of them together",
      "  second_turn    {history, new, reused, seconds: {…}}: with --history; seconds to the first",
      "                 token of a prompt that goes on with a conversation",
      "  memory_gb_s    {median, min, max}: a plain read of memory by as many threads, at the end",
      "  read_gb_s      that of the first tg",
      "null is what was not measured; cold_s is the first model's.",
      "",
      "Examples:",
      "  qwen4j bench model.gguf",
      "  qwen4j bench small.gguf large.gguf --depth 0,4096 --threads 4 --repeats 3 --json",
      "  qwen4j bench -m model.gguf --replies 4",
      "  qwen4j bench -m model.gguf --pp 2048 --tg 32 --history 1500",
      "  qwen4j bench -m model.gguf --depth 8192 --quantize q8_0 --kv-cache q8_0"
    })
final class BenchCommand implements Callable<Integer> {
  private final Surroundings surroundings;

  @Spec
  @SuppressWarnings("NullAway.Init") // picocli sets it before call()
  private CommandSpec spec;

  @Parameters(
      paramLabel = "MODEL",
      arity = "0..*",
      description = "Models, as --model takes them; that one goes first, if it is given too.")
  private List<String> models = List.of();

  @Mixin private ModelOption model = new ModelOption();

  @Mixin private MemoryOptions memory = new MemoryOptions();

  @Option(names = "--pp", paramLabel = "N", description = "Prompt tokens (default: 512).")
  private int prompt = 512;

  @Option(names = "--tg", paramLabel = "N", description = "Tokens to generate (default: 64).")
  private int generated = 64;

  @Option(
      names = "--depth",
      paramLabel = "N",
      split = ",",
      description =
          "Tokens of context before those, one number or several (default: 0,1024). Prompts are"
              + " measured without any too.")
  private int @Nullable [] depths;

  @Option(
      names = "--history",
      paramLabel = "N",
      description =
          "Also measure the second turn of a conversation: N tokens known, 100 new ones (default:"
              + " not).")
  private int history;

  @Option(
      names = "--replies",
      paramLabel = "N",
      description =
          "Also measure N replies that are written side by side, 2 to 64, and all their tokens in a"
              + " second (default: not).")
  private int replies;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads (default: one per processor).")
  private int threads = Runtime.getRuntime().availableProcessors();

  @Option(
      names = "--repeats",
      paramLabel = "N",
      description = "Measurements of each, after one that warms up (default: 5).")
  private int repeats = 5;

  @Option(names = "--json", description = "Print a JSON object for each model instead of a table.")
  private boolean json;

  @Option(
      names = "--paced",
      description =
          "Wait for a line on stdin before each measurement and print one after it, so that"
              + " bench/side-by-side can let two engines take turns.")
  private boolean paced;

  BenchCommand(Surroundings surroundings) {
    this.surroundings = surroundings;
  }

  @Override
  public Integer call() throws Exception {
    check();
    BenchPlan plan = plan();
    List<Path> files = model.files(models, surroundings);
    // The first is looked at when it is loaded, which is at once.
    for (Path file : files.subList(1, files.size())) {
      switch (CheckpointInfo.read(file).verdict()) {
        case Verdict.Runs runs -> fits(file, runs.contextLength(), plan);
        case Verdict.Refused(String reason) -> throw new BadCheckpointException(reason);
      }
    }
    Pace pace = new Pace(surroundings, paced);
    for (int i = 0; i < files.size(); i++) {
      measure(files.get(i), plan, pace, i == 0);
    }
    return ExitCode.ANSWERED.code();
  }

  private void check() {
    boolean negative = depths != null && Arrays.stream(depths).anyMatch(depth -> depth < 0);
    if (prompt < 0 || generated < 0 || negative || (long) prompt + generated == 0) {
      throw wrong("--pp, --tg and --depth must not be negative, nor --pp and --tg both 0");
    }
    if (history < 0) {
      throw wrong("--history must not be negative");
    }
    if (replies < 0 || replies > 64) {
      throw wrong("--replies must be 0 to 64");
    }
    if (threads < 1 || repeats < 1) {
      throw wrong("--threads and --repeats must be at least 1");
    }
  }

  private ParameterException wrong(String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  private BenchPlan plan() {
    IntStream wanted = depths == null ? IntStream.of(0) : Arrays.stream(depths).distinct();
    return new BenchPlan(prompt, generated, wanted.boxed().toList(), history, replies, repeats);
  }

  private static void fits(Path file, int contextLength, BenchPlan plan) {
    if (plan.positions() > contextLength) {
      throw new IllegalArgumentException(
          "%s: %d tokens would be measured, the model's context is %d; take smaller numbers for"
                  .formatted(file, plan.positions(), contextLength)
              + " --depth, --pp, --tg or --history");
    }
  }

  private void measure(Path file, BenchPlan wanted, Pace pace, boolean first) throws IOException {
    boolean peaks = first || ProcessMemory.forgetPeak();
    LoadOptions options = memory.over(LoadOptions.standard().withThreads(threads), surroundings);
    BenchResult result;
    try (EngineProbe probe = load(file, options)) {
      fits(file, probe.contextLength(), wanted);
      BenchPlan plan = depths == null ? wanted.atUsualDepths(probe.contextLength()) : wanted;
      result = new BenchRun(probe, plan, threads, pace).measure(file.toString(), first, peaks);
    }
    // The model is gone, so that this process takes no more memory than a chat.
    result = result.withMemory(EngineProbe.memoryBytesPerSecond(threads, repeats));
    surroundings.out().print(json ? result.json() + "\n" : result.text());
    surroundings.out().flush();
  }

  private EngineProbe load(Path file, LoadOptions options) {
    try (ProgressBar bar = new ProgressBar(surroundings, "writing")) {
      return EngineProbe.load(file, options.withProgress(bar::progress));
    }
  }
}
