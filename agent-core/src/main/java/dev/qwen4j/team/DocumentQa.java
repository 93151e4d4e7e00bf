package dev.qwen4j.team;

import dev.langchain4j.data.document.Document;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.rag.content.Content;
import dev.langchain4j.rag.content.retriever.ContentRetriever;
import dev.langchain4j.rag.query.Query;
import dev.qwen4j.agent.Agent;
import dev.qwen4j.agent.AgentEvent;
import dev.qwen4j.agent.AgentListener;
import dev.qwen4j.agent.Limits;
import dev.qwen4j.agent.RunResult;
import dev.qwen4j.agent.RunScope;
import dev.qwen4j.agent.StopReason;
import dev.qwen4j.tool.Cancellation;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Answers questions about more text than a model's window holds: each passage is asked by itself,
 * many at the same time, and the answer is written from what was found, with the passages cited as
 * {@code [1]}, {@code [2]}. When no passage has anything, the result says so and is no answer.
 *
 * <p>The passages are those of whole documents, or what a retriever finds for the question.
 * Immutable, and safe for any number of threads.
 *
 * <p>It keeps no session, as other teams do: its agents have no tools, so there is nothing that
 * must not be done twice and no question to wait for, and a question that was interrupted is asked
 * again.
 */
public final class DocumentQa {
  private static final String NOTHING = "NONE";
  private static final List<String> SOURCES = List.of("file_name", "source", "url", "title");

  private final Limits limits;
  private final int atOnce;
  private final int passageSize;
  private final int mostFindings;
  private final Agent reader;
  private final Agent writer;

  private DocumentQa(Builder builder, StreamingChatModel model) {
    this.limits = builder.limits;
    this.atOnce = builder.atOnce;
    this.passageSize = builder.passageSize;
    this.mostFindings = builder.passageSize * 4;
    this.reader =
        Agent.builder()
            .name("reader")
            .model(model)
            .instructions(
                "You read one passage of a longer text and look for what answers a question. Quote"
                    + " the sentences that help, word for word, and say nothing else. If none do,"
                    + " reply with the one word "
                    + NOTHING
                    + ". Never answer from anything but the passage.")
            .build();
    this.writer =
        Agent.builder()
            .name("writer")
            .model(model)
            .instructions(
                "You answer a question from numbered findings and from nothing else. Put the number"
                    + " of each finding you use after the sentence it supports, as [1]. If they do"
                    + " not answer the question, say what is missing.")
            .build();
  }

  public static Builder builder() {
    return new Builder();
  }

  /** Answers from whole documents. */
  public RunResult ask(
      String question,
      List<Document> documents,
      AgentListener listener,
      Cancellation cancellation) {
    var passages = new ArrayList<TextSegment>();
    for (Document document : documents) {
      passages.addAll(passages(document));
    }
    return run(question, (talk, scope) -> answer(talk, passages, scope), listener, cancellation);
  }

  /** Answers from what the retriever finds. */
  public RunResult ask(
      String question,
      ContentRetriever retriever,
      AgentListener listener,
      Cancellation cancellation) {
    return run(
        question,
        (talk, scope) -> {
          Optional<List<Content>> found;
          try {
            found = scope.await(() -> retriever.retrieve(Query.from(question)));
          } catch (Exception e) {
            return talk.failed(e);
          }
          List<Content> contents = found.orElse(List.of());
          return answer(talk, contents.stream().map(Content::textSegment).toList(), scope);
        },
        listener,
        cancellation);
  }

  private RunResult run(
      String question, SharedTalk.Steps steps, AgentListener listener, Cancellation cancellation) {
    RunScope scope = RunScope.of("documents", limits, listener, cancellation, null, List.of());
    return SharedTalk.run(scope, List.of(UserMessage.from(question)), steps);
  }

  private RunResult answer(SharedTalk talk, List<TextSegment> passages, RunScope scope) {
    String question = talk.question();
    var work = new ArrayList<Function<RunScope, RunResult>>();
    for (int i = 0; i < passages.size(); i++) {
      String part = "passage-" + (i + 1);
      var asked = UserMessage.from(passage(passages.get(i)) + "\n\nThe question: " + question);
      work.add(within -> within.run(reader, part, List.of(asked)));
    }
    List<Optional<RunResult>> read = scope.inParallel(atOnce, work);
    Optional<StopReason> over = scope.over();
    if (over.isPresent()) {
      return talk.ended(over.get(), "", false);
    }
    var findings = new ArrayList<String>();
    int unread = 0;
    RunResult failed = null;
    for (int i = 0; i < read.size(); i++) {
      RunResult found = read.get(i).filter(RunResult::answered).orElse(null);
      if (found == null) {
        unread++;
        failed = read.get(i).orElse(failed);
      } else if (!isNothing(found.text())) {
        findings.add(source(passages.get(i)) + "\n" + found.text().strip());
      }
    }
    if (failed != null && unread == read.size()) {
      return talk.endedAs(reader.name(), failed);
    }
    if (unread > 0) {
      scope.tell(
          new AgentEvent.Notice(
              scope.path(), unread + " of " + read.size() + " passages could not be read."));
    }
    if (findings.isEmpty()) {
      return talk.ended(
          StopReason.ANSWER,
          "None of the %d passages says anything about this.".formatted(passages.size()),
          false);
    }
    var asked = UserMessage.from(numbered(findings, scope) + "\nThe question: " + question);
    return talk.endedAs(writer.name(), scope.run(writer, "answer", List.of(asked)));
  }

  private static String passage(TextSegment passage) {
    return "The passage:\n<passage>\n" + passage.text().strip() + "\n</passage>";
  }

  private static boolean isNothing(String reply) {
    String word = reply.strip().toUpperCase(Locale.ROOT).replaceAll("[^A-Z]", "");
    return reply.isBlank() || word.equals(NOTHING);
  }

  private static String source(TextSegment passage) {
    Map<String, Object> metadata = passage.metadata().toMap();
    Object name =
        SOURCES.stream().map(metadata::get).filter(Objects::nonNull).findFirst().orElse(null);
    Object page = metadata.get("page");
    return name == null ? "" : "(" + name + (page == null ? "" : ", page " + page) + ")";
  }

  /** As many of the findings as the writer can take; those left out are told of. */
  private String numbered(List<String> findings, RunScope scope) {
    var all = new StringBuilder("Findings:\n");
    for (int i = 0; i < findings.size(); i++) {
      String finding = "[%d] %s\n\n".formatted(i + 1, findings.get(i));
      if (i > 0 && all.length() + finding.length() > mostFindings) {
        scope.tell(
            new AgentEvent.Notice(
                scope.path(),
                "%d of %d findings had no room and were left out."
                    .formatted(findings.size() - i, findings.size())));
        break;
      }
      all.append(finding);
    }
    return all.toString();
  }

  /** Whole paragraphs as long as they fit, with the metadata of the document. */
  private List<TextSegment> passages(Document document) {
    var passages = new ArrayList<TextSegment>();
    var passage = new StringBuilder();
    for (String paragraph : document.text().split("\\n\\s*\\n", -1)) {
      for (String piece : pieces(paragraph.strip())) {
        if (!passage.isEmpty() && passage.length() + piece.length() > passageSize) {
          passages.add(TextSegment.from(passage.toString(), document.metadata().copy()));
          passage.setLength(0);
        }
        passage.append(passage.isEmpty() ? "" : "\n\n").append(piece);
      }
    }
    if (!passage.isEmpty()) {
      passages.add(TextSegment.from(passage.toString(), document.metadata().copy()));
    }
    return passages;
  }

  /** A paragraph that is longer than a passage is cut, at the end of a sentence if there is one. */
  private List<String> pieces(String paragraph) {
    var pieces = new ArrayList<String>();
    String rest = paragraph;
    while (rest.length() > passageSize) {
      int cut = end(rest);
      pieces.add(rest.substring(0, cut).strip());
      rest = rest.substring(cut).strip();
    }
    if (!rest.isEmpty()) {
      pieces.add(rest);
    }
    return pieces;
  }

  private int end(String text) {
    int last =
        Stream.of(". ", "。", "\n", " ")
            .mapToInt(end -> text.lastIndexOf(end, passageSize - 2))
            .filter(at -> at > passageSize / 2)
            .findFirst()
            .orElse(passageSize - 2);
    return Character.isLowSurrogate(text.charAt(last + 1)) ? last : last + 1;
  }

  /** Describes a reader of documents. The model is required. */
  public static final class Builder {
    private @Nullable StreamingChatModel model;
    private Limits limits = Limits.DEFAULT;
    private int atOnce = 8;
    private int passageSize = 4000;

    private Builder() {}

    public Builder model(StreamingChatModel model) {
      this.model = Objects.requireNonNull(model, "model");
      return this;
    }

    /** For reading and answering together. */
    public Builder limits(Limits limits) {
      this.limits = Objects.requireNonNull(limits, "limits");
      return this;
    }

    /** How many passages are asked at the same time: 8 unless told otherwise. */
    public Builder atOnce(int passages) {
      this.atOnce = passages;
      return this;
    }

    /** How many characters of a document are asked at a time: 4000 unless told otherwise. */
    public Builder passageSize(int characters) {
      this.passageSize = characters;
      return this;
    }

    /**
     * Checks the description and freezes it.
     *
     * @throws IllegalArgumentException if there is no model, or a size makes no sense
     */
    public DocumentQa build() {
      StreamingChatModel chosen = model;
      if (chosen == null) {
        throw new IllegalArgumentException("Reading documents needs a model: call .model(…).");
      }
      if (atOnce < 1 || passageSize < 200) {
        throw new IllegalArgumentException(
            "atOnce must be at least 1 and passageSize at least 200, but they were %d and %d"
                .formatted(atOnce, passageSize));
      }
      return new DocumentQa(this, chosen);
    }
  }
}
