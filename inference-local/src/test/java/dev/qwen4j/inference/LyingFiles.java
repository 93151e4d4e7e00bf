package dev.qwen4j.inference;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.qwen4j.inference.internal.arch.Architectures;
import dev.qwen4j.inference.internal.engine.VocabularyReader;
import dev.qwen4j.inference.internal.kernel.ScalarKernels;
import dev.qwen4j.inference.internal.weights.Checkpoint;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.function.Supplier;
import java.util.regex.Pattern;

/**
 * Opens files that lie, and notes what is neither opened nor refused by one line that names file
 * and field, or takes more than a little time and memory.
 */
final class LyingFiles {
  private static final long MOST_ALLOCATED = 1_000_000_000;
  private static final long MOST_MILLIS = 60_000;
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  private final List<String> findings = new ArrayList<>();
  private int loaded;
  private int refused;

  /** The same numbers in each run, unless {@code -Dqwen4j.fuzz.seed=} asks for others. */
  static SplittableRandom random() {
    return new SplittableRandom(Long.getLong("qwen4j.fuzz.seed", 20261122));
  }

  void assertAllSound(int leastRefused) {
    assertThat(findings).isEmpty();
    assertThat(refused).isGreaterThanOrEqualTo(leastRefused);
    assertThat(loaded).isPositive();
  }

  /**
   * Opens a checkpoint.
   *
   * @param path how a refusal starts
   * @param fields what one of them must name
   * @param mutation for the report
   */
  void open(Path path, String fields, Supplier<Checkpoint> opening, String mutation) {
    long before = THREADS.getCurrentThreadAllocatedBytes();
    long start = System.nanoTime();
    try (Checkpoint checkpoint = opening.get()) {
      Architectures.load(checkpoint, new ScalarKernels("a test asks"));
      VocabularyReader.tokenizer(checkpoint);
      loaded++;
    } catch (BadCheckpointException e) {
      refused++;
      String message = String.valueOf(e.getMessage());
      boolean names =
          message.startsWith(path.toString())
              && !message.contains("\n")
              && Pattern.compile(fields).matcher(message.toLowerCase(Locale.ROOT)).find();
      note(!names, mutation, message);
    } catch (RuntimeException | Error e) {
      note(true, mutation, e + " at " + e.getStackTrace()[0]);
    }
    long allocated = THREADS.getCurrentThreadAllocatedBytes() - before;
    note(allocated > MOST_ALLOCATED, mutation, allocated + " bytes allocated");
    long millis = (System.nanoTime() - start) / 1_000_000;
    note(millis > MOST_MILLIS, mutation, millis + " ms");
  }

  private void note(boolean wrong, String mutation, String finding) {
    if (wrong && findings.size() < 20) {
      findings.add(finding + " after " + mutation);
    }
  }
}
