package dev.qwen4j.inference.internal.arch;

import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * What a gated DeltaNet layer remembers of one sequence: a memory of fixed size, and the last
 * inputs of its convolution. It has read everything that the sequence has and cannot unread it;
 * only a {@link Snapshot} leads back.
 *
 * <p>A pass writes what comes after it beside what was before it, so that a pass which is cancelled
 * leaves the sequence as it was.
 */
final class DeltaState implements SequenceState.Layer {
  private float[] memory; // [valueHeads, keyDim, valueDim]
  private float[] history; // [taps - 1, channels]
  private float[] nextMemory;
  private float[] nextHistory;

  /** A copy of both, to return to. */
  // Nobody compares states.
  @SuppressWarnings("ArrayRecordComponent")
  record Snapshot(float[] memory, float[] history) {
    /** Puts both to {@code out}. */
    void store(ByteBuffer out) {
      put(memory, out);
      put(history, out);
    }

    private static void put(float[] numbers, ByteBuffer out) {
      out.asFloatBuffer().put(numbers);
      out.position(out.position() + numbers.length * Float.BYTES);
    }
  }

  DeltaState(int memorySize, int historySize) {
    this.memory = new float[memorySize];
    this.history = new float[historySize];
    this.nextMemory = new float[memorySize];
    this.nextHistory = new float[historySize];
  }

  float[] memory() {
    return memory;
  }

  float[] history() {
    return history;
  }

  /** Where a pass writes the memory after it. */
  float[] nextMemory() {
    return nextMemory;
  }

  /** Where a pass writes the history after it. */
  float[] nextHistory() {
    return nextHistory;
  }

  /** The pass has succeeded: what it wrote is the state. */
  void commit() {
    float[] oldMemory = memory;
    memory = nextMemory;
    nextMemory = oldMemory;
    float[] oldHistory = history;
    history = nextHistory;
    nextHistory = oldHistory;
  }

  Snapshot snapshot() {
    return new Snapshot(memory.clone(), history.clone());
  }

  void restore(Snapshot snapshot) {
    System.arraycopy(snapshot.memory, 0, memory, 0, memory.length);
    System.arraycopy(snapshot.history, 0, history, 0, history.length);
  }

  /** Bytes of a {@link Snapshot}. */
  long bytes() {
    return (long) (memory.length + history.length) * Float.BYTES;
  }

  /** Takes what a snapshot of a layer of the same shape has stored. */
  Snapshot load(ByteBuffer in) {
    return new Snapshot(take(in, memory.length), take(in, history.length));
  }

  private static float[] take(ByteBuffer in, int count) {
    float[] numbers = new float[count];
    in.asFloatBuffer().get(numbers);
    in.position(in.position() + count * Float.BYTES);
    return numbers;
  }

  /** Forgets everything. */
  void clear() {
    Arrays.fill(memory, 0);
    Arrays.fill(history, 0);
  }
}
