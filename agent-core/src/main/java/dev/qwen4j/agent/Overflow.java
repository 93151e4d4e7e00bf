package dev.qwen4j.agent;

import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** How servers and engines say that they want a shorter prompt, in their own words. */
final class Overflow {
  private static final List<Pattern> PHRASES =
      List.of(
          // vLLM, SGLang, OpenAI: "This model's maximum context length is 8192 tokens."
          Pattern.compile("maximum context length (?:is|of) (\\d+)"),
          // DashScope: "Range of input length should be [1, 30720]"
          Pattern.compile("range of input length should be \\[1, ?(\\d+)\\]"),
          // Our own engine: "the prompt has 50865 tokens, the context is 32768"
          Pattern.compile("the prompt has \\d+ tokens, the context is (\\d+)"),
          // llama.cpp: "the request exceeds the available context size (4096 tokens)"
          Pattern.compile("exceeds? the available context size(?:[^\\d]{0,20}(\\d+))?"),
          Pattern.compile("context_length_exceeded"),
          Pattern.compile("(?:prompt|input) is too long"),
          Pattern.compile("exceeds the (?:model's )?(?:maximum )?context (?:length|window)"));

  /** DashScope's guard, which ends long sessions over calls that are much alike. */
  private static final Pattern REPETITION = Pattern.compile("repetitive tool calls detected");

  private Overflow() {}

  /** Whether a shorter conversation would be taken. */
  static boolean isIn(@Nullable Exception failure) {
    return find(failure) != null || isRepetition(failure);
  }

  /** Whether the prompt is not too long, but has too many calls that are alike. */
  static boolean isRepetition(@Nullable Exception failure) {
    return REPETITION.matcher(message(failure)).find();
  }

  /** The window, if the message says it. */
  static OptionalInt window(@Nullable Exception failure) {
    Matcher found = find(failure);
    return found == null || found.groupCount() == 0 || found.group(1) == null
        ? OptionalInt.empty()
        : OptionalInt.of(Integer.parseInt(found.group(1)));
  }

  private static @Nullable Matcher find(@Nullable Exception failure) {
    String message = message(failure);
    for (Pattern phrase : PHRASES) {
      Matcher matcher = phrase.matcher(message);
      if (matcher.find()) {
        return matcher;
      }
    }
    return null;
  }

  private static String message(@Nullable Exception failure) {
    return failure == null || failure.getMessage() == null
        ? ""
        : failure.getMessage().toLowerCase(Locale.ROOT);
  }
}
