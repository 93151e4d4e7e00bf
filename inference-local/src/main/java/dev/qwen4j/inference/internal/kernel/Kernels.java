package dev.qwen4j.inference.internal.kernel;

import java.util.List;

/**
 * The operations a forward pass is written in. Activations are row-major {@code float[]}: {@code
 * x[token * width + i]}. Implementations split the work over their own threads; calls come from one
 * thread at a time.
 */
public interface Kernels extends AutoCloseable {
  /** Whether {@link #prepare} copies weights of a type, and so leaves their memory behind. */
  boolean copies(TensorType type);

  /**
   * Makes a weight matrix ready to multiply, repacked where that is faster. Unless it {@link
   * #copies} the type, the result keeps referring to {@code raw}'s memory.
   */
  Matrix prepare(RawMatrix raw);

  /**
   * Makes the matrix that logits come from ready for {@link #logits}, which alone multiplies it.
   */
  default Matrix prepareOutput(RawMatrix raw) {
    return prepare(raw);
  }

  /** Bytes of an output matrix that {@link #logits} leave unread, about, of a few candidates. */
  default long unread(TensorType type, long weights) {
    return 0;
  }

  /**
   * {@code out = w · x} as {@link #multiply} has it, where it is one of the candidates.
   *
   * @param w from {@link #prepareOutput}
   * @param x [tokens, cols]
   * @param candidates of each token
   * @param out [tokens, rows]
   */
  default void logits(Matrix w, float[] x, int tokens, Candidates candidates, float[] out) {
    multiply(w, x, tokens, out);
  }

  /**
   * {@code out[t * rows + r] = Σ_c w[r, c] · x[t * cols + c]} for every token t and row r.
   *
   * @param x [tokens, cols]
   * @param out [tokens, rows]
   */
  default void multiply(Matrix w, float[] x, int tokens, float[] out) {
    multiply(new Matrix[] {w}, x, tokens, new float[][] {out});
  }

  /** The products of several matrices of the same width with the same activations, in one go. */
  void multiply(Matrix[] ws, float[] x, int tokens, float[][] outs);

  /**
   * SwiGLU: {@code out = down · (silu(gate · x) ⊙ up · x)} for every token. (Shazeer 2020.)
   *
   * @param gate inner x width
   * @param up inner x width
   * @param down width x inner
   * @param x [tokens, width]
   * @param out [tokens, width]
   * @param pause called between the products; what it throws ends the call before anything is
   *     written
   */
  void feedForward(
      Matrix gate, Matrix up, Matrix down, float[] x, int tokens, float[] out, Runnable pause);

  /**
   * Writes keys and values of the new tokens of some sequences, over whatever was there.
   *
   * @param k [tokens of all spans, kvHeads, headDim], rotated
   * @param v [tokens of all spans, kvHeads, headDim]
   */
  void write(List<KvSpan> spans, float[] k, float[] v);

  /**
   * Causal grouped-query attention of some sequences' new tokens, each to its own sequence: {@code
   * out = softmax(scale · q · Kᵀ) · V}. A sequence's result is the same, to the bit, whichever
   * others are with it. (Vaswani et al. 2017; Ainslie et al. 2023.)
   *
   * @param q [tokens of all spans, heads, headDim]
   * @param spans of one layer; the keys and values of their tokens are written already
   * @param heads a multiple of the layers' kvHeads
   * @param out [tokens of all spans, heads, headDim]
   */
  void attention(float[] q, List<KvSpan> spans, int heads, float scale, float[] out);

  /**
   * RMSNorm over {@code rows} rows of {@code width}: {@code out = x / sqrt(mean(x²) + eps) ·
   * weight}. {@code x} and {@code out} may be the same array. (Zhang and Sennrich 2019.)
   */
  void rmsNorm(float[] x, int rows, int width, float[] weight, float eps, float[] out);

  /**
   * Rotary position embedding, NeoX style: of every head, in place, the pair (i, i + half) is
   * turned by its token's angle i; what is beyond those pairs stays. (Su et al. 2021.)
   *
   * @param x [tokens, heads, headDim]
   */
  void rotate(float[] x, int tokens, int heads, int headDim, Turns turns);

  /** {@code gate = silu(gate) · up}, element by element, over the first {@code n}. */
  void swiGlu(float[] gate, float[] up, int n);

  /** {@code x = x · sigmoid(gate)}, element by element, over the first {@code n}. */
  void sigmoidGate(float[] x, float[] gate, int n);

  /**
   * Causal convolution of each channel by itself, and SiLU: {@code out[t, c] = silu(Σ_j weight[j,
   * c] · x[t − taps + 1 + j, c])}.
   *
   * @param x [tokens, channels]
   * @param weight [taps, channels]
   * @param history [taps − 1, channels]: the inputs before {@code x}
   * @param out [tokens, channels], another array than {@code x}
   */
  void convolve(float[] x, int tokens, float[] weight, int taps, float[] history, float[] out);

  /**
   * The gated delta rule. Of each value head the memory S (keyDim x valueDim) decays, is asked for
   * the key's value, corrected by what was missing, and asked by the query, token by token: {@code
   * S = e^decay · S; S = S + k · (beta · (v − Sᵀk))ᵀ; out = Sᵀq}. (Yang, Kautz and Hatamizadeh
   * 2024.)
   *
   * @param before [valueHeads, keyDim, valueDim]: the memory before the first token
   * @param after the same after the last token; another array
   * @param out [tokens, valueHeads, valueDim]
   */
  void gatedDelta(DeltaInputs in, int tokens, float[] before, float[] after, float[] out);

  /** {@code x += y}, element by element, over the first {@code n}. */
  void add(float[] x, float[] y, int n);

  /**
   * Adds a row to each of {@code rows}.
   *
   * @param x [rows, row.length]
   */
  void addToRows(float[] x, int rows, float[] row);

  /**
   * Whether weights are multiplied with activations as they are, which takes longer; off at first.
   * Otherwise activations may be rounded to 8 bits where weights are quantised, as llama.cpp rounds
   * them: those of a few tokens, and of many where weights have 4 bits.
   */
  void exact(boolean on);

  /** Which implementation this is, in a few words. */
  String description();

  /** Bits of the vectors it computes with; 0 for none. */
  int vectorBits();

  /** Why it was chosen, and its vectors, in one line. */
  String reason();

  /** How it multiplies weights of a type, in a few words. */
  String way(TensorType type);

  /** Ends the worker threads. */
  @Override
  void close();
}
