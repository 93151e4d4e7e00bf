package dev.qwen4j.tools;

import dev.qwen4j.tool.ToolContext;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One search through files, in the order of their names.
 *
 * <p>Left out: folders of machines ({@link Workspace#isIgnored}), links, binary files, files over
 * 20 MB, and what a line holds beyond its first 20,000 characters. A search takes at most 20
 * seconds, a match in one line at most one: {@link WatchedText} stops patterns that backtrack for
 * ever.
 */
final class FileSearch {
  private static final Duration MAX_TIME = Duration.ofSeconds(20);
  private static final Duration MAX_TIME_PER_LINE = Duration.ofSeconds(1);
  private static final int MAX_LINE = 20_000;
  private static final long MAX_FILE_BYTES = 20L << 20;

  private final Workspace workspace;
  private final Pattern pattern;
  private final PathMatcher wanted;
  private final ToolContext context;
  private final Instant end;
  private final Truncation.Page page = Truncation.MATCHES.page();
  private final WatchedText line;
  private Optional<String> cutShort = Optional.empty();
  private int filesRead;
  private int filesTooLarge;
  private int filesVanished;

  /**
   * Prepares a search.
   *
   * @param wanted which files, by their path relative to the workspace
   */
  FileSearch(Workspace workspace, Pattern pattern, PathMatcher wanted, ToolContext context) {
    this.workspace = workspace;
    this.pattern = pattern;
    this.wanted = wanted;
    this.context = context;
    Instant latest = Instant.now().plus(MAX_TIME);
    this.end = context.deadline().isBefore(latest) ? context.deadline() : latest;
    this.line = new WatchedText(context.cancellation());
  }

  /** Searches {@code start}, a file or a folder, and tells what was found. */
  String run(Path start) throws IOException, Refusal, InterruptedException {
    if (Files.isDirectory(start)) {
      searchFolder(start);
    } else {
      searchFile(start);
    }
    return answer();
  }

  private void searchFolder(Path folder) throws IOException, Refusal, InterruptedException {
    List<Path> entries = new ArrayList<>();
    try (var stream = Files.newDirectoryStream(folder)) {
      stream.forEach(entries::add);
    } catch (AccessDeniedException unreadable) {
      return; // as with grep: what may not be read is not found
    }
    entries.sort(null);
    for (Path entry : entries) {
      if (isDone()) {
        return;
      }
      try {
        searchEntry(entry);
      } catch (NoSuchFileException vanished) {
        filesVanished++; // a build may be running
      }
    }
  }

  private void searchEntry(Path entry) throws IOException, Refusal, InterruptedException {
    var attributes =
        Files.readAttributes(entry, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
    if (attributes.isDirectory()) {
      if (!Workspace.isIgnored(entry)) {
        searchFolder(entry);
      }
    } else if (attributes.isRegularFile()
        && Files.isReadable(entry)
        && wanted.matches(workspace.root().relativize(entry))) {
      if (attributes.size() > MAX_FILE_BYTES) {
        filesTooLarge++;
      } else {
        searchFile(entry);
      }
    }
  }

  private void searchFile(Path file) throws IOException, Refusal, InterruptedException {
    Optional<TextFile> opened = TextFile.open(file);
    if (opened.isEmpty()) {
      return;
    }
    filesRead++;
    String name = workspace.display(file);
    try (TextFile text = opened.get()) {
      var buffer = new StringBuilder();
      long number = 0;
      for (long length; !isDone() && (length = text.readLine(buffer, MAX_LINE)) >= 0; ) {
        number++;
        int[] found = find(buffer, name, number);
        if (found.length > 0) {
          page.add(name + ":" + number + ":" + excerpt(buffer, length, found));
        }
      }
    }
  }

  /** Start and end of the first match; empty if there is none. */
  private int[] find(StringBuilder buffer, String name, long number)
      throws Refusal, InterruptedException {
    line.set(buffer, MAX_TIME_PER_LINE);
    try {
      Matcher matcher = pattern.matcher(line);
      return matcher.find() ? new int[] {matcher.start(), matcher.end()} : new int[0];
    } catch (WatchedText.Stopped stopped) {
      if (stopped.isInterruption()) {
        throw new InterruptedException("search_files was interrupted");
      }
      throw tooHard(name, number);
    } catch (StackOverflowError e) {
      throw tooHard(name, number);
    }
  }

  private Refusal tooHard(String name, long number) {
    return new Refusal(
        "The pattern "
            + pattern
            + " takes too long on "
            + name
            + ":"
            + number
            + ". Make it simpler: no repetition inside a repetition, as in (a+)+.");
  }

  /** The line, or the part around the match if the line is long. */
  private static String excerpt(StringBuilder buffer, long length, int[] found) {
    int room = Truncation.MATCHES.maxLineCharacters();
    if (length <= room) {
      return buffer.toString();
    }
    int from = Math.max(0, Math.min(found[0] - room / 4, buffer.length() - room));
    if (from > 0 && Character.isLowSurrogate(buffer.charAt(from))) {
      from++;
    }
    String cut = Truncation.head(buffer.substring(from), room - 2);
    return (from > 0 ? "…" : "") + cut + (from + cut.length() < length ? "…" : "");
  }

  private boolean isDone() throws InterruptedException {
    if (Thread.interrupted() || context.cancellation().isCancelled()) {
      throw new InterruptedException("search_files was interrupted");
    }
    if (cutShort.isEmpty() && Instant.now().isAfter(end)) {
      cutShort = Optional.of("time ran out");
    }
    if (cutShort.isEmpty() && page.limitMet().isPresent()) {
      cutShort = page.limitMet().map(met -> "limit: " + met);
    }
    return cutShort.isPresent();
  }

  private String answer() {
    var answer = new StringBuilder(page.text());
    if (page.lines() == 0) {
      answer.append("[No line matches ").append(pattern).append(" in ").append(filesRead);
      answer.append(filesRead == 1 ? " file searched]\n" : " files searched]\n");
    }
    if (filesTooLarge > 0) {
      answer.append("[").append(filesTooLarge).append(" files over 20 MB were left out]\n");
    }
    if (filesVanished > 0) {
      answer.append("[").append(filesVanished).append(" files vanished during the search]\n");
    }
    cutShort.ifPresent(
        why ->
            answer
                .append("[Search stopped early (")
                .append(why)
                .append("): there may be more. Narrow it with path, glob or pattern.]\n"));
    return answer.toString();
  }
}
