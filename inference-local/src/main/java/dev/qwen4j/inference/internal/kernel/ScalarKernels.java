package dev.qwen4j.inference.internal.kernel;

import java.util.Arrays;
import java.util.List;

/**
 * Every operation as its definition reads: float32 dot products over dequantised rows, one thread,
 * no tricks. The oracle of {@link VectorKernels}, and what runs where the Vector API does not.
 */
public final class ScalarKernels implements Kernels {
  private final String why;

  public ScalarKernels(String why) {
    this.why = why;
  }

  private record Rows(RawMatrix raw) implements Matrix {
    @Override
    public int rows() {
      return raw.rows();
    }

    @Override
    public int cols() {
      return raw.cols();
    }

    @Override
    public long extraBytes() {
      return 0;
    }

    @Override
    public void dequantizeRow(int row, float[] out, int offset) {
      long rowBytes = raw.type().bytes(raw.cols());
      Dequantizer.dequantize(raw.type(), raw.data(), row * rowBytes, raw.cols(), out, offset);
    }
  }

  @Override
  public void exact(boolean on) {
    // They are, always.
  }

  @Override
  public boolean copies(TensorType type) {
    return false;
  }

  @Override
  public Matrix prepare(RawMatrix raw) {
    return new Rows(raw);
  }

  @Override
  public void multiply(Matrix[] ws, float[] x, int tokens, float[][] outs) {
    for (int i = 0; i < ws.length; i++) {
      Matrix w = ws[i];
      int cols = w.cols();
      float[] row = new float[cols];
      for (int r = 0; r < w.rows(); r++) {
        w.dequantizeRow(r, row, 0);
        for (int t = 0; t < tokens; t++) {
          float sum = 0;
          for (int c = 0; c < cols; c++) {
            sum += row[c] * x[t * cols + c];
          }
          outs[i][t * w.rows() + r] = sum;
        }
      }
    }
  }

  @Override
  public void feedForward(
      Matrix gate, Matrix up, Matrix down, float[] x, int tokens, float[] out, Runnable pause) {
    float[] gates = new float[tokens * gate.rows()];
    float[] ups = new float[tokens * up.rows()];
    multiply(gate, x, tokens, gates);
    multiply(up, x, tokens, ups);
    pause.run();
    swiGlu(gates, ups, gates.length);
    multiply(down, gates, tokens, out);
  }

  @Override
  public void write(List<KvSpan> spans, float[] k, float[] v) {
    int row = 0;
    for (KvSpan span : spans) {
      span.kv().write(span.position(), span.tokens(), k, v, row);
      row += span.tokens();
    }
  }

  @Override
  public void attention(float[] q, List<KvSpan> spans, int heads, float scale, float[] out) {
    int row = 0;
    for (KvSpan span : spans) {
      attention(q, row, span, heads, scale, out);
      row += span.tokens();
    }
  }

  private static void attention(
      float[] q, int row, KvSpan span, int heads, float scale, float[] out) {
    KvLayer kv = span.kv();
    int tokens = span.tokens();
    int position = span.position();
    int headDim = kv.headDim();
    int group = heads / kv.kvHeads();
    int positions = position + tokens;
    float[] keys = new float[positions * headDim];
    float[] values = new float[positions * headDim];
    for (int kvHead = 0; kvHead < kv.kvHeads(); kvHead++) {
      kv.readKeys(kvHead, 0, positions, keys);
      kv.readValues(kvHead, 0, positions, values);
      for (int t = 0; t < tokens; t++) {
        for (int h = kvHead * group; h < (kvHead + 1) * group; h++) {
          int at = ((row + t) * heads + h) * headDim;
          float[] weights = new float[position + t + 1];
          for (int p = 0; p < weights.length; p++) {
            float dot = 0;
            for (int i = 0; i < headDim; i++) {
              dot += q[at + i] * keys[p * headDim + i];
            }
            weights[p] = dot * scale;
          }
          softmax(weights);
          Arrays.fill(out, at, at + headDim, 0);
          for (int p = 0; p < weights.length; p++) {
            for (int i = 0; i < headDim; i++) {
              out[at + i] += weights[p] * values[p * headDim + i];
            }
          }
        }
      }
    }
  }

  private static void softmax(float[] scores) {
    float max = Float.NEGATIVE_INFINITY;
    for (float score : scores) {
      max = Math.max(max, score);
    }
    float sum = 0;
    for (int i = 0; i < scores.length; i++) {
      scores[i] = (float) Math.exp(scores[i] - max);
      sum += scores[i];
    }
    for (int i = 0; i < scores.length; i++) {
      scores[i] /= sum;
    }
  }

  @Override
  public void rmsNorm(float[] x, int rows, int width, float[] weight, float eps, float[] out) {
    for (int r = 0; r < rows; r++) {
      double sum = 0;
      for (int i = 0; i < width; i++) {
        sum += (double) x[r * width + i] * x[r * width + i];
      }
      float inverse = (float) (1 / Math.sqrt(sum / width + eps));
      for (int i = 0; i < width; i++) {
        out[r * width + i] = x[r * width + i] * inverse * weight[i];
      }
    }
  }

  @Override
  public void rotate(float[] x, int tokens, int heads, int headDim, Turns turns) {
    int half = turns.half();
    for (int head = 0; head < tokens * heads; head++) {
      int at = head * headDim;
      int angle = head / heads * half;
      for (int i = 0; i < half; i++) {
        float c = turns.cos()[angle + i];
        float s = turns.sin()[angle + i];
        float a = x[at + i];
        float b = x[at + half + i];
        x[at + i] = a * c - b * s;
        x[at + half + i] = b * c + a * s;
      }
    }
  }

  @Override
  public void swiGlu(float[] gate, float[] up, int n) {
    for (int i = 0; i < n; i++) {
      gate[i] = gate[i] / (1 + (float) Math.exp(-gate[i])) * up[i];
    }
  }

  @Override
  public void sigmoidGate(float[] x, float[] gate, int n) {
    for (int i = 0; i < n; i++) {
      x[i] /= 1 + (float) Math.exp(-gate[i]);
    }
  }

  @Override
  public void convolve(
      float[] x, int tokens, float[] weight, int taps, float[] history, float[] out) {
    int channels = weight.length / taps;
    for (int t = 0; t < tokens; t++) {
      for (int c = 0; c < channels; c++) {
        float sum = 0;
        for (int j = 0; j < taps; j++) {
          int from = t - taps + 1 + j;
          float input =
              from < 0 ? history[(from + taps - 1) * channels + c] : x[from * channels + c];
          sum += weight[j * channels + c] * input;
        }
        out[t * channels + c] = sum / (1 + (float) Math.exp(-sum));
      }
    }
  }

  @Override
  public void gatedDelta(DeltaInputs in, int tokens, float[] before, float[] after, float[] out) {
    DeltaShape shape = in.shape();
    int rows = shape.keyDim();
    int columns = shape.valueDim();
    System.arraycopy(before, 0, after, 0, shape.valueHeads() * rows * columns);
    for (int t = 0; t < tokens; t++) {
      for (int h = 0; h < shape.valueHeads(); h++) {
        int gate = t * shape.valueHeads() + h;
        int key = (t * shape.keyHeads() + shape.keyHead(h)) * rows;
        float decay = (float) Math.exp(in.decay()[gate]);
        for (int j = 0; j < columns; j++) {
          int value = gate * columns + j;
          float recalled = 0;
          for (int i = 0; i < rows; i++) {
            int s = (h * rows + i) * columns + j;
            after[s] *= decay;
            recalled += after[s] * in.k()[key + i];
          }
          float missing = in.beta()[gate] * (in.v()[value] - recalled);
          float answer = 0;
          for (int i = 0; i < rows; i++) {
            int s = (h * rows + i) * columns + j;
            after[s] += in.k()[key + i] * missing;
            answer += after[s] * in.q()[key + i];
          }
          out[value] = answer;
        }
      }
    }
  }

  @Override
  public void add(float[] x, float[] y, int n) {
    for (int i = 0; i < n; i++) {
      x[i] += y[i];
    }
  }

  @Override
  public void addToRows(float[] x, int rows, float[] row) {
    for (int i = 0; i < rows * row.length; i++) {
      x[i] += row[i % row.length];
    }
  }

  @Override
  public String description() {
    return "scalar kernels, 1 thread: " + why;
  }

  @Override
  public int vectorBits() {
    return 0;
  }

  @Override
  public String reason() {
    return why;
  }

  @Override
  public String way(TensorType type) {
    return "generic: a row dequantised at a time, number by number";
  }

  @Override
  public void close() {
    // It has no threads.
  }
}
