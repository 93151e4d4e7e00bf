package dev.qwen4j.team;

import static dev.qwen4j.testing.ScriptedModel.reply;
import static org.assertj.core.api.Assertions.assertThat;

import dev.langchain4j.data.document.Document;
import dev.langchain4j.data.document.Metadata;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.rag.content.Content;
import dev.qwen4j.agent.RunResult;
import dev.qwen4j.agent.StopReason;
import dev.qwen4j.testing.RecordingListener;
import dev.qwen4j.testing.ScriptedModel;
import dev.qwen4j.tool.Cancellation;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Each passage is asked by itself, at the same time; the findings are merged into one answer. */
class DocumentQaTest {
  private final ScriptedModel model = new ScriptedModel();
  private final RecordingListener listener = new RecordingListener();
  private final DocumentQa documents =
      DocumentQa.builder().model(model).passageSize(200).atOnce(4).build();

  private static String last(ChatRequest request) {
    return SharedTalk.text(request.messages().getLast());
  }

  private static Document document(String name, String text) {
    return Document.from(text, Metadata.from("file_name", name).put("page", 3));
  }

  @Test
  void passagesAreAskedAtTheSameTimeAndTheFindingsMerged() {
    var all = new CyclicBarrier(3);
    model.otherwise(
        request -> {
          String asked = last(request);
          if (asked.startsWith("Findings:")) {
            return reply().text("Grey, and it eats fish [1][2].");
          }
          String found =
              asked.contains("grey")
                  ? "\"The heron is grey.\""
                  : asked.contains("fish") ? "\"It eats fish.\"" : " none. ";
          return reply()
              .then(
                  () -> {
                    try {
                      all.await(60, TimeUnit.SECONDS);
                    } catch (Exception e) {
                      throw new IllegalStateException(e);
                    }
                  })
              .text(found);
        });
    var threads = new HashSet<Thread>();

    RunResult result =
        documents.ask(
            "What is a heron?",
            List.of(
                document("a.txt", "The heron is grey."),
                document("b.txt", "It eats fish."),
                document("c.txt", "Bread is baked.")),
            event -> {
              threads.add(Thread.currentThread());
              listener.onEvent(event);
            },
            new Cancellation());

    assertThat(result.text()).isEqualTo("Grey, and it eats fish [1][2].");
    assertThat(last(model.requests().getLast()))
        .isEqualTo(
            "Findings:\n[1] (a.txt, page 3)\n\"The heron is grey.\"\n\n"
                + "[2] (b.txt, page 3)\n\"It eats fish.\"\n\n\nThe question: What is a heron?");
    assertThat(threads).containsExactly(Thread.currentThread());
    assertThat(result.turns()).isEqualTo(4);
  }

  @Test
  void nothingFoundIsNoAnswer() {
    model.otherwise(request -> reply().text("NONE"));
    RunResult result =
        documents.ask(
            "?",
            List.of(Document.from("a\n\nb"), Document.from("c")),
            listener,
            new Cancellation());
    assertThat(result.answered()).isFalse();
    assertThat(result.text()).isEqualTo("None of the 2 passages says anything about this.");
  }

  @Test
  void longDocumentsAreCutAtParagraphsAndSentences() {
    model.otherwise(request -> reply().text("NONE"));
    String sentence = "This sentence has some forty characters. ";
    documents.ask(
        "?",
        List.of(Document.from("First.\n\nSecond.\n\n" + sentence.repeat(12) + "\n\nLast.")),
        listener,
        new Cancellation());
    assertThat(model.requests())
        .hasSizeBetween(3, 5)
        .allSatisfy(request -> assertThat(last(request)).contains("<passage>"))
        .anySatisfy(request -> assertThat(last(request)).contains("First.\n\nSecond."))
        .allSatisfy(request -> assertThat(last(request)).hasSizeLessThan(290));
  }

  @Test
  void aRetrieverFindsThePassages() {
    model.enqueueText("\"yes\"").enqueueText("Yes [1].");
    RunResult result =
        documents.ask(
            "?",
            query -> List.of(Content.from(TextSegment.from("About " + query.text()))),
            listener,
            new Cancellation());
    assertThat(result.text()).isEqualTo("Yes [1].");
    assertThat(last(model.requests().getFirst())).contains("About ?");
  }

  @Test
  void passagesThatCannotBeReadAreSaid() {
    model.otherwise(
        request ->
            last(request).contains("broken")
                ? reply().fail(new IllegalStateException("down"))
                : reply().text("Found."));
    RunResult result =
        documents.ask(
            "?",
            List.of(Document.from("broken"), Document.from("good")),
            listener,
            new Cancellation());
    assertThat(result.text()).isEqualTo("Found.");
    assertThat(listener.notices()).contains("1 of 2 passages could not be read.");
  }

  @Test
  void aModelThatIsDownIsAFailure() {
    model.otherwise(request -> reply().fail(new IllegalStateException("down")));
    RunResult result =
        documents.ask("?", List.of(Document.from("a")), listener, new Cancellation());
    assertThat(result.stopReason()).isEqualTo(StopReason.ERROR);
  }

  @Test
  void aSearchThatHangsOrFailsEndsTheRun() {
    var cancellation = new Cancellation();
    RunResult cancelled =
        documents.ask(
            "?",
            query -> {
              cancellation.cancel();
              while (!Thread.interrupted()) {
                Thread.onSpinWait();
              }
              return List.of();
            },
            listener,
            cancellation);
    assertThat(cancelled.stopReason()).isEqualTo(StopReason.CANCELLED);

    RunResult failed =
        documents.ask(
            "?",
            query -> {
              throw new IllegalStateException("the index is gone");
            },
            listener,
            new Cancellation());
    assertThat(failed.stopReason()).isEqualTo(StopReason.ERROR);
    assertThat(failed.error()).hasValue("the index is gone");
    assertThat(model.requests()).isEmpty();
  }

  @Test
  void cancellationEndsTheReading() {
    var cancellation = new Cancellation();
    model.otherwise(request -> reply().then(cancellation::cancel).hang());
    RunResult result =
        documents.ask("?", List.of(Document.from("a"), Document.from("b")), listener, cancellation);
    assertThat(result.stopReason()).isEqualTo(StopReason.CANCELLED);
  }
}
