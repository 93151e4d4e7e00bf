package dev.qwen4j.inference.internal.tokenizer;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.function.Consumer;
import java.util.function.IntConsumer;

/** The added tokens of a vocabulary, found in text leftmost first, the longest at each place. */
final class Markers {
  private final Map<String, Integer> ids = new HashMap<>();
  private final Map<Character, List<String>> byFirstCharacter = new HashMap<>();

  void add(String marker, int id) {
    if (marker.isEmpty() || ids.putIfAbsent(marker, id) != null) {
      return;
    }
    List<String> alike =
        byFirstCharacter.computeIfAbsent(marker.charAt(0), first -> new ArrayList<>());
    alike.add(marker);
    alike.sort(Comparator.comparingInt(String::length).reversed());
  }

  OptionalInt id(String marker) {
    Integer id = ids.get(marker);
    return id == null ? OptionalInt.empty() : OptionalInt.of(id);
  }

  /** Hands over the text between markers (never empty) and the markers' ids, in order. */
  void split(String text, Consumer<String> onText, IntConsumer onMarker) {
    int from = 0;
    for (int i = 0; i < text.length(); i++) {
      for (String marker : byFirstCharacter.getOrDefault(text.charAt(i), List.of())) {
        if (text.startsWith(marker, i)) {
          if (i > from) {
            onText.accept(text.substring(from, i));
          }
          Integer id = ids.get(marker);
          if (id != null) {
            onMarker.accept(id);
          }
          from = i + marker.length();
          i = from - 1;
          break;
        }
      }
    }
    if (from < text.length()) {
      onText.accept(text.substring(from));
    }
  }
}
