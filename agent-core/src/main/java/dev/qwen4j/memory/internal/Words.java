package dev.qwen4j.memory.internal;

import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;

/** What two texts have to do with each other, by the words they share. */
public final class Words {
  private static final Pattern WORD = Pattern.compile("[\\p{L}\\p{N}]+");
  private static final List<String> ENDINGS = List.of("ing", "ies", "ed", "es", "s", "e", "y");
  private static final int SHORTEST_STEM = 4;

  private Words() {}

  /**
   * The words of a text without their endings; of scripts without spaces, each pair of neighbours.
   */
  public static Set<String> of(String text) {
    Set<String> words = new HashSet<>();
    WORD.matcher(text.toLowerCase(Locale.ROOT))
        .results()
        .map(found -> found.group())
        .forEach(word -> add(word, words));
    return words;
  }

  private static void add(String word, Set<String> words) {
    if (word.codePoints().anyMatch(Character::isIdeographic)) {
      for (int i = 0; i + 1 < word.length(); i++) {
        words.add(word.substring(i, i + 2));
      }
      if (word.length() == 1) {
        words.add(word);
      }
    } else {
      words.add(stem(word));
    }
  }

  private static String stem(String word) {
    for (String ending : ENDINGS) {
      int length = word.length() - ending.length();
      if (word.endsWith(ending) && length >= SHORTEST_STEM) {
        return word.substring(0, length);
      }
    }
    return word;
  }

  /** How much of what is wanted is there, as a number above 0, or 0. */
  public static double likeness(Set<String> wanted, Set<String> there) {
    double shared = 0;
    for (String word : wanted) {
      shared += there.contains(word) ? Math.min(word.length(), 8) : 0; // Long words say more.
    }
    return shared;
  }
}
