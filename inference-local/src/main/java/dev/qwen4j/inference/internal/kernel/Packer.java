package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.INT;
import static dev.qwen4j.inference.internal.kernel.Lanes.L;
import static dev.qwen4j.inference.internal.kernel.Lanes.SHORT;
import static dev.qwen4j.inference.internal.kernel.Scratch.LONG;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Writes groups of rows from a checkpoint's blocks (ggml-quants.c) into a {@link PackedMatrix}.
 * Weights are taken out eight at a time, as the bytes of a long, and put together by {@link
 * Long#compress}, which is one instruction on most machines.
 */
final class Packer {
  private static final ValueLayout.OfLong WORD =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(Lanes.LE);

  private static final long LOW_NIBBLES = 0x0F0F_0F0F_0F0F_0F0FL;
  private static final long LOW_BITS = 0x0101_0101_0101_0101L;
  private static final long LOW_TWO_BITS = 0x0303_0303_0303_0303L;

  private final RawMatrix raw;
  private final PackedMatrix packed;
  private final MemorySegment from;
  private final MemorySegment to;
  private final long rowBytes;

  /** The weights of one block of the file, a byte each; room for reading a long at the end. */
  private final byte[] q = new byte[256 + 8];

  Packer(RawMatrix raw, PackedMatrix packed) {
    this.raw = raw;
    this.packed = packed;
    this.from = raw.data();
    this.to = packed.data();
    this.rowBytes = raw.type().bytes(raw.cols());
  }

  void pack(int group) {
    int groupRows = packed.packing().groupRows();
    int first = group * groupRows;
    for (int r = 0; r < Math.min(groupRows, raw.rows() - first); r++) {
      packRow(group, r, (first + r) * rowBytes);
    }
  }

  // One loop for each type, so that the JIT compiles each once, and for no other's sake again.

  private void packRow(int group, int r, long row) {
    long scales = packed.scalesOf(group) + 2L * r;
    long weights = packed.weightsOf(group);
    switch (raw.type()) {
      case Q8_0 -> q8Zero(row, r, scales, weights);
      case Q4_0 -> q4Zero(row, r, scales, weights);
      case Q4_1 -> q4One(row, r, scales, weights);
      case Q5_0 -> q5Zero(row, r, scales, weights);
      case Q5_1 -> q5One(row, r, scales, weights);
      case Q4_K -> q4K(row, r, packed.scalesOf(group), weights);
      case Q5_K -> q5K(row, r, packed.scalesOf(group), weights);
      case Q6_K -> q6K(row, r, packed.scalesOf(group), weights);
      default -> throw new IllegalArgumentException(raw.type() + " is not packed");
    }
  }

  private void q8Zero(long row, int r, long scales, long weights) {
    long at = row;
    for (int b = 0; b < raw.cols() / 32; b++) {
      putHalf(scales + 4L * L * b, at);
      long block = weights + 64L * L * b + vector(r) * 2L * L + lane(r) * 2L;
      for (int j = 0; j < 16; j++) {
        to.set(SHORT, block + 4L * L * j, from.get(SHORT, at + 2 + 2L * j));
      }
      at += 34;
    }
  }

  private void q4Zero(long row, int r, long scales, long weights) {
    long at = row;
    for (int b = 0; b < raw.cols() / 32; b++) {
      putHalf(scales + 4L * L * b, at);
      nibbles(at + 2, 0, 16);
      putNibbles(0, r, weights + 32L * L * b);
      at += 18;
    }
  }

  private void q4One(long row, int r, long scales, long weights) {
    long at = row;
    long minima = scales + 4L * L * (raw.cols() / 32);
    for (int b = 0; b < raw.cols() / 32; b++) {
      putHalf(scales + 4L * L * b, at);
      putHalf(minima + 4L * L * b, at + 2);
      nibbles(at + 4, 0, 16);
      putNibbles(0, r, weights + 32L * L * b);
      at += 20;
    }
  }

  private void q5Zero(long row, int r, long scales, long weights) {
    long at = row;
    for (int b = 0; b < raw.cols() / 32; b++) {
      putHalf(scales + 4L * L * b, at);
      nibbles(at + 6, 0, 16);
      fifthBits(from.get(INT, at + 2));
      putFives(0, r, weights + 44L * L * b);
      at += 22;
    }
  }

  private void q5One(long row, int r, long scales, long weights) {
    long at = row;
    long minima = scales + 4L * L * (raw.cols() / 32);
    for (int b = 0; b < raw.cols() / 32; b++) {
      putHalf(scales + 4L * L * b, at);
      putHalf(minima + 4L * L * b, at + 2);
      nibbles(at + 8, 0, 16);
      fifthBits(from.get(INT, at + 4));
      putFives(0, r, weights + 44L * L * b);
      at += 24;
    }
  }

  private void q4K(long row, int r, long scales, long weights) {
    long at = row;
    for (int i = 0; i < raw.cols() / 256; i++) {
      kScales(at, r, scales + 40L * L * i);
      for (int j = 0; j < 4; j++) {
        nibbles(at + 16 + 32L * j, 64 * j, 32);
      }
      for (int b = 0; b < 8; b++) {
        putNibbles(32 * b, r, weights + 32L * L * (8 * i + b));
      }
      at += 144;
    }
  }

  private void q5K(long row, int r, long scales, long weights) {
    long at = row;
    for (int i = 0; i < raw.cols() / 256; i++) {
      kScales(at, r, scales + 40L * L * i);
      for (int j = 0; j < 4; j++) {
        nibbles(at + 48 + 32L * j, 64 * j, 32);
      }
      for (int k = 0; k < 256; k += 8) {
        long bits = (word(at + 16 + k % 32) >>> (k / 32)) & LOW_BITS;
        LONG.set(q, k, (long) LONG.get(q, k) | bits << 4);
      }
      for (int b = 0; b < 8; b++) {
        putFives(32 * b, r, weights + 44L * L * (8 * i + b));
      }
      at += 176;
    }
  }

  private void kScales(long at, int r, long block) {
    int rows = 2 * L;
    putHalf(block + 2L * r, at);
    putHalf(block + 2L * (rows + r), at + 2);
    for (int j = 0; j < 8; j++) {
      to.set(JAVA_BYTE, block + (4L + j) * rows + r, (byte) Dequantizer.kScale(from, at + 4, j));
      to.set(JAVA_BYTE, block + (12L + j) * rows + r, (byte) Dequantizer.kMin(from, at + 4, j));
    }
  }

  private void q6K(long row, int r, long scales, long weights) {
    long at = row;
    for (int i = 0; i < raw.cols() / 256; i++) {
      long block = scales + 18L * L * i;
      putHalf(block + 2L * r, at + 208);
      for (int j = 0; j < 16; j++) {
        to.set(JAVA_BYTE, block + (2L + j) * L + r, from.get(JAVA_BYTE, at + 192 + j));
      }
      sixes(at);
      for (int b = 0; b < 16; b++) {
        putSixes(16 * b, r, weights + 12L * L * (16 * i + b));
      }
      at += 210;
    }
  }

  private void putHalf(long at, long fromAt) {
    to.set(SHORT, at, from.get(SHORT, fromAt));
  }

  /** {@code n} bytes: their low nibbles from {@code k} on, their high ones after those. */
  private void nibbles(long at, int k, int n) {
    for (int j = 0; j < n; j += 8) {
      long v = word(at + j);
      LONG.set(q, k + j, v & LOW_NIBBLES);
      LONG.set(q, k + n + j, (v >>> 4) & LOW_NIBBLES);
    }
  }

  private void fifthBits(int bits) {
    for (int k = 0; k < 32; k += 8) {
      long eight = Long.expand(bits >>> k, LOW_BITS);
      LONG.set(q, k, (long) LONG.get(q, k) | eight << 4);
    }
  }

  private void sixes(long at) {
    for (int half = 0; half < 2; half++) {
      nibbles(at + 64L * half, 128 * half, 64);
      for (int k = 0; k < 128; k += 8) {
        long high = (word(at + 128 + 32L * half + k % 32) >>> (2 * (k / 32))) & LOW_TWO_BITS;
        int i = 128 * half + k;
        LONG.set(q, i, (long) LONG.get(q, i) | high << 4);
      }
    }
  }

  private long word(long at) {
    return from.get(WORD, at);
  }

  private void putNibbles(int k, int r, long block) {
    for (int w = 0; w < 4; w++) {
      long eight = (long) LONG.get(q, k + 8 * w);
      to.set(INT, wordAt(block, w, r), halves(eight, 0x000F_000F_000F_000FL));
    }
  }

  private void putFives(int k, int r, long block) {
    for (int w = 0; w < 5; w++) {
      long six = (long) LONG.get(q, k + 6 * w);
      to.set(INT, wordAt(block, w, r), halves(six, 0x001F_001F_001FL));
    }
    long at = block + 40L * L + vector(r) * 2L * L + lane(r) * 2L;
    to.set(JAVA_BYTE, at, q[k + 30]);
    to.set(JAVA_BYTE, at + 1, q[k + 31]);
  }

  private void putSixes(int k, int r, long block) {
    int p6 = pair(k + 12);
    int p7 = pair(k + 14);
    int a = pair(k) | pair(k + 2) << 6 | (p6 & 0x000F_000F) << 12;
    int b = pair(k + 4) | pair(k + 6) << 6 | (p7 & 0x000F_000F) << 12;
    int c = pair(k + 8) | pair(k + 10) << 6 | (p6 & 0x0030_0030) << 8 | (p7 & 0x0030_0030) << 10;
    to.set(INT, block + 4L * r, a);
    to.set(INT, block + 4L * (L + r), b);
    to.set(INT, block + 4L * (2 * L + r), c);
  }

  private int pair(int k) {
    return q[k] | q[k + 1] << 16;
  }

  /** The bytes with an even number into the low 16 bits, the others into the high ones. */
  private static int halves(long bytes, long evens) {
    return (int) Long.compress(bytes, evens) | (int) Long.compress(bytes >>> 8, evens) << 16;
  }

  private static long wordAt(long block, int word, int r) {
    return block + 8L * L * word + vector(r) * 4L * L + lane(r) * 4L;
  }

  /** Which vector of a group a row is in. */
  private static int vector(int r) {
    return r / L;
  }

  private static int lane(int r) {
    return r % L;
  }
}
