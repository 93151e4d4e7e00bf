package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.L;
import static dev.qwen4j.inference.internal.kernel.Lanes.SHORT;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Writes groups of rows from a checkpoint's blocks (ggml-quants.c) into a {@link PackedMatrix}.
 *
 * <p>A group is copied in, packed from array to array, and copied out. Arrays, and a small method
 * for each type: weights are packed when the process has just started, so this code must be
 * bearable before the JIT has compiled it, and cheap to compile.
 */
final class Packer {
  private final RawMatrix raw;
  private final PackedMatrix packed;
  private final int groupRows;
  private final int rowShorts;

  /** A group's rows as the file has them: the blocks of all types are whole shorts. */
  private final short[] in;

  /** The group packed. */
  private final byte[] out;

  private final int unitBytes;

  /** A block's weights in pairs of neighbours, one in either half. */
  private final int[] pairs = new int[128];

  Packer(RawMatrix raw, PackedMatrix packed) {
    this.raw = raw;
    this.packed = packed;
    this.groupRows = packed.packing().groupRows();
    this.rowShorts = Math.toIntExact(raw.type().bytes(raw.cols()) / 2);
    this.in = new short[groupRows * rowShorts];
    this.out = new byte[Math.toIntExact(packed.groupBytes())];
    this.unitBytes = Math.toIntExact(packed.unitBytes());
  }

  void pack(int group) {
    int first = group * groupRows;
    int rows = Math.min(groupRows, raw.rows() - first);
    MemorySegment.copy(raw.data(), SHORT, 2L * first * rowShorts, in, 0, rows * rowShorts);
    if (rows < groupRows) {
      Arrays.fill(out, (byte) 0);
    }
    int blocks = raw.cols() / raw.type().blockElements();
    for (int r = 0; r < rows; r++) {
      for (int b = 0; b < blocks; b++) {
        packBlock(r, b, r * rowShorts + b * (rowShorts / blocks));
      }
    }
    MemorySegment.copy(out, 0, packed.data(), JAVA_BYTE, group * packed.groupBytes(), out.length);
  }

  private void packBlock(int r, int b, int at) {
    switch (raw.type()) {
      case Q8_0 -> {
        putScale(r, b, 0, at);
        putBytes(r, b, at + 1);
      }
      case Q4_0 -> {
        putScale(r, b, 0, at);
        nibbles(at + 1, 0, 8);
        putNibbles(r, b, 0);
      }
      case Q4_1 -> {
        putScale(r, b, 0, at);
        putScale(r, b, 1, at + 1);
        nibbles(at + 2, 0, 8);
        putNibbles(r, b, 0);
      }
      case Q5_0 -> {
        putScale(r, b, 0, at);
        nibbles(at + 3, 0, 8);
        fifthBits(at + 1);
        putFives(r, b, 0);
      }
      case Q5_1 -> {
        putScale(r, b, 0, at);
        putScale(r, b, 1, at + 1);
        nibbles(at + 4, 0, 8);
        fifthBits(at + 2);
        putFives(r, b, 0);
      }
      case Q4_K -> q4K(r, b, at);
      case Q5_K -> q5K(r, b, at);
      case Q6_K -> q6K(r, b, at);
      default -> throw new IllegalArgumentException(raw.type() + " is not packed");
    }
  }

  private void q4K(int r, int i, int at) {
    putScales(r, i, at);
    for (int j = 0; j < 4; j++) {
      nibbles(at + 8 + 16 * j, 32 * j, 16);
    }
    for (int b = 0; b < 8; b++) {
      putNibbles(r, 8 * i + b, 16 * b);
    }
  }

  private void q5K(int r, int i, int at) {
    putScales(r, i, at);
    for (int j = 0; j < 4; j++) {
      nibbles(at + 24 + 16 * j, 32 * j, 16);
    }
    for (int p = 0; p < 128; p++) {
      pairs[p] |= pair((in[at + 8 + p % 16] >>> (p / 16)) & 0x0101) << 4;
    }
    for (int b = 0; b < 8; b++) {
      putFives(r, 8 * i + b, 16 * b);
    }
  }

  private void q6K(int r, int i, int at) {
    int scales = unitBytes * i;
    putShort(scales + 2 * r, in[at + 104]);
    for (int j = 0; j < 16; j++) {
      out[scales + (2 + j) * groupRows + r] = (byte) byteAt(at + 96, j);
    }
    for (int half = 0; half < 2; half++) {
      nibbles(at + 32 * half, 64 * half, 32);
      for (int p = 0; p < 64; p++) {
        int high = (in[at + 64 + 16 * half + p % 16] >>> (p / 16 * 2)) & 0x0303;
        pairs[64 * half + p] |= pair(high) << 4;
      }
    }
    for (int b = 0; b < 16; b++) {
      putSixes(r, 16 * i + b, 8 * b);
    }
  }

  /** The low nibbles of {@code n} shorts as pairs from {@code p} on, the high ones after those. */
  private void nibbles(int at, int p, int n) {
    for (int j = 0; j < n; j++) {
      int four = in[at + j];
      pairs[p + j] = pair(four & 0x0F0F);
      pairs[p + n + j] = pair((four >>> 4) & 0x0F0F);
    }
  }

  /** The fifth bits of 32 weights, the first in the lowest. */
  private void fifthBits(int at) {
    int bits = (in[at] & 0xFFFF) | (in[at + 1] << 16);
    for (int p = 0; p < 16; p++) {
      int two = bits >>> (2 * p);
      pairs[p] |= ((two & 1) << 4) | ((two & 2) << 19);
    }
  }

  /** Two bytes into the low bits of either half. */
  private static int pair(int bytes) {
    return (bytes & 0xFF) | ((bytes & 0xFF00) << 8);
  }

  private int byteAt(int at, int j) {
    return (in[at + j / 2] >>> (j % 2 * 8)) & 0xFF;
  }

  /** The {@code n}th half of block {@code b} in a type with blocks of 32. */
  private void putScale(int r, int b, int n, int at) {
    putShort(blockAt(b) + (int) packed.packing().blockBytes() + 2 * (groupRows * n + r), in[at]);
  }

  /** Scales and minima of Q4_K and Q5_K: two halves, then eight of each in six bits. */
  private void putScales(int r, int i, int at) {
    int scales = unitBytes * i;
    putShort(scales + 2 * r, in[at]);
    putShort(scales + 2 * (groupRows + r), in[at + 1]);
    for (int j = 0; j < 4; j++) {
      int scale = byteAt(at + 2, j);
      int minimum = byteAt(at + 2, j + 4);
      int rest = byteAt(at + 2, j + 8);
      int to = scales + (4 + j) * groupRows + r;
      out[to] = (byte) (scale & 63);
      out[to + 4 * groupRows] = (byte) ((rest & 15) | (scale >>> 6 << 4));
      out[to + 8 * groupRows] = (byte) (minimum & 63);
      out[to + 12 * groupRows] = (byte) ((rest >>> 4) | (minimum >>> 6 << 4));
    }
  }

  // The layouts of Packing.

  private int blockAt(int b) {
    return (int) packed.blockAt(b);
  }

  private void putBytes(int r, int b, int at) {
    int to = blockAt(b) + 2 * r;
    for (int j = 0; j < 16; j++) {
      putShort(to + 6 * L * j, in[at + j]);
    }
  }

  private void putNibbles(int r, int b, int p) {
    int to = blockAt(b) + 4 * r;
    for (int w = 0; w < 4; w++) {
      int k = p + 4 * w;
      int low = pairs[k] | (pairs[k + 1] << 4);
      putInt(to + 12 * L * w, low | (pairs[k + 2] << 8) | (pairs[k + 3] << 12));
    }
  }

  private void putFives(int r, int b, int p) {
    int block = blockAt(b);
    for (int w = 0; w < 5; w++) {
      int k = p + 3 * w;
      putInt(
          block + 6 * L + 12 * L * w + 4 * r,
          pairs[k] | (pairs[k + 1] << 5) | (pairs[k + 2] << 10));
    }
    putShort(block + 2 * r, pairs[p + 15] | (pairs[p + 15] >>> 8));
  }

  private void putSixes(int r, int b, int p) {
    int p6 = pairs[p + 6];
    int p7 = pairs[p + 7];
    int to = blockAt(b) + 4 * r;
    putInt(to, pairs[p] | (pairs[p + 1] << 6) | ((p6 & 0x000F_000F) << 12));
    putInt(to + 4 * L, pairs[p + 2] | (pairs[p + 3] << 6) | ((p7 & 0x000F_000F) << 12));
    int tops = ((p6 & 0x0030_0030) << 8) | ((p7 & 0x0030_0030) << 10);
    putInt(to + 8 * L, pairs[p + 4] | (pairs[p + 5] << 6) | tops);
  }

  private void putShort(int to, int value) {
    out[to] = (byte) value;
    out[to + 1] = (byte) (value >>> 8);
  }

  private void putInt(int to, int value) {
    out[to] = (byte) value;
    out[to + 1] = (byte) (value >>> 8);
    out[to + 2] = (byte) (value >>> 16);
    out[to + 3] = (byte) (value >>> 24);
  }
}
