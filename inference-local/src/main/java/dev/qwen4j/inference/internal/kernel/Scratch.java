package dev.qwen4j.inference.internal.kernel;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** What one worker needs to write down while it computes; grows to the largest shape it met. */
final class Scratch {
  static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  /** Eight scales and eight minima of a K block, a byte each. */
  final byte[] bytes = new byte[16];

  /** The sums of two rows. */
  final float[] pair = new float[2];

  private short[] halves = new short[0];
  private float[] scales = new float[0];
  private float[] panel = new float[0];
  private float[] sums = new float[0];

  /** At least {@code n} shorts for scales as they lie in the file. */
  short[] halves(int n) {
    if (halves.length < n) {
      halves = new short[n];
    }
    return halves;
  }

  /** At least {@code n} floats for the scales of one or more rows. */
  float[] scales(int n) {
    if (scales.length < n) {
      scales = new float[n];
    }
    return scales;
  }

  /** At least {@code n} floats for dequantised weights, or keys and values. */
  float[] panel(int n) {
    if (panel.length < n) {
      panel = new float[n];
    }
    return panel;
  }

  /** At least {@code n} floats for the sums of a tile. */
  float[] sums(int n) {
    if (sums.length < n) {
      sums = new float[n];
    }
    return sums;
  }
}
