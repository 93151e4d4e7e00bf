package dev.qwen4j.memory;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.qwen4j.memory.internal.Words;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/**
 * Facts as lines of a file: {@code {"fact":…,"id":…,"at":…}} adds one, {@code {"forget":id}} takes
 * one back.
 *
 * <p>A line is written by one write at the file's end, which the system does not mix with those of
 * others; ids are random, so nobody needs to know of anybody else. A line that was cut off by a
 * crash is ended by the next one and skipped.
 */
final class FileMemory implements Memory {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path file;

  FileMemory(Path file) {
    this.file = file;
  }

  @Override
  public Fact add(String text) throws IOException {
    String fact = text.strip().replaceAll("\\s+", " ");
    if (fact.isEmpty() || fact.length() > LONGEST_FACT) {
      throw new IllegalArgumentException(
          "A fact must have 1 to %d characters, but has %d: keep the essence of it."
              .formatted(LONGEST_FACT, fact.length()));
    }
    for (Fact known : facts()) {
      if (known.text().equalsIgnoreCase(fact)) {
        return known;
      }
    }
    var added = new Fact(UUID.randomUUID().toString().substring(0, 8), fact, Instant.now());
    append(
        JSON.createObjectNode()
            .put("fact", added.text())
            .put("id", added.id())
            .put("at", added.at().toString()));
    return added;
  }

  @Override
  public boolean forget(String id) throws IOException {
    boolean known = facts().stream().anyMatch(fact -> fact.id().equals(id));
    if (known) {
      append(JSON.createObjectNode().put("forget", id));
    }
    return known;
  }

  @Override
  public List<Fact> recall(String words, int most) throws IOException {
    List<Fact> newest = new ArrayList<>(facts().reversed());
    var wanted = Words.of(words);
    if (wanted.isEmpty()) {
      return newest.subList(0, Math.min(most, newest.size()));
    }
    Map<Fact, Double> scores = new LinkedHashMap<>();
    for (Fact fact : newest) {
      double score = Words.likeness(wanted, Words.of(fact.text()));
      if (score > 0) {
        scores.put(fact, score);
      }
    }
    return scores.entrySet().stream() // Of equals, the newest stays first.
        .sorted(Comparator.comparingDouble(each -> -each.getValue()))
        .limit(most)
        .map(Map.Entry::getKey)
        .toList();
  }

  /** Oldest first. */
  private List<Fact> facts() throws IOException {
    Map<String, Fact> facts = new LinkedHashMap<>();
    if (!Files.exists(file)) {
      return List.of();
    }
    String text = new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
    int readable = 0;
    int lines = 0;
    for (String line : text.lines().filter(each -> !each.isBlank()).toList()) {
      lines++;
      readable += read(line, facts) ? 1 : 0;
    }
    if (lines > 0 && readable == 0) {
      throw new IOException(
          file
              + ": not a memory: expected lines such as {\"fact\":…}, found "
              + text.lines().findFirst().map(FileMemory::cut).orElse(""));
    }
    return List.copyOf(facts.values());
  }

  private static String cut(String line) {
    return line.length() <= 60 ? line : line.substring(0, 60) + "…";
  }

  /** Returns whether the line is one of ours. */
  private static boolean read(String line, Map<String, Fact> facts) {
    try {
      JsonNode node = JSON.readTree(line);
      if (node.path("forget").isTextual()) {
        facts.remove(node.get("forget").textValue());
        return true;
      }
      if (node.path("fact").isTextual() && node.path("id").isTextual()) {
        String id = node.get("id").textValue();
        Instant at = Instant.parse(node.path("at").asText(Instant.EPOCH.toString()));
        facts.put(id, new Fact(id, node.get("fact").textValue(), at));
        return true;
      }
      return false;
    } catch (JsonProcessingException | DateTimeParseException cutOff) {
      return false;
    }
  }

  private void append(ObjectNode line) throws IOException {
    Path folder = file.toAbsolutePath().getParent();
    if (folder != null) {
      Files.createDirectories(folder);
    }
    String start = endsWithLine() ? "" : "\n";
    byte[] bytes = (start + line + "\n").getBytes(StandardCharsets.UTF_8);
    // Not a channel, which would close under a thread that is interrupted.
    try (var out = new FileOutputStream(file.toFile(), true)) {
      out.write(bytes);
      out.getFD().sync();
    }
  }

  private boolean endsWithLine() throws IOException {
    if (!Files.exists(file) || Files.size(file) == 0) {
      return true;
    }
    try (var in = new RandomAccessFile(file.toFile(), "r")) {
      in.seek(in.length() - 1);
      return in.read() == '\n';
    }
  }
}
