package dev.qwen4j.inference.internal.template;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How a reranker is asked about a document: text with {@code {query}} and {@code {document}} in it,
 * as llama.cpp's converter writes it into rerankers' files under the name {@code rerank}. Markers
 * count in the template's own words alone.
 */
public record RerankTemplate(String text) {
  private static final String SEARCH =
      "Given a web search query, retrieve relevant passages that answer the query";

  /** As the model card of Qwen3-Reranker asks. */
  public static final RerankTemplate QWEN3 =
      new RerankTemplate(
          """
          <|im_start|>system
          Judge whether the Document meets the requirements based on the Query and the Instruct \
          provided. Note that the answer can only be "yes" or "no".<|im_end|>
          <|im_start|>user
          <Instruct>: %s
          <Query>: {query}
          <Document>: {document}<|im_end|>
          <|im_start|>assistant
          <think>

          </think>

          """
              .formatted(SEARCH));

  private static final Pattern PLACE = Pattern.compile("\\{(query|document)}");
  private static final Pattern INSTRUCT = Pattern.compile("(?m)^(<Instruct>: ).*$");

  /**
   * The same with another task.
   *
   * @throws IllegalArgumentException if this template has no place for one, or the task holds
   *     {@code {query}} or {@code {document}}
   */
  public RerankTemplate withInstruction(String task) {
    Matcher place = INSTRUCT.matcher(text);
    if (!place.find()) {
      throw new IllegalArgumentException(
          "the file's own rerank template has no <Instruct>: line, so it takes no instruction");
    }
    if (PLACE.matcher(task).find()) {
      throw new IllegalArgumentException(
          "instruction: expected a sentence without {query} and {document}, found " + task);
    }
    return new RerankTemplate(
        place.replaceFirst(Matcher.quoteReplacement(place.group(1) + task.replace("\n", " "))));
  }

  public Prompt render(String query, String document) {
    PromptWriter out = new PromptWriter();
    Matcher place = PLACE.matcher(text);
    int at = 0;
    while (place.find()) {
      out.template(text.substring(at, place.start()));
      out.content(place.group(1).equals("query") ? query : document);
      at = place.end();
    }
    out.template(text.substring(at));
    return out.finish();
  }
}
