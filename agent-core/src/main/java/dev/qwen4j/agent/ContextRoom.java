package dev.qwen4j.agent;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.SystemMessage;
import dev.langchain4j.data.message.ToolExecutionResultMessage;
import dev.langchain4j.data.message.UserMessage;
import dev.langchain4j.model.TokenCountEstimator;
import dev.langchain4j.model.output.TokenUsage;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Makes room in the window of the model, for one run.
 *
 * <p>When three quarters of the window are full, old tool results are dropped. If that does not
 * bring it below a half, everything but the last pieces, the last question and what is pinned is
 * replaced by a summary that the model writes. A summary that does not help is not kept: the oldest
 * pieces are then left out. What does not make the conversation smaller is not done, and not tried
 * again before it has grown; a host that keeps complaining is asked {@value #MOST_COMPLAINTS} times
 * at most.
 */
final class ContextRoom {
  private static final int MOST_COMPLAINTS = 4;
  private static final int KEPT_RESULTS = 3;
  private static final int SHORT_RESULT = 200;
  private static final String DROPPED =
      "(This old result was removed to save room. Call the tool again if you need it.)";
  private static final String LEFT_OUT = "(Earlier parts of this conversation were left out.)";
  static final String SUMMARY = "Summary of the conversation so far:\n";

  private final ContextPolicy policy;
  private final TokenCountEstimator tokens;
  private final Summary summary;
  private final Consumer<String> notice;
  private int window;
  private double factor = 1; // What the model counts for each token that the estimator counts.
  private @Nullable Measured measured;
  private int complaints;
  private double stuckAt;

  ContextRoom(ContextPolicy policy, Summary summary, Consumer<String> notice) {
    this.policy = policy;
    this.tokens = policy.tokens();
    this.window = policy.window();
    this.summary = summary;
    this.notice = notice;
  }

  /** A request and what the model counted for it. */
  private record Measured(List<ChatMessage> asked, List<ToolSpecification> tools, int tokens) {}

  /** Learns from what the model itself counted for a request. */
  void learn(List<ChatMessage> asked, List<ToolSpecification> tools, @Nullable TokenUsage usage) {
    if (usage != null && usage.inputTokenCount() != null && usage.inputTokenCount() > 0) {
      complaints = 0;
      measured = new Measured(asked, tools, usage.inputTokenCount());
    }
  }

  /**
   * Compares what was learnt with the estimate, only when somebody wants to know: it takes time.
   */
  private double factor() {
    if (measured != null) {
      int estimated =
          tokens.estimateTokenCountInMessages(measured.asked()) + count(measured.tools());
      factor = Math.clamp((double) measured.tokens() / Math.max(1, estimated), 0.3, 4);
      measured = null;
    }
    return factor;
  }

  private int count(List<ToolSpecification> tools) {
    return tools.stream().mapToInt(tool -> tokens.estimateTokenCountInText(tool.toJson())).sum();
  }

  private double size(List<ChatMessage> messages) {
    return tokens.estimateTokenCountInMessages(messages) * factor();
  }

  /**
   * Makes room before a request if the window is nearly full.
   *
   * @return whether the conversation is another one now
   */
  boolean makeIfNeeded(Conversation conversation, List<ToolSpecification> tools) {
    if (window == Integer.MAX_VALUE) {
      return false;
    }
    double fixed = count(tools) * factor();
    double size = size(conversation.messages());
    return size + fixed > window * 0.75
        && size > stuckAt * 1.1
        && make(conversation, Math.max(window * 0.15, window * 0.5 - fixed));
  }

  /**
   * Makes room after the model has complained, if that is what it did.
   *
   * @return whether it is worth asking again
   */
  boolean makeAfter(
      @Nullable Exception failure, Conversation conversation, List<ToolSpecification> tools) {
    if (failure == null || !Overflow.isIn(failure)) {
      return false;
    }
    complaints++;
    if (complaints > MOST_COMPLAINTS) {
      return false;
    }
    if (Overflow.isRepetition(failure)) {
      return make(conversation, 0); // The window is not the matter: the old calls have to go.
    }
    double size = size(conversation.messages());
    window = Math.min(window, Overflow.window(failure).orElse((int) Math.max(512, size * 0.8)));
    double fixed = count(tools) * factor();
    return make(conversation, Math.min(size * 0.6, Math.max(window * 0.15, window * 0.5 - fixed)));
  }

  private boolean make(Conversation conversation, double target) {
    List<ChatMessage> all = conversation.messages();
    double before = size(all);
    if (conversation.hasOpenCalls()) {
      return false;
    }
    List<ChatMessage> smaller = withoutOldResults(all);
    if (size(smaller) > target) {
      smaller = summarised(smaller, target);
    }
    double after = size(smaller);
    if (after > before * 0.95) { // There is nothing left that could go.
      stuckAt = before;
      return false;
    }
    conversation.replace(smaller);
    notice.accept(
        "Made room in the conversation: from about %.0f tokens to %.0f.".formatted(before, after));
    return true;
  }

  /** Cheap, and without the model: the results that are oldest are the least needed. */
  private static List<ChatMessage> withoutOldResults(List<ChatMessage> messages) {
    long results = messages.stream().filter(ToolExecutionResultMessage.class::isInstance).count();
    var kept = new ArrayList<ChatMessage>();
    long seen = 0;
    for (ChatMessage message : messages) {
      if (message instanceof ToolExecutionResultMessage result) {
        seen++;
        boolean old = seen <= results - KEPT_RESULTS && result.text().length() > SHORT_RESULT;
        kept.add(old ? dropped(result) : result);
      } else {
        kept.add(message);
      }
    }
    return kept;
  }

  private static ChatMessage dropped(ToolExecutionResultMessage result) {
    return ToolExecutionResultMessage.builder()
        .id(result.id())
        .toolName(result.toolName())
        .text(DROPPED)
        .isError(result.isError())
        .build();
  }

  private List<ChatMessage> summarised(List<ChatMessage> messages, double target) {
    boolean instructed = messages.getFirst() instanceof SystemMessage;
    List<List<ChatMessage>> pieces =
        Transcript.pieces(messages.subList(instructed ? 1 : 0, messages.size()));
    int from = firstKept(pieces, target / 2);
    List<ChatMessage> old = pieces.subList(0, from).stream().flatMap(List::stream).toList();
    if (old.isEmpty()) {
      return messages;
    }
    List<ChatMessage> recent =
        pieces.subList(from, pieces.size()).stream().flatMap(List::stream).toList();
    List<ChatMessage> verbatim = verbatim(old, recent);
    List<ChatMessage> toSummarise = old.stream().filter(each -> !verbatim.contains(each)).toList();
    String text = toSummarise.isEmpty() ? null : summary.of(toSummarise, window).orElse(null);
    List<ChatMessage> result =
        together(messages, text == null ? LEFT_OUT : SUMMARY + text, verbatim, recent);
    boolean helps = size(result) < size(messages) * 0.8;
    return helps ? result : together(messages, LEFT_OUT, verbatim, recent);
  }

  /** The last pieces that fit, and in any case the very last. */
  private int firstKept(List<List<ChatMessage>> pieces, double room) {
    int from = pieces.size() - 1;
    double size = size(pieces.get(from));
    while (from > 0 && size + size(pieces.get(from - 1)) <= room) {
      from--;
      size += size(pieces.get(from));
    }
    return from;
  }

  /** What must stay word for word: the pinned, and the question that is being answered. */
  private List<ChatMessage> verbatim(List<ChatMessage> old, List<ChatMessage> recent) {
    boolean asksInRecent = recent.stream().anyMatch(UserMessage.class::isInstance);
    ChatMessage question = null;
    for (ChatMessage message : old) {
      question = message instanceof UserMessage && !isSummary(message) ? message : question;
    }
    ChatMessage asked = asksInRecent ? null : question;
    return old.stream()
        .filter(
            message ->
                message == asked
                    || (policy.pinned().test(message)
                        && !(message instanceof ToolExecutionResultMessage)
                        && !(message instanceof AiMessage reply
                            && reply.hasToolExecutionRequests())))
        .toList();
  }

  static boolean isSummary(ChatMessage message) {
    return message instanceof UserMessage user
        && user.hasSingleText()
        && (user.singleText().startsWith(SUMMARY) || user.singleText().equals(LEFT_OUT));
  }

  private static List<ChatMessage> together(
      List<ChatMessage> before,
      String summary,
      List<ChatMessage> verbatim,
      List<ChatMessage> recent) {
    var all = new ArrayList<ChatMessage>();
    if (before.getFirst() instanceof SystemMessage system) {
      all.add(system);
    }
    all.add(UserMessage.from(summary));
    all.addAll(verbatim);
    all.addAll(recent);
    return all;
  }
}
