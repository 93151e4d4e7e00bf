package dev.qwen4j.inference;

import dev.qwen4j.inference.internal.engine.Checkpoints;
import dev.qwen4j.inference.internal.engine.VocabularyReader;
import dev.qwen4j.inference.internal.template.ChatTemplate;
import dev.qwen4j.inference.internal.template.TemplateInput;
import dev.qwen4j.inference.internal.tokenizer.Tokenizer;
import dev.qwen4j.inference.internal.weights.Checkpoint;
import java.nio.file.Path;
import java.util.List;

/**
 * The text side of a checkpoint: its tokenizer and its chat template. Opens without the weights, so
 * a file that holds only a vocabulary is enough. Immutable once open, safe to share.
 */
public final class Vocabulary implements AutoCloseable {
  private final Checkpoint file;
  private final Tokenizer tokenizer;

  private Vocabulary(Checkpoint file, Tokenizer tokenizer) {
    this.file = file;
    this.tokenizer = tokenizer;
  }

  /**
   * Opens a GGUF file or a HuggingFace folder for its vocabulary.
   *
   * @throws BadCheckpointException if it has none that this engine knows
   */
  public static Vocabulary open(Path path) {
    Checkpoint file = Checkpoints.openText(path);
    try {
      return new Vocabulary(file, VocabularyReader.tokenizer(file));
    } catch (RuntimeException | Error e) {
      file.close();
      throw e;
    }
  }

  /** How many token ids are in use. */
  public int size() {
    return tokenizer.size();
  }

  /** Text from anywhere as ids: markers such as {@code <|im_end|>} in it are only characters. */
  public int[] encode(String text) {
    return tokenizer.encode(text);
  }

  /** Text whose author may use markers, as ids. */
  public int[] encodeWithMarkers(String text) {
    return tokenizer.encodeWithMarkers(text);
  }

  /** The text of ids, markers included. */
  public String decode(int[] ids) {
    return tokenizer.decode(ids);
  }

  /**
   * A conversation as the text that this checkpoint was trained on.
   *
   * @param json {@code {"messages":[…],"tools":[…]|null,"options":{…}}}, in the OpenAI form
   * @throws IllegalArgumentException if the JSON is not of this form
   */
  public String render(String json) {
    return LocalModel.template(file.metadata()).render(TemplateInput.fromJson(json)).text();
  }

  /**
   * A conversation as the text that a family of models was trained on.
   *
   * @param family one of {@link #families}
   * @param json as in {@link #render}
   * @throws IllegalArgumentException if there is no such family, or the JSON is not of this form
   */
  public static String renderAs(String family, String json) {
    return ChatTemplate.forFamily(family).render(TemplateInput.fromJson(json)).text();
  }

  /** The families that {@link #renderAs} knows. */
  public static List<String> families() {
    return ChatTemplate.families();
  }

  @Override
  public void close() {
    file.close();
  }
}
