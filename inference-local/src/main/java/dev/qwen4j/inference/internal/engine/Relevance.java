package dev.qwen4j.inference.internal.engine;

import dev.qwen4j.inference.BadCheckpointException;
import dev.qwen4j.inference.internal.arch.ForwardPass;
import dev.qwen4j.inference.internal.kernel.Dequantizer;
import dev.qwen4j.inference.internal.tokenizer.Tokenizer;
import dev.qwen4j.inference.internal.weights.Checkpoint;
import dev.qwen4j.inference.internal.weights.Metadata;
import dev.qwen4j.inference.internal.weights.TensorInfo;
import java.util.List;

/**
 * How a reranker says at its last token whether a document is relevant, from 0 to 1. (Qwen3
 * Embedding 2025 §2: the probability of "yes" against "no".)
 */
public sealed interface Relevance {
  /** The tensor that makes a file a classifier. */
  String CLASSIFIER = "cls.output.weight";

  /** The relevance at a row of the last batch. */
  double at(ForwardPass pass, int row);

  /** The next token is one of two words. */
  record NextWord(int yes, int no) implements Relevance {
    @Override
    public double at(ForwardPass pass, int row) {
      float[] logits = new float[pass.vocabularySize()];
      pass.logits(row, 1, logits);
      return sigmoid((double) logits[yes] - logits[no]);
    }
  }

  /**
   * A small output matrix takes the place of the vocabulary's.
   *
   * @param weights the row of "yes" less that of "no": [width]
   */
  // Nobody compares weights.
  @SuppressWarnings("ArrayRecordComponent")
  record Classifier(float[] weights, double bias) implements Relevance {
    @Override
    public double at(ForwardPass pass, int row) {
      float[] hidden = new float[pass.width()];
      pass.hidden(row, hidden);
      double sum = bias;
      for (int i = 0; i < hidden.length; i++) {
        sum += (double) weights[i] * hidden[i];
      }
      return sigmoid(sum);
    }
  }

  /** Softmax over two logits, as the difference of the first and the second says it. */
  private static double sigmoid(double difference) {
    return 1 / (1 + Math.exp(-difference));
  }

  /**
   * The form that a checkpoint is of.
   *
   * @throws BadCheckpointException if it is of neither
   */
  static Relevance of(LoadedModel model, Tokenizer tokenizer) {
    return model
        .file()
        .tensor(CLASSIFIER)
        .map(tensor -> classifier(model, tensor))
        .orElseGet(
            () ->
                new NextWord(
                    word(model.file(), tokenizer, "yes"), word(model.file(), tokenizer, "no")));
  }

  private static int word(Checkpoint file, Tokenizer tokenizer, String word) {
    int[] ids = tokenizer.encode(word);
    if (ids.length != 1) {
      throw new BadCheckpointException(
          "%s: \"%s\" is %d tokens, a reranker answers with one; take a Qwen3-Reranker"
              .formatted(file.path(), word, ids.length));
    }
    return ids[0];
  }

  private static Relevance classifier(LoadedModel model, TensorInfo tensor) {
    Checkpoint file = model.file();
    int width = model.pass().width();
    List<Long> shape = tensor.shape();
    long rows = shape.size() == 1 ? 1 : shape.get(1);
    if (shape.size() > 2 || shape.getFirst() != width || rows > 2) {
      throw new BadCheckpointException(
          "%s: tensor %s has shape %s, expected %d x 2 (yes, no) or %d x 1; take a Qwen3-Reranker"
              .formatted(file.path(), CLASSIFIER, tensor.shapeText(), width, width));
    }
    float[] weights = values(tensor, (int) rows * width);
    float[] bias =
        file.tensor("cls.output.bias")
            .filter(given -> given.shape().getFirst() == rows)
            .map(given -> values(given, (int) rows))
            .orElseGet(() -> new float[(int) rows]);
    if (rows == 1) {
      return new Classifier(weights, bias[0]);
    }
    int yes = yesRow(file.metadata());
    float[] difference = new float[width];
    for (int i = 0; i < width; i++) {
      difference[i] = weights[yes * width + i] - weights[(1 - yes) * width + i];
    }
    return new Classifier(difference, (double) bias[yes] - bias[1 - yes]);
  }

  private static float[] values(TensorInfo tensor, int count) {
    float[] out = new float[count];
    Dequantizer.dequantize(tensor.type(), tensor.data(), 0, count, out, 0);
    return out;
  }

  private static int yesRow(Metadata metadata) {
    String key = metadata.string("general.architecture") + ".classifier.output_labels";
    return metadata.has(key) && metadata.strings(key).indexOf("yes") == 1 ? 1 : 0;
  }
}
