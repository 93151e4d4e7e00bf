package dev.qwen4j.agent;

import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.chat.request.ChatRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * Has the model summarise a part of a conversation, in slices that fit its window, each with the
 * summary of those before.
 */
final class Summary {
  private static final int MOST_SLICES = 6;
  private static final String INSTRUCTIONS =
      "You summarise conversations between a user and an assistant with tools. Keep what is needed"
          + " to go on with the work: what the user wants, decisions, facts, numbers, names of"
          + " files, what was done, what is open. Write only the summary.";

  private final Function<ChatRequest, Reply> model;

  /**
   * @param model answers a request without showing the answer to the user
   */
  Summary(Function<ChatRequest, Reply> model) {
    this.model = model;
  }

  /**
   * The summary, if the model gives one.
   *
   * @param window of the model, in tokens
   */
  Optional<String> of(List<ChatMessage> messages, int window) {
    int words = Math.clamp(window / 24, 60, 500);
    int slice = (int) Math.clamp(window * 1.2, 800, 60_000); // Characters: a third of the window.
    Optional<String> summary = Optional.empty();
    for (String part : slices(messages, slice)) {
      String before = summary.map(text -> "The summary so far:\n" + text + "\n\n").orElse("");
      Reply reply =
          model.apply(
              ChatRequest.builder()
                  .messages(
                      SystemMessage.from(INSTRUCTIONS),
                      UserMessage.from(
                          before
                              + "The conversation goes on:\n"
                              + part
                              + "\n\nSummarise everything so far in at most "
                              + words
                              + " words."))
                  .build());
      if (!reply.isWhole() || reply.text().isBlank()) {
        return summary;
      }
      summary = Optional.of(Transcript.shortened(reply.text().strip(), words * 12));
    }
    return summary;
  }

  private static List<String> slices(List<ChatMessage> messages, int size) {
    var slices = new ArrayList<String>();
    var slice = new StringBuilder();
    for (ChatMessage message : messages) {
      String line = Transcript.told(message, size / 3);
      if (!slice.isEmpty() && slice.length() + line.length() > size) {
        slices.add(slice.toString());
        slice.setLength(0);
      }
      slice.append(line).append('\n');
    }
    slices.add(slice.toString());
    // The beginning says what it is all about, the end where it stands.
    return slices.size() <= MOST_SLICES
        ? slices
        : new ArrayList<>(
            java.util.stream.Stream.concat(
                    slices.subList(0, 2).stream(),
                    slices.subList(slices.size() - MOST_SLICES + 2, slices.size()).stream())
                .toList());
  }
}
