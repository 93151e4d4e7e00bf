package dev.qwen4j.inference.internal.engine;

import dev.qwen4j.inference.BadCheckpointException;
import dev.qwen4j.inference.internal.weights.Checkpoint;
import java.util.OptionalInt;

/** What a checkpoint makes of a text, as its {@code pooling_type} says. */
public enum Pooling {
  /** Nothing: it writes. */
  NONE,
  MEAN,
  CLS,
  /** The hidden state of the last token is the text's embedding. */
  LAST,
  /** The last token says how relevant a document is. */
  RANK;

  /** What the file says; {@link #NONE} where it says nothing. */
  public static Pooling of(Checkpoint file) {
    String key = file.metadata().string("general.architecture") + ".pooling_type";
    OptionalInt number = file.metadata().optionalInteger(key);
    if (number.isEmpty()) {
      return NONE;
    }
    int value = number.getAsInt();
    if (value < 0 || value >= values().length) {
      throw new BadCheckpointException(
          "%s: metadata %s is %d, expected 0 to %d; the file is damaged"
              .formatted(file.path(), key, value, values().length - 1));
    }
    return values()[value];
  }
}
