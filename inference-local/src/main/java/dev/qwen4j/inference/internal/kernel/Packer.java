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
    if (first + groupRows > raw.rows()) {
      to.asSlice(packed.scalesOf(group), packed.groupBytes()).fill((byte) 0);
    }
    for (int r = 0; r < Math.min(groupRows, raw.rows() - first); r++) {
      packRow(group, r, (first + r) * rowBytes);
    }
  }

  private void packRow(int group, int r, long row) {
    int step = raw.type().blockElements();
    int block = packed.packing().block();
    long weights = packed.weightsOf(group);
    for (int i = 0; i < raw.cols() / step; i++) {
      long at = row + (long) i * raw.type().blockBytes();
      takeScales(group, r, i, at);
      takeWeights(at);
      for (int k = 0; k < step; k += block) {
        long to = weights + (long) ((i * step + k) / block) * packed.packing().blockBytes();
        switch (packed.packing()) {
          case BYTES -> putBytes(k, r, to);
          case NIBBLES -> putNibbles(k, r, to);
          case FIVES -> putFives(k, r, to);
          case SIXES -> putSixes(k, r, to);
        }
      }
    }
  }

  private void takeScales(int group, int r, int i, long at) {
    int rows = packed.packing().groupRows();
    long scales = packed.scalesOf(group);
    switch (raw.type()) {
      case Q4_1, Q5_1 -> {
        putHalf(scales + 2L * (i * rows + r), at);
        putHalf(scales + 2L * ((raw.cols() / 32 + i) * rows + r), at + 2);
      }
      case Q4_K, Q5_K -> {
        long block = scales + 20L * i * rows;
        putHalf(block + 2L * r, at);
        putHalf(block + 2L * (rows + r), at + 2);
        for (int j = 0; j < 8; j++) {
          to.set(
              JAVA_BYTE, block + (4L + j) * rows + r, (byte) Dequantizer.kScale(from, at + 4, j));
          to.set(JAVA_BYTE, block + (12L + j) * rows + r, (byte) Dequantizer.kMin(from, at + 4, j));
        }
      }
      case Q6_K -> {
        long block = scales + 18L * i * rows;
        putHalf(block + 2L * r, at + 208);
        for (int j = 0; j < 16; j++) {
          to.set(JAVA_BYTE, block + (2L + j) * rows + r, from.get(JAVA_BYTE, at + 192 + j));
        }
      }
      default -> putHalf(scales + 2L * (i * rows + r), at);
    }
  }

  private void putHalf(long at, long fromAt) {
    to.set(SHORT, at, from.get(SHORT, fromAt));
  }

  private void takeWeights(long at) {
    switch (raw.type()) {
      case Q8_0 -> MemorySegment.copy(from, JAVA_BYTE, at + 2, q, 0, 32);
      case Q4_0 -> nibbles(at + 2, 0, 16);
      case Q4_1 -> nibbles(at + 4, 0, 16);
      case Q5_0 -> {
        nibbles(at + 6, 0, 16);
        fifthBits(from.get(INT, at + 2));
      }
      case Q5_1 -> {
        nibbles(at + 8, 0, 16);
        fifthBits(from.get(INT, at + 4));
      }
      case Q4_K -> {
        for (int j = 0; j < 4; j++) {
          nibbles(at + 16 + 32L * j, 64 * j, 32);
        }
      }
      case Q5_K -> {
        for (int j = 0; j < 4; j++) {
          nibbles(at + 48 + 32L * j, 64 * j, 32);
        }
        for (int k = 0; k < 256; k += 8) {
          long bits = (word(at + 16 + k % 32) >>> (k / 32)) & LOW_BITS;
          LONG.set(q, k, (long) LONG.get(q, k) | bits << 4);
        }
      }
      case Q6_K -> sixes(at);
      default -> throw new IllegalArgumentException(raw.type() + " is not packed");
    }
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

  private void putBytes(int k, int r, long block) {
    for (int j = 0; j < 16; j++) {
      long at = block + 4L * L * j + vector(r) * 2L * L + lane(r) * 2L;
      to.set(SHORT, at, (short) ((q[k + 2 * j] & 0xFF) | q[k + 2 * j + 1] << 8));
    }
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
