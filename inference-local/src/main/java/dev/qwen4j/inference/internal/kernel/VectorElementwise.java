package dev.qwen4j.inference.internal.kernel;

import java.util.List;

/** What is done element by element or row by row, shared out among workers where that is much. */
final class VectorElementwise {
  /** Elements below which a second thread costs more than it saves. */
  private static final int WORTH_SHARING = 16 * 1024;

  private static final int ELEMENTS_PER_CHUNK = 8 * 1024;

  private final WorkerPool pool;
  private final WorkerPool.Chunk normRows = this::normRows;
  private final WorkerPool.Chunk rotateToken = this::rotateToken;
  private final WorkerPool.Chunk writeToken = this::writeToken;
  private final WorkerPool.Chunk swiGluPart = this::swiGluPart;
  private final WorkerPool.Chunk sigmoidPart = this::sigmoidPart;
  private final WorkerPool.Chunk addPart = this::addPart;
  private final WorkerPool.Chunk addToRow = this::addToRow;

  // The operands of the call in progress.
  private float[] x = new float[0];
  private float[] y = new float[0];
  private float[] out = new float[0];
  private KvLayer kv = new KvLayer(0, 0, 0);
  private Turns turns = new Turns(0, x, x);
  private int width;
  private int rows;
  private int heads;
  private int position;
  private float eps;

  VectorElementwise(WorkerPool pool) {
    this.pool = pool;
  }

  /** Runs chunks that are {@code elements} together, here if those are few. */
  private void share(int chunks, long elements, WorkerPool.Chunk chunk) {
    if (elements >= WORTH_SHARING) {
      pool.run(chunks, chunk);
      return;
    }
    for (int c = 0; c < chunks; c++) {
      chunk.run(0, c);
    }
  }

  private void shareParts(int n, WorkerPool.Chunk part) {
    this.width = n;
    share(Math.ceilDiv(n, ELEMENTS_PER_CHUNK), n, part);
  }

  private int endOfPart(int part) {
    return Math.min(width, (part + 1) * ELEMENTS_PER_CHUNK);
  }

  void rmsNorm(float[] x, int rows, int width, float[] weight, float eps, float[] out) {
    this.x = x;
    this.y = weight;
    this.out = out;
    this.width = width;
    this.eps = eps;
    this.rows = rows;
    share(Math.ceilDiv(rows, rowsPerChunk()), (long) rows * width, normRows);
  }

  /** Many, where rows are heads. */
  private int rowsPerChunk() {
    return Math.max(1, ELEMENTS_PER_CHUNK / width);
  }

  private void normRows(int worker, int chunk) {
    int end = Math.min(rows, (chunk + 1) * rowsPerChunk());
    for (int row = chunk * rowsPerChunk(); row < end; row++) {
      Elementwise.rmsNorm(x, row * width, width, y, eps, out);
    }
  }

  void rotate(float[] x, int tokens, int heads, int headDim, Turns turns) {
    this.x = x;
    this.heads = heads;
    this.width = headDim;
    this.turns = turns;
    share(tokens, (long) tokens * heads * headDim, rotateToken);
  }

  private void rotateToken(int worker, int token) {
    for (int h = 0; h < heads; h++) {
      Elementwise.rotate(x, (token * heads + h) * width, turns, token);
    }
  }

  void write(List<KvSpan> spans, float[] k, float[] v) {
    this.x = k;
    this.y = v;
    this.rows = 0;
    for (KvSpan span : spans) {
      this.kv = span.kv();
      this.position = span.position();
      int tokens = span.tokens();
      kv.reserve(position, tokens);
      share(tokens, 2L * tokens * kv.kvHeads() * kv.headDim(), writeToken);
      rows += tokens;
    }
  }

  private void writeToken(int worker, int token) {
    kv.writeToken(position + token, rows + token, x, y);
  }

  void swiGlu(float[] gate, float[] up, int n) {
    this.x = gate;
    this.y = up;
    shareParts(n, swiGluPart);
  }

  private void swiGluPart(int worker, int part) {
    Elementwise.swiGlu(x, y, part * ELEMENTS_PER_CHUNK, endOfPart(part));
  }

  void sigmoidGate(float[] x, float[] gate, int n) {
    this.x = x;
    this.y = gate;
    shareParts(n, sigmoidPart);
  }

  private void sigmoidPart(int worker, int part) {
    Elementwise.sigmoidGate(x, y, part * ELEMENTS_PER_CHUNK, endOfPart(part));
  }

  void add(float[] x, float[] y, int n) {
    this.x = x;
    this.y = y;
    shareParts(n, addPart);
  }

  private void addPart(int worker, int part) {
    int from = part * ELEMENTS_PER_CHUNK;
    Elementwise.add(x, from, y, from, endOfPart(part) - from);
  }

  void addToRows(float[] x, int rows, float[] row) {
    this.x = x;
    this.y = row;
    share(rows, (long) rows * row.length, addToRow);
  }

  private void addToRow(int worker, int row) {
    Elementwise.add(x, row * y.length, y, 0, y.length);
  }
}
