package dev.qwen4j.memory;

import dev.qwen4j.tool.Tool;
import dev.qwen4j.tool.Toolbox;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;

/**
 * Facts that outlive conversations: what the user likes, what was decided, where things are. An
 * agent that is given one gets its {@linkplain #tools() tools}, and is told the newest facts at the
 * end of its instructions when a conversation begins. They stay as they were told for the whole
 * conversation, so that its beginning does not change; what is learnt on the way is recalled with
 * the tool.
 *
 * <p>Implementations are safe for any number of threads.
 */
public interface Memory extends Toolbox {
  /** How many characters a fact may have. */
  int LONGEST_FACT = 1000;

  /**
   * Something to know.
   *
   * @param id by which it is forgotten
   */
  record Fact(String id, String text, Instant at) {}

  /**
   * Keeps a fact; one that is kept already is not kept twice.
   *
   * @throws IllegalArgumentException if it is blank or longer than {@link #LONGEST_FACT}
   * @throws IOException if it cannot be kept
   */
  Fact add(String text) throws IOException;

  /**
   * The facts that have most to do with some words, best first; without words, the newest first.
   *
   * @param most how many at most
   */
  List<Fact> recall(String words, int most) throws IOException;

  /**
   * Forgets a fact.
   *
   * @return whether there was one
   */
  boolean forget(String id) throws IOException;

  /** The newest facts, as they are told to a model; empty if there are none. */
  default String told() throws IOException {
    return MemoryTools.told(this);
  }

  /** The tools {@code remember}, {@code recall} and {@code forget}. */
  @Override
  default List<Tool> tools() {
    return MemoryTools.of(this);
  }

  /**
   * Facts in a file: a JSON object a line, only ever appended to, so that several programs may
   * share it and one that is killed loses nothing it was told is kept. The file is made with the
   * first fact.
   */
  static Memory file(Path file) {
    return new FileMemory(file);
  }
}
