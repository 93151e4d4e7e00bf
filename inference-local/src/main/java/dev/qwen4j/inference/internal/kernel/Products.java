package dev.qwen4j.inference.internal.kernel;

import static dev.qwen4j.inference.internal.kernel.Lanes.F;
import static dev.qwen4j.inference.internal.kernel.Lanes.L;

import jdk.incubator.vector.FloatVector;

/** Products of small float32 matrices, in tiles of four rows by two vectors. */
final class Products {
  private Products() {}

  /**
   * A matrix within an array: element (r, c) is {@code data[at + r * stride + c]}.
   *
   * @param stride elements from one row to the next
   */
  // A view of the caller's array, which nobody compares.
  @SuppressWarnings("ArrayRecordComponent")
  record Rows(float[] data, int at, int stride) {
    /** The same rows from the {@code row}-th on. */
    Rows from(int row) {
      return new Rows(data, at + row * stride, stride);
    }

    private int index(int row, int column) {
      return at + row * stride + column;
    }
  }

  /**
   * {@code out[r][c] += Σ_k a[r][k] · b[k][c]} for {@code rows} x {@code depth} of a and {@code
   * depth} x {@code columns} of b. The output may be rows of b that this product does not read.
   */
  static void add(Rows a, Rows b, Rows out, int rows, int depth, int columns) {
    int c = 0;
    for (; c + 2 * L <= columns; c += 2 * L) {
      int r = 0;
      for (; r + 4 <= rows; r += 4) {
        fourRows(a, b, out, r, depth, c);
      }
      for (; r < rows; r++) {
        oneRow(a, b, out, r, depth, c);
      }
    }
    for (; c < columns; c++) {
      for (int r = 0; r < rows; r++) {
        float sum = 0;
        for (int k = 0; k < depth; k++) {
          sum += a.data[a.index(r, k)] * b.data[b.index(k, c)];
        }
        out.data[out.index(r, c)] += sum;
      }
    }
  }

  private static void fourRows(Rows a, Rows b, Rows out, int row, int depth, int column) {
    float[] left = a.data;
    int l0 = a.index(row, 0);
    int l1 = a.index(row + 1, 0);
    int l2 = a.index(row + 2, 0);
    int l3 = a.index(row + 3, 0);
    float[] right = b.data;
    int at = b.index(0, column);
    float[] o = out.data;
    int o0 = out.index(row, column);
    int o1 = out.index(row + 1, column);
    int o2 = out.index(row + 2, column);
    int o3 = out.index(row + 3, column);
    FloatVector s00 = FloatVector.fromArray(F, o, o0);
    FloatVector s01 = FloatVector.fromArray(F, o, o0 + L);
    FloatVector s10 = FloatVector.fromArray(F, o, o1);
    FloatVector s11 = FloatVector.fromArray(F, o, o1 + L);
    FloatVector s20 = FloatVector.fromArray(F, o, o2);
    FloatVector s21 = FloatVector.fromArray(F, o, o2 + L);
    FloatVector s30 = FloatVector.fromArray(F, o, o3);
    FloatVector s31 = FloatVector.fromArray(F, o, o3 + L);
    for (int k = 0; k < depth; k++) {
      FloatVector b0 = FloatVector.fromArray(F, right, at);
      FloatVector b1 = FloatVector.fromArray(F, right, at + L);
      at += b.stride;
      FloatVector a0 = FloatVector.broadcast(F, left[l0 + k]);
      s00 = b0.fma(a0, s00);
      s01 = b1.fma(a0, s01);
      FloatVector a1 = FloatVector.broadcast(F, left[l1 + k]);
      s10 = b0.fma(a1, s10);
      s11 = b1.fma(a1, s11);
      FloatVector a2 = FloatVector.broadcast(F, left[l2 + k]);
      s20 = b0.fma(a2, s20);
      s21 = b1.fma(a2, s21);
      FloatVector a3 = FloatVector.broadcast(F, left[l3 + k]);
      s30 = b0.fma(a3, s30);
      s31 = b1.fma(a3, s31);
    }
    s00.intoArray(o, o0);
    s01.intoArray(o, o0 + L);
    s10.intoArray(o, o1);
    s11.intoArray(o, o1 + L);
    s20.intoArray(o, o2);
    s21.intoArray(o, o2 + L);
    s30.intoArray(o, o3);
    s31.intoArray(o, o3 + L);
  }

  private static void oneRow(Rows a, Rows b, Rows out, int row, int depth, int column) {
    float[] left = a.data;
    int l = a.index(row, 0);
    float[] right = b.data;
    int at = b.index(0, column);
    int o = out.index(row, column);
    FloatVector s0 = FloatVector.fromArray(F, out.data, o);
    FloatVector s1 = FloatVector.fromArray(F, out.data, o + L);
    for (int k = 0; k < depth; k++) {
      FloatVector ak = FloatVector.broadcast(F, left[l + k]);
      s0 = FloatVector.fromArray(F, right, at).fma(ak, s0);
      s1 = FloatVector.fromArray(F, right, at + L).fma(ak, s1);
      at += b.stride;
    }
    s0.intoArray(out.data, o);
    s1.intoArray(out.data, o + L);
  }
}
