package dev.qwen4j.dialect;

import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * What small models write when they have lost the thread: call after call, with results of their
 * own making, in something like JSON.
 */
public final class BrokenCalls {
  private static final Pattern WRAPPING =
      Pattern.compile("</?tool_(?:call|response)>|```(?:json|tool_call)?");

  private BrokenCalls() {}

  /**
   * Whether a text, in which no call could be read, is nothing but something like calls: it begins
   * as one of a declared tool does, and has no words behind the last brace.
   */
  public static boolean fill(String text, Set<String> declared) {
    String bare = WRAPPING.matcher(text).replaceAll("").strip();
    return !declared.isEmpty()
        && (bare.endsWith("}") || bare.endsWith("]"))
        && beginning(declared).matcher(bare).lookingAt();
  }

  private static Pattern beginning(Set<String> declared) {
    return Pattern.compile(
        declared.stream()
            .map(Pattern::quote)
            .collect(
                Collectors.joining(
                    "|", "\\[?\\s*\\{\\s*[\"']name[\"']\\s*:\\s*[\"'](?:", ")[\"']")));
  }
}
