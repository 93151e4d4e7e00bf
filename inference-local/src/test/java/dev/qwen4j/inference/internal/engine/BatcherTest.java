package dev.qwen4j.inference.internal.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.qwen4j.inference.internal.kernel.KvType;
import dev.qwen4j.inference.internal.sampling.SamplingOptions;
import dev.qwen4j.model.ModelException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Several replies of one engine at the same time. */
@Timeout(180)
class BatcherTest {
  private static final int CONTEXT = 512;
  private static final int AT_ONCE = 3;
  private static final int WAITING = 2;

  private final ExecutorService threads = Executors.newCachedThreadPool();
  private Engine engine = open("qwen3");

  private static Engine open(String architecture) {
    String path = "/golden/models/" + architecture + "/model-f32.gguf";
    try {
      LoadedModel model =
          LoadedModel.open(
              Path.of(Objects.requireNonNull(BatcherTest.class.getResource(path)).toURI()), 2);
      return new Engine(
          model,
          Set.of(),
          model.pass().vocabularySize(),
          new Engine.Context(CONTEXT, KvType.F16),
          PromptCopies.none(),
          new Places(AT_ONCE, WAITING));
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  @AfterEach
  void close() {
    threads.shutdownNow();
    engine.close();
  }

  private static int[] prompt(int n, int length) {
    return IntStream.range(0, length).map(i -> (7 + 31 * n + i * (n + 3)) % 500).toArray();
  }

  private List<Integer> reply(int[] prompt, int most) {
    List<Integer> out = new ArrayList<>();
    engine.generate(prompt, SamplingOptions.GREEDY, most, out::add, () -> false);
    return out;
  }

  @ParameterizedTest
  @ValueSource(strings = {"qwen3", "qwen3moe", "qwen3next"})
  void repliesWrittenSideBySideAreThoseWrittenAlone(String architecture)
      throws ExecutionException, InterruptedException {
    engine.close();
    engine = open(architecture);
    int[] lengths = {9, 150, 33, 70};
    List<List<Integer>> alone = new ArrayList<>();
    for (int n = 0; n < 4; n++) {
      alone.add(reply(prompt(n, lengths[n]), 20 + n));
    }
    engine.close();
    engine = open(architecture);
    List<Future<List<Integer>>> together = new ArrayList<>();
    for (int n = 0; n < 4; n++) {
      int which = n;
      together.add(threads.submit(() -> reply(prompt(which, lengths[which]), 20 + which)));
    }
    for (int n = 0; n < 4; n++) {
      assertThat(together.get(n).get()).as("reply %d", n).isEqualTo(alone.get(n));
    }
  }

  @Test
  void aReplyJoinsAndEndsWhileAnotherIsWritten() throws ExecutionException, InterruptedException {
    List<Integer> expected = reply(prompt(1, 40), 10);
    List<Integer> other = reply(prompt(2, 100), 5);
    CountDownLatch writing = new CountDownLatch(1);
    CountDownLatch ended = new CountDownLatch(1);
    List<Integer> out = new ArrayList<>();
    Future<Ending> first =
        threads.submit(
            () ->
                engine.generate(
                    prompt(1, 40),
                    SamplingOptions.GREEDY,
                    10,
                    id -> {
                      out.add(id);
                      if (out.size() == 3) {
                        writing.countDown();
                        awaitQuietly(ended);
                      }
                      return true;
                    },
                    () -> false));
    writing.await();
    assertThat(reply(prompt(2, 100), 5)).isEqualTo(other);
    ended.countDown();
    assertThat(first.get().generated()).isEqualTo(10);
    assertThat(out).isEqualTo(expected);
  }

  private static void awaitQuietly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void whoIsCancelledLeavesTheOthersAlone() throws ExecutionException, InterruptedException {
    List<Integer> expected = reply(prompt(1, 60), 40);
    AtomicBoolean cancel = new AtomicBoolean();
    List<Future<?>> cancelled = new ArrayList<>();
    for (int n = 2; n < 4; n++) {
      int[] prompt = prompt(n, 30);
      cancelled.add(
          threads.submit(
              () -> engine.generate(prompt, SamplingOptions.GREEDY, 400, id -> true, cancel::get)));
    }
    List<Integer> out = new ArrayList<>();
    engine.generate(
        prompt(1, 60),
        SamplingOptions.GREEDY,
        40,
        id -> {
          cancel.set(out.size() > 10);
          return out.add(id);
        },
        () -> false);
    assertThat(out).isEqualTo(expected);
    for (Future<?> each : cancelled) {
      assertThatThrownBy(each::get).hasCauseInstanceOf(CancellationException.class);
    }
    assertThat(reply(prompt(1, 60), 40)).isEqualTo(expected);
  }

  @Test
  void whoComesWhenTooManyWaitIsToldThatTheModelIsBusy()
      throws ExecutionException, InterruptedException {
    List<Integer> expected = reply(prompt(3, 12), 4);
    CountDownLatch goOn = new CountDownLatch(1);
    CountDownLatch writing = new CountDownLatch(AT_ONCE);
    List<Future<?>> places = new ArrayList<>();
    for (int n = 0; n < AT_ONCE; n++) {
      int[] prompt = prompt(n, 12);
      places.add(
          threads.submit(
              () ->
                  engine.generate(
                      prompt,
                      SamplingOptions.GREEDY,
                      2,
                      id -> {
                        writing.countDown();
                        awaitQuietly(goOn);
                        return true;
                      },
                      () -> false)));
    }
    writing.await();
    CountDownLatch asked = new CountDownLatch(WAITING);
    List<Future<List<Integer>>> waiting = new ArrayList<>();
    for (int n = 0; n < WAITING; n++) {
      waiting.add(
          threads.submit(
              () -> {
                List<Integer> out = new ArrayList<>();
                engine.generate(
                    prompt(3, 12),
                    SamplingOptions.GREEDY,
                    4,
                    out::add,
                    () -> {
                      asked.countDown();
                      return false;
                    });
                return out;
              }));
    }
    asked.await(); // They look whether they are cancelled as soon as they wait.
    assertThatThrownBy(() -> reply(prompt(4, 12), 4))
        .isInstanceOf(ModelException.class)
        .hasMessageContaining("the model is busy: 3 replies are being written and 2 requests wait")
        .hasMessageContaining("ask again later");
    goOn.countDown();
    for (Future<?> each : places) {
      each.get();
    }
    for (Future<List<Integer>> each : waiting) {
      assertThat(each.get()).isEqualTo(expected);
    }
    assertThat(reply(prompt(3, 12), 4)).isEqualTo(expected);
  }

  @Test
  void conversationsThatBeginAlikeCanBeWrittenAtTheSameTime()
      throws ExecutionException, InterruptedException {
    int[] common = prompt(1, 200);
    List<int[]> prompts = new ArrayList<>();
    List<List<Integer>> alone = new ArrayList<>();
    for (int n = 0; n < 6; n++) {
      int[] own = Arrays.copyOf(common, 203);
      Arrays.fill(own, 200, 203, 20 + n);
      prompts.add(own);
      engine.close();
      engine = open("qwen3");
      alone.add(reply(own, 12));
    }
    for (int round = 0; round < 3; round++) {
      for (int from = 0; from < 6; from += 3) {
        List<Future<List<Integer>>> together = new ArrayList<>();
        for (int n = from; n < from + 3; n++) {
          int[] prompt = prompts.get(n);
          together.add(threads.submit(() -> reply(prompt, 12)));
        }
        for (int n = from; n < from + 3; n++) {
          assertThat(together.get(n - from).get()).as("prompt %d", n).isEqualTo(alone.get(n));
        }
      }
    }
  }
}
