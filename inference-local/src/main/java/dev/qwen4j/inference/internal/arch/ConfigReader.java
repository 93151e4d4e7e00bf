package dev.qwen4j.inference.internal.arch;

import dev.qwen4j.inference.BadCheckpointException;
import dev.qwen4j.inference.internal.weights.Checkpoint;
import dev.qwen4j.inference.internal.weights.Metadata;
import java.util.List;
import java.util.Optional;

/**
 * The numbers that a GGUF file states under its architecture's name, each within bounds, so that no
 * shape computed from them overflows. A field out of bounds is a {@link BadCheckpointException}
 * that names it.
 */
final class ConfigReader {
  private static final int MOST = 1 << 24;

  /** Times a batch of tokens, and the three parts of a DeltaNet's channels, still an int. */
  private static final int MOST_WIDTH = 1 << 20;

  private final Checkpoint file;
  private final Metadata metadata;
  private final String architecture;

  ConfigReader(Checkpoint file, String architecture) {
    this.file = file;
    this.metadata = file.metadata();
    this.architecture = architecture;
  }

  String architecture() {
    return architecture;
  }

  boolean has(String field) {
    return metadata.has(key(field));
  }

  /** A number of things of which there is at least one. */
  int count(String field) {
    return within(field, 1, MOST, metadata.integer(key(field)));
  }

  /** {@link #count(String)}, or a value of its own where the file says nothing. */
  int count(String field, int otherwise) {
    return within(field, 1, MOST, metadata.optionalInteger(key(field)).orElse(otherwise));
  }

  /** A number of activations of one token. */
  int width(String field) {
    return within(field, 1, MOST_WIDTH, metadata.integer(key(field)));
  }

  /** {@link #width(String)}, or a value of its own where the file says nothing. */
  int width(String field, int otherwise) {
    return within(field, 1, MOST_WIDTH, metadata.optionalInteger(key(field)).orElse(otherwise));
  }

  /** A number of things that may be absent. */
  int countOrZero(String field) {
    return within(field, 0, MOST, metadata.optionalInteger(key(field)).orElse(0));
  }

  /** A number strictly between two bounds. */
  double number(String field, double least, double most) {
    return within(field, least, most, metadata.number(key(field)));
  }

  /** {@link #number(String, double, double)}, or a value where the file says nothing. */
  double number(String field, double least, double most, double otherwise) {
    return within(field, least, most, metadata.optionalNumber(key(field)).orElse(otherwise));
  }

  Optional<String> text(String field) {
    return metadata.optionalString(key(field));
  }

  Optional<Boolean> flag(String field) {
    return metadata.optionalFlag(key(field));
  }

  List<Boolean> flags(String field) {
    return metadata.flags(key(field));
  }

  /** Refuses a combination of values that the forward pass has no meaning for. */
  void expect(boolean holds, String field, String found) {
    if (!holds) {
      throw new BadCheckpointException(
          "%s: metadata %s: %s, which this engine does not run; take another conversion of the model"
              .formatted(file.path(), key(field), found));
    }
  }

  private String key(String field) {
    return architecture + "." + field;
  }

  private int within(String field, int least, int most, int value) {
    if (value < least || value > most) {
      throw new BadCheckpointException(
          "%s: metadata %s is %d, expected %d to %d; the file is damaged"
              .formatted(file.path(), key(field), value, least, most));
    }
    return value;
  }

  private double within(String field, double least, double most, double value) {
    if (!(value > least && value < most)) {
      throw new BadCheckpointException(
          "%s: metadata %s is %s, expected more than %s and less than %s; the file is damaged"
              .formatted(file.path(), key(field), value, least, most));
    }
    return value;
  }
}
