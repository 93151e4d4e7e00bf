package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.F;
import static dev.qwen4j.inference.internal.kernel.Lanes.L;

import dev.qwen4j.inference.internal.kernel.Products.Rows;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * The gated delta rule by vector, in its two forms; workers share the value heads.
 *
 * <p>Recurrent, for a few tokens: per token the memory S (keyDim x valueDim) decays, is asked for
 * the key's value, and is corrected by what was missing: {@code d = β(v − (e^g S)ᵀk)}, {@code S =
 * e^g S + k dᵀ}, {@code o = Sᵀq}. A few columns of S at a time go through both steps, so that they
 * are still in the first-level cache in the second.
 *
 * <p>Chunked, for a prompt: 32 tokens at once, by matrix products. With c the running sum of g
 * within the chunk and S the memory before it, every correction is {@code d_i = β_i (v_i − e^{c_i}
 * Sᵀk_i − Σ_{j<i} e^{c_i−c_j} (k_i·k_j) d_j)}, a triangular system which is solved row by row; then
 * {@code o_i = e^{c_i} Sᵀq_i + Σ_{j≤i} e^{c_i−c_j} (q_i·k_j) d_j}, and the memory becomes {@code
 * e^{c_n} S + Σ_j e^{c_n−c_j} k_j d_jᵀ}. Exponents are differences and never positive, so nothing
 * overflows; sums are float64, since a gate that forgets all would leave the differences after it
 * few digits. (Yang, Kautz and Hatamizadeh 2024, §3.3, with both right-hand sides solved as one.)
 */
final class VectorDelta {
  /** Rows of many heads lie so far apart that more of them push each other out of the cache. */
  static final int CHUNK = 32;

  /** Tokens from which the chunked form is the faster one. */
  private static final int WORTH_CHUNKS = 8;

  private final WorkerPool pool;
  private final Buffers[] buffers;
  private final WorkerPool.Chunk oneHead = this::runHead;

  // The call in progress.
  private DeltaInputs in = DeltaInputs.of(new DeltaShape(0, 0, 0, 0, true), 0);
  private int tokens;
  private boolean chunked;
  private float[] before = new float[0];
  private float[] after = new float[0];
  private float[] out = new float[0];

  VectorDelta(WorkerPool pool) {
    this.pool = pool;
    this.buffers = new Buffers[pool.size()];
    Arrays.setAll(buffers, w -> new Buffers());
  }

  /** One worker's memory, grown to the shapes it met. */
  private static final class Buffers {
    float[] keys = new float[0]; // [keyDim, CHUNK]: the chunk's keys, transposed
    float[] corrections = new float[0]; // [CHUNK, valueDim]: d
    final float[] byKeys = OwnLines.floats(CHUNK * CHUNK); // [i, j]: −β_i e^{c_i−c_j} k_i·k_j
    final float[] byQueries = OwnLines.floats(CHUNK * CHUNK); // [i, j]: e^{c_i−c_j} q_i·k_j
    final double[] sums = OwnLines.doubles(CHUNK); // c
    final float[] powers = OwnLines.floats(CHUNK); // e^{c_i−c_j} of one i
    final float[] missing = OwnLines.floats(4 * L); // d of a few columns

    void fit(DeltaShape shape) {
      if (keys.length < CHUNK * shape.keyDim()) {
        keys = OwnLines.floats(CHUNK * shape.keyDim());
      }
      if (corrections.length < CHUNK * shape.valueDim()) {
        corrections = OwnLines.floats(CHUNK * shape.valueDim());
      }
    }
  }

  void run(DeltaInputs in, int tokens, float[] before, float[] after, float[] out) {
    run(in, tokens, before, after, out, tokens >= WORTH_CHUNKS);
  }

  /** The same in a form of the caller's choice. */
  void run(
      DeltaInputs in, int tokens, float[] before, float[] after, float[] out, boolean chunked) {
    this.in = in;
    this.tokens = tokens;
    this.before = before;
    this.after = after;
    this.out = out;
    this.chunked = chunked;
    pool.run(in.shape().valueHeads(), oneHead);
  }

  private void runHead(int worker, int head) {
    Buffers b = buffers[worker];
    b.fit(in.shape());
    if (chunked) {
      for (int t = 0; t < tokens; t += CHUNK) {
        chunk(b, head, t, Math.min(CHUNK, tokens - t));
      }
    } else {
      for (int t = 0; t < tokens; t++) {
        step(b, head, t);
      }
    }
  }

  /** Where the memory before a token, or a chunk that begins with it, lies. */
  private float[] memoryBefore(int token) {
    return token == 0 ? before : after;
  }

  private int keyAt(int head, int token) {
    DeltaShape s = in.shape();
    return (token * s.keyHeads() + s.keyHead(head)) * s.keyDim();
  }

  private int valueAt(int head, int token) {
    return (token * in.shape().valueHeads() + head) * in.shape().valueDim();
  }

  /** The recurrent form: one token. */
  private void step(Buffers b, int head, int token) {
    int columns = in.shape().valueDim();
    int key = keyAt(head, token);
    int value = valueAt(head, token);
    int gate = token * in.shape().valueHeads() + head;
    float decay = (float) Math.exp(in.decay()[gate]);
    float beta = in.beta()[gate];
    float[] s = memoryBefore(token);
    int memory = head * in.shape().keyDim() * columns;
    int j = 0;
    for (; j + 4 * L <= columns; j += 4 * L) {
      float[] d = b.missing;
      recallFourVectors(s, memory + j, key, value + j, decay, beta, d);
      correctTwoVectors(s, memory + j, key, value + j, decay, d, 0);
      correctTwoVectors(s, memory + j + 2 * L, key, value + j + 2 * L, decay, d, 2 * L);
    }
    for (; j < columns; j++) {
      stepColumn(s, memory + j, key, value + j, decay, beta);
    }
  }

  /** {@code d = β(v − (e^g S)ᵀk)} of four vectors of columns. */
  private void recallFourVectors(
      float[] s, int at, int key, int value, float decay, float beta, float[] d) {
    float[] k = in.k();
    int rows = in.shape().keyDim();
    int stride = in.shape().valueDim();
    FloatVector r0 = FloatVector.zero(F);
    FloatVector r1 = FloatVector.zero(F);
    FloatVector r2 = FloatVector.zero(F);
    FloatVector r3 = FloatVector.zero(F);
    for (int i = 0; i < rows; i++) {
      FloatVector ki = FloatVector.broadcast(F, k[key + i]);
      int row = at + i * stride;
      r0 = FloatVector.fromArray(F, s, row).fma(ki, r0);
      r1 = FloatVector.fromArray(F, s, row + L).fma(ki, r1);
      r2 = FloatVector.fromArray(F, s, row + 2 * L).fma(ki, r2);
      r3 = FloatVector.fromArray(F, s, row + 3 * L).fma(ki, r3);
    }
    float[] v = in.v();
    FloatVector.fromArray(F, v, value).sub(r0.mul(decay)).mul(beta).intoArray(d, 0);
    FloatVector.fromArray(F, v, value + L).sub(r1.mul(decay)).mul(beta).intoArray(d, L);
    FloatVector.fromArray(F, v, value + 2 * L).sub(r2.mul(decay)).mul(beta).intoArray(d, 2 * L);
    FloatVector.fromArray(F, v, value + 3 * L).sub(r3.mul(decay)).mul(beta).intoArray(d, 3 * L);
  }

  /** {@code S = e^g S + k dᵀ} and {@code o = Sᵀq} of two vectors of columns. */
  private void correctTwoVectors(
      float[] s, int at, int key, int value, float decay, float[] d, int dAt) {
    float[] next = after;
    float[] k = in.k();
    float[] q = in.q();
    int rows = in.shape().keyDim();
    int stride = in.shape().valueDim();
    FloatVector d0 = FloatVector.fromArray(F, d, dAt);
    FloatVector d1 = FloatVector.fromArray(F, d, dAt + L);
    FloatVector o0 = FloatVector.zero(F);
    FloatVector o1 = FloatVector.zero(F);
    for (int i = 0; i < rows; i++) {
      FloatVector ki = FloatVector.broadcast(F, k[key + i]);
      FloatVector qi = FloatVector.broadcast(F, q[key + i]);
      int row = at + i * stride;
      FloatVector s0 = d0.fma(ki, FloatVector.fromArray(F, s, row).mul(decay));
      FloatVector s1 = d1.fma(ki, FloatVector.fromArray(F, s, row + L).mul(decay));
      s0.intoArray(next, row);
      s1.intoArray(next, row + L);
      o0 = s0.fma(qi, o0);
      o1 = s1.fma(qi, o1);
    }
    o0.intoArray(out, value);
    o1.intoArray(out, value + L);
  }

  private void stepColumn(float[] s, int at, int key, int value, float decay, float beta) {
    int rows = in.shape().keyDim();
    int stride = in.shape().valueDim();
    float recalled = 0;
    for (int i = 0; i < rows; i++) {
      recalled += s[at + i * stride] * in.k()[key + i];
    }
    float d = beta * (in.v()[value] - decay * recalled);
    float answer = 0;
    for (int i = 0; i < rows; i++) {
      float corrected = s[at + i * stride] * decay + in.k()[key + i] * d;
      after[at + i * stride] = corrected;
      answer += corrected * in.q()[key + i];
    }
    out[value] = answer;
  }

  /** The chunked form: {@code n} tokens from {@code first} on. */
  private void chunk(Buffers b, int head, int first, int n) {
    int dk = in.shape().keyDim();
    int dv = in.shape().valueDim();
    int keyStride = in.shape().keyWidth();
    int valueStride = in.shape().valueWidth();
    int value = valueAt(head, first);
    int memory = head * dk * dv;
    float[] s = memoryBefore(first);
    float[] d = b.corrections;
    transposeKeys(b, keyAt(head, first), keyStride, n);
    sumDecays(b, head, first, n);
    Arrays.fill(b.byKeys, 0, n * CHUNK, 0);
    Arrays.fill(b.byQueries, 0, n * CHUNK, 0);
    Arrays.fill(d, 0, n * dv, 0);
    for (int i = 0; i < n; i++) {
      Arrays.fill(out, value + i * valueStride, value + i * valueStride + dv, 0);
    }
    Rows k = new Rows(in.k(), keyAt(head, first), keyStride);
    Rows q = new Rows(in.q(), keyAt(head, first), keyStride);
    Rows transposed = new Rows(b.keys, 0, CHUNK);
    Rows byKeys = new Rows(b.byKeys, 0, CHUNK);
    Rows byQueries = new Rows(b.byQueries, 0, CHUNK);
    Rows corrections = new Rows(d, 0, dv);
    Rows answers = new Rows(out, value, valueStride);
    Products.add(k, transposed, byKeys, n, dk, n);
    Products.add(q, transposed, byQueries, n, dk, n);
    Products.add(k, new Rows(s, memory, dv), corrections, n, dk, dv);
    Products.add(q, new Rows(s, memory, dv), answers, n, dk, dv);
    for (int i = 0; i < n; i++) {
      weigh(b, head, first, i);
      float grown = (float) Math.exp(b.sums[i]);
      float beta = in.beta()[(first + i) * in.shape().valueHeads() + head];
      for (int j = 0; j < dv; j++) {
        float v = in.v()[value + i * valueStride + j];
        d[i * dv + j] = beta * (v - grown * d[i * dv + j]);
        out[value + i * valueStride + j] *= grown;
      }
    }
    for (int i = 1; i < n; i++) {
      Products.add(byKeys.from(i), corrections, corrections.from(i), 1, i, dv);
    }
    Products.add(byQueries, corrections, answers, n, n, dv);
    decayKeys(b, n);
    float decay = (float) Math.exp(b.sums[n - 1]);
    for (int i = memory; i < memory + dk * dv; i++) {
      after[i] = s[i] * decay;
    }
    Products.add(transposed, corrections, new Rows(after, memory, dv), dk, n, dv);
  }

  private void transposeKeys(Buffers b, int key, int stride, int n) {
    for (int t = 0; t < n; t++) {
      for (int i = 0; i < in.shape().keyDim(); i++) {
        b.keys[i * CHUNK + t] = in.k()[key + t * stride + i];
      }
    }
  }

  private void sumDecays(Buffers b, int head, int first, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) {
      sum += in.decay()[(first + i) * in.shape().valueHeads() + head];
      b.sums[i] = sum;
    }
  }

  /** Row i of both triangles: decayed, without what lies in the future. */
  private void weigh(Buffers b, int head, int first, int i) {
    for (int j = 0; j < i; j++) {
      b.powers[j] = (float) (b.sums[i] - b.sums[j]);
    }
    powers(b.powers, i);
    float beta = in.beta()[(first + i) * in.shape().valueHeads() + head];
    for (int j = 0; j < i; j++) {
      b.byKeys[i * CHUNK + j] *= -beta * b.powers[j];
      b.byQueries[i * CHUNK + j] *= b.powers[j];
    }
    Arrays.fill(b.byQueries, i * CHUNK + i + 1, i * CHUNK + CHUNK, 0);
  }

  /** Keys weighted by how much of them is left at the chunk's end. */
  private void decayKeys(Buffers b, int n) {
    for (int j = 0; j < n; j++) {
      b.powers[j] = (float) (b.sums[n - 1] - b.sums[j]);
    }
    powers(b.powers, n);
    for (int i = 0; i < in.shape().keyDim(); i++) {
      for (int j = 0; j < n; j++) {
        b.keys[i * CHUNK + j] *= b.powers[j];
      }
    }
  }

  private static void powers(float[] x, int n) {
    int i = 0;
    for (; i + L <= n; i += L) {
      Elementwise.exp(FloatVector.fromArray(F, x, i)).intoArray(x, i);
    }
    for (; i < n; i++) {
      x[i] = (float) Math.exp(x[i]);
    }
  }
}
