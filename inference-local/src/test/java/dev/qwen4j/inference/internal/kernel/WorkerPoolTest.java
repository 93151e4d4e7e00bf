package dev.qwen4j.inference.internal.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(300)
class WorkerPoolTest {
  @Test
  void everyChunkRunsExactlyOnceWhateverTheNumbers() {
    for (int size : new int[] {1, 2, 3, 7}) {
      try (WorkerPool pool = new WorkerPool(size)) {
        for (int chunks : new int[] {0, 1, 2, 3, 8, 1000}) {
          for (int round = 0; round < 50; round++) {
            AtomicIntegerArray runs = new AtomicIntegerArray(chunks);
            pool.run(chunks, (worker, chunk) -> runs.incrementAndGet(chunk));
            AtomicInteger calls = new AtomicInteger();
            pool.runSome(
                chunks,
                (worker, from, to) -> {
                  calls.incrementAndGet();
                  IntStream.range(from, to).forEach(runs::incrementAndGet);
                });
            for (int c = 0; c < chunks; c++) {
              assertThat(runs.get(c)).isEqualTo(2);
            }
            assertThat(calls.get()).isLessThanOrEqualTo(Math.min(chunks, 200));
          }
        }
      }
    }
  }

  @Test
  void whoEndsACallBeginsTheNextOne() {
    int[][] first = new int[4][2]; // of each call, each worker's first chunk
    try (WorkerPool pool = new WorkerPool(2)) {
      for (int[] call : first) {
        Arrays.fill(call, -1);
        CyclicBarrier both = new CyclicBarrier(2);
        pool.runSome(
            100,
            (worker, from, to) -> {
              if (call[worker] < 0) {
                call[worker] = from;
                await(both);
              }
            });
      }
    }
    assertThat(first).isDeepEqualTo(new int[][] {{50, 0}, {0, 50}, {50, 0}, {0, 50}});
  }

  private static void await(CyclicBarrier barrier) {
    try {
      int unused = barrier.await();
    } catch (InterruptedException | BrokenBarrierException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void workersThatHaveParkedWakeUp() throws InterruptedException {
    try (WorkerPool pool = new WorkerPool(3)) {
      AtomicIntegerArray seen = new AtomicIntegerArray(3);
      for (int round = 0; round < 5; round++) {
        Thread.sleep(Duration.ofMillis(20));
        pool.run(3, (worker, chunk) -> seen.incrementAndGet(chunk));
      }
      assertThat(seen.get(2)).isEqualTo(5);
    }
  }

  /** As when other processes keep a helper off its core. */
  @Test
  void aHelperThatDoesNotComeIsNotWaitedFor() throws InterruptedException {
    var mayCome = new CountDownLatch(1);
    var came = new CountDownLatch(1);
    ThreadFactory late =
        helper ->
            Thread.ofPlatform()
                .daemon()
                .unstarted(
                    () -> {
                      try {
                        mayCome.await();
                        helper.run();
                      } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                      }
                    });
    try (WorkerPool pool = new WorkerPool(2, late)) {
      AtomicIntegerArray runs = new AtomicIntegerArray(100);
      pool.run(100, (worker, chunk) -> runs.incrementAndGet(chunk));
      for (int c = 0; c < 100; c++) {
        assertThat(runs.get(c)).isEqualTo(1);
      }
      mayCome.countDown();
      while (came.getCount() > 0) {
        pool.run(
            2,
            (worker, chunk) -> {
              if (worker == 1) {
                came.countDown();
              } else {
                Thread.onSpinWait();
              }
            });
      }
    }
  }

  @Test
  void anExceptionReachesTheCallerAndThePoolGoesOn() {
    try (WorkerPool pool = new WorkerPool(3)) {
      for (int round = 0; round < 100; round++) {
        int bad = round % 30;
        assertThatThrownBy(
                () ->
                    pool.run(
                        30,
                        (worker, chunk) -> {
                          if (chunk == bad) {
                            throw new IllegalArgumentException("chunk " + chunk);
                          }
                        }))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessage("chunk " + bad);
      }
      assertThatThrownBy(
              () ->
                  pool.run(
                      3,
                      (worker, chunk) -> {
                        throw new StackOverflowError();
                      }))
          .isInstanceOf(StackOverflowError.class);
      AtomicIntegerArray runs = new AtomicIntegerArray(30);
      pool.run(30, (worker, chunk) -> runs.incrementAndGet(chunk));
      for (int c = 0; c < 30; c++) {
        assertThat(runs.get(c)).isEqualTo(1);
      }
    }
  }

  @Test
  void anInterruptedCallerFinishesItsRegionAndStaysInterrupted() {
    try (WorkerPool pool = new WorkerPool(2)) {
      AtomicIntegerArray runs = new AtomicIntegerArray(100);
      Thread.currentThread().interrupt();
      pool.run(100, (worker, chunk) -> runs.incrementAndGet(chunk));
      assertThat(Thread.interrupted()).isTrue();
      assertThat(runs.get(99)).isEqualTo(1);
    }
  }

  @Test
  void aClosedPoolRefusesAndItsThreadsEnd() throws InterruptedException {
    WorkerPool pool = new WorkerPool(2);
    Thread[] helper = new Thread[1];
    while (helper[0] == null) {
      pool.run(
          100,
          (worker, chunk) -> {
            if (worker == 1) {
              helper[0] = Thread.currentThread();
            }
          });
    }
    pool.close();
    pool.close();
    helper[0].join(120_000);
    assertThat(helper[0].isAlive()).isFalse();
    assertThatThrownBy(() -> pool.run(2, (worker, chunk) -> {}))
        .isInstanceOf(IllegalStateException.class);
  }
}
