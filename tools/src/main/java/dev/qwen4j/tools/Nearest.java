package dev.qwen4j.tools;

import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/** Names that a mistyped one may have meant. */
final class Nearest {
  private Nearest() {}

  /** At most {@code count} candidates, the likeliest first; empty when none is close. */
  static List<String> to(String wrong, Collection<String> candidates, int count) {
    String key = wrong.toLowerCase(Locale.ROOT);
    int tolerance = Math.max(2, key.length() / 3);
    record Scored(String name, int distance) {}
    return candidates.stream()
        .map(name -> new Scored(name, distance(key, name.toLowerCase(Locale.ROOT), tolerance)))
        .filter(scored -> scored.distance <= tolerance)
        .sorted(Comparator.comparingInt(Scored::distance).thenComparing(Scored::name))
        .limit(count)
        .map(Scored::name)
        .toList();
  }

  /** Edit distance (insert, delete, replace); a name that contains the other whole is at most 1. */
  private static int distance(String a, String b, int tolerance) {
    if (a.equals(b)) {
      return 0;
    }
    if (a.length() >= 3 && b.length() >= 3 && (b.contains(a) || a.contains(b))) {
      return 1;
    }
    if (Math.abs(a.length() - b.length()) > tolerance) {
      return Integer.MAX_VALUE;
    }
    int[] previous = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      previous[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int[] row = new int[b.length() + 1];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int replace = previous[j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        row[j] = Math.min(replace, Math.min(previous[j], row[j - 1]) + 1);
      }
      previous = row;
    }
    return previous[b.length()];
  }
}
