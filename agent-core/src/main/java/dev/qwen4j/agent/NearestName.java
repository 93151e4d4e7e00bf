package dev.qwen4j.agent;

import java.util.Collection;
import java.util.Locale;
import java.util.Optional;

/** Finds what someone probably meant by a name that does not exist. */
final class NearestName {
  private NearestName() {}

  /** The one name that differs only in case, dashes, dots, underscores or spaces. */
  static Optional<String> sameLetters(String name, Collection<String> names) {
    var same = names.stream().filter(each -> letters(each).equals(letters(name))).toList();
    return same.size() == 1 && !letters(name).isEmpty()
        ? Optional.of(same.getFirst())
        : Optional.empty();
  }

  /** The name with the smallest edit distance, if that is at most a third of its length. */
  static Optional<String> of(String name, Collection<String> names) {
    String wanted = letters(name);
    String nearest = null;
    int smallest = Integer.MAX_VALUE;
    for (String each : names) {
      int distance = distance(wanted, letters(each));
      if (distance < smallest && distance <= Math.max(1, letters(each).length() / 3)) {
        smallest = distance;
        nearest = each;
      }
    }
    return Optional.ofNullable(nearest);
  }

  private static String letters(String name) {
    return name.toLowerCase(Locale.ROOT).replaceAll("[-_. ]", "");
  }

  /** Levenshtein's: how many letters must be added, dropped or replaced. */
  private static int distance(String a, String b) {
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(replaced, Math.min(row[j], row[j - 1]) + 1);
      }
    }
    return row[b.length()];
  }
}
