package dev.qwen4j.inference.internal.kernel;

import java.util.Arrays;

/** What one worker needs to write down while it computes; grows to the largest shape it met. */
final class Scratch {
  private float[] scales = new float[0];
  private float[] minus = new float[0];
  private float[] ones = new float[0];
  private float[] zeros = new float[0];
  private float[] row = new float[0];
  private float[] sums = new float[0];

  /** The only token of a product, and the number of that product. */
  final Activations[] token = {new Activations()};

  long product;

  /** Dequantised weights of a panel. */
  final NativeFloats panel = new NativeFloats();

  /** Sums of a panel's tiles, or of four tokens' blocks. */
  final NativeFloats tiles = new NativeFloats();

  /** A tile's sums over the columns beyond the first, until they are added. */
  final NativeFloats further = new NativeFloats();

  /** Sums of another panel's tiles, which meet those. */
  final NativeFloats otherTiles = new NativeFloats();

  /** At least {@code n} floats for the scales of a group of rows. */
  float[] scales(int n) {
    if (scales.length < n) {
      scales = OwnLines.floats(n);
    }
    return scales;
  }

  /** At least {@code n} floats for what a group's blocks take off. */
  float[] minus(int n) {
    if (minus.length < n) {
      minus = OwnLines.floats(n);
    }
    return minus;
  }

  /** At least {@code n} ones, to be read only. */
  float[] ones(int n) {
    if (ones.length < n) {
      ones = OwnLines.floats(n);
      Arrays.fill(ones, 1);
    }
    return ones;
  }

  /** At least {@code n} zeros, to be read only. */
  float[] zeros(int n) {
    if (zeros.length < n) {
      zeros = OwnLines.floats(n);
    }
    return zeros;
  }

  /** At least {@code n} floats for the dequantised weights of a row. */
  float[] row(int n) {
    if (row.length < n) {
      row = OwnLines.floats(n);
    }
    return row;
  }

  /** At least {@code n} floats for sums of products. */
  float[] sums(int n) {
    if (sums.length < n) {
      sums = OwnLines.floats(n);
    }
    return sums;
  }
}
