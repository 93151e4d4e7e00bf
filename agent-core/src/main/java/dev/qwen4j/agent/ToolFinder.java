package dev.qwen4j.agent;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.qwen4j.memory.internal.Words;
import dev.qwen4j.tool.Tool;
import dev.qwen4j.tool.ToolCall;
import dev.qwen4j.tool.ToolContext;
import dev.qwen4j.tool.ToolResult;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The tool {@value #NAME}: finds those of an agent's {@link HiddenTools} that a few words are
 * about, and shows their schemas.
 *
 * <p>As in BM25, a word says the more, the fewer tools have it; one in the name counts three times,
 * one in the name of an argument half as much again as one in the description. Who asks for a tool
 * by its name gets it first.
 */
final class ToolFinder implements Tool {
  static final String NAME = "search_tools";
  private static final int MOST_FOUND = 5;
  private static final int LONGEST_LIST = 1_500;
  private static final Pattern CAMEL_CASE = Pattern.compile("(?<=[\\p{Ll}\\p{N}])(?=\\p{Lu})");

  /** What a tool is found by. */
  private record Entry(
      ToolSpecification tool, Set<String> name, Set<String> arguments, Set<String> description) {
    static Entry of(ToolSpecification tool) {
      Set<String> arguments =
          tool.parameters() == null ? Set.of() : tool.parameters().properties().keySet();
      return new Entry(
          tool,
          words(tool.name()),
          words(String.join(" ", arguments)),
          words(tool.description() == null ? "" : tool.description()));
    }

    double weight(String word) {
      return name.contains(word)
          ? 3
          : arguments.contains(word) ? 1.5 : description.contains(word) ? 1 : 0;
    }
  }

  private record Hit(Entry entry, double score) {}

  private final Map<String, Entry> entries = new TreeMap<>();
  private final ToolSpecification specification;

  /**
   * @param hidden what it finds
   */
  ToolFinder(List<Tool> hidden) {
    for (Tool tool : hidden) {
      entries.put(tool.name(), Entry.of(tool.specification()));
    }
    this.specification =
        ToolSpecification.builder()
            .name(NAME)
            .description(
                "Finds tools that are not listed here and shows how to call them. There are "
                    + entries.size()
                    + ": "
                    + names()
                    + ".")
            .parameters(
                JsonObjectSchema.builder()
                    .addStringProperty("query", "A few words on what is to be done, or a name")
                    .required("query")
                    .build())
            .build();
  }

  private static Set<String> words(String text) {
    return Words.of(CAMEL_CASE.matcher(text).replaceAll(" "));
  }

  /** As many as there is room for. */
  private String names() {
    var names = new StringBuilder();
    int told = 0;
    for (String name : entries.keySet()) {
      if (names.length() + name.length() > LONGEST_LIST) {
        return names + " and " + (entries.size() - told) + " more";
      }
      names.append(told == 0 ? "" : ", ").append(name);
      told++;
    }
    return names.toString();
  }

  @Override
  public ToolSpecification specification() {
    return specification;
  }

  @Override
  public boolean changesState() {
    return false;
  }

  @Override
  public ToolResult call(ToolCall call, ToolContext context) {
    String query = call.arguments().string("query");
    List<ToolSpecification> found = find(query);
    return ToolResult.of(
        found.isEmpty()
            ? "No tool is about '" + query + "'. There are: " + names() + "."
            : found.stream()
                .map(ToolSpecification::toJson)
                .collect(
                    Collectors.joining(
                        "\n",
                        "Call what you need of these with "
                            + HiddenTools.CALL
                            + " {\"name\": \""
                            + found.getFirst().name()
                            + "\", \"arguments\": {…}}:\n",
                        "")));
  }

  /** The best first. */
  List<ToolSpecification> find(String query) {
    Set<String> wanted = words(query);
    var asked = Set.of(query.split("[\\s,;:'\"`()]+"));
    var hits = new ArrayList<Hit>();
    for (Entry entry : entries.values()) {
      double score = asked.contains(entry.tool().name()) ? Double.MAX_VALUE : 0;
      for (String word : wanted) {
        score += entry.weight(word) * rarity(word);
      }
      if (score > 0) {
        hits.add(new Hit(entry, score));
      }
    }
    hits.sort(Comparator.comparingDouble(Hit::score).reversed());
    return hits.stream().limit(MOST_FOUND).map(hit -> hit.entry().tool()).toList();
  }

  private double rarity(String word) {
    long having = entries.values().stream().filter(entry -> entry.weight(word) > 0).count();
    return Math.log(1 + (entries.size() - having + 0.5) / (having + 0.5));
  }
}
