package dev.qwen4j.rag;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.qwen4j.tool.Tool;
import dev.qwen4j.tool.ToolCall;
import dev.qwen4j.tool.ToolContext;
import dev.qwen4j.tool.ToolResult;
import java.io.IOException;
import java.util.List;

/** {@code search_documents}: numbered passages with their sources, ready to be cited. */
final class SearchDocuments implements Tool {
  private static final int USUAL = 5;
  private static final int MOST = 10;

  private final DocumentIndex index;

  SearchDocuments(DocumentIndex index) {
    this.index = index;
  }

  @Override
  public ToolSpecification specification() {
    return ToolSpecification.builder()
        .name("search_documents")
        .description(
            "Searches the user's documents and returns numbered passages with their sources. Cite"
                + " a passage in the answer by its number, as [1].")
        .parameters(
            JsonObjectSchema.builder()
                .addStringProperty("query", "Words to look for, in the language of the documents")
                .addIntegerProperty("limit", "How many passages, at most 10 (default 5)")
                .required("query")
                .build())
        .build();
  }

  @Override
  public ToolResult call(ToolCall call, ToolContext context) throws IOException {
    String query = call.arguments().string("query");
    int limit = Math.clamp(call.arguments().integer("limit", USUAL), 1, MOST);
    List<Passage> passages = index.search(query, limit);
    if (passages.isEmpty()) {
      return ToolResult.of("[No passage matches. Try other words.]");
    }
    var answer = new StringBuilder();
    for (int i = 0; i < passages.size(); i++) {
      Passage passage = passages.get(i);
      answer.append('[').append(i + 1).append("] ").append(passage.citation()).append('\n');
      answer.append(passage.text()).append("\n\n");
    }
    return ToolResult.of(
        answer.append("Cite these as [1] to [" + passages.size() + "].").toString());
  }

  @Override
  public boolean changesState() {
    return false;
  }
}
