package dev.qwen4j.mcp;

import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * A child process that speaks in lines: UTF-8 text, one message a line. Three daemon threads carry
 * its input, output and error output, so that neither a server that does not read nor one that does
 * not end can hold up a caller or the end of this JVM.
 *
 * <p>The child sees only the variables of {@link #INHERITED} and those it is given: keys in the
 * environment of the agent are none of its business.
 */
final class ServerProcess implements AutoCloseable {
  /** What a program needs to start at all; the list of the MCP SDKs, with the locale. */
  private static final Set<String> INHERITED =
      Set.of(
          ("HOME LOGNAME PATH SHELL TERM USER LANG LC_ALL TMPDIR APPDATA HOMEDRIVE HOMEPATH"
                  + " LOCALAPPDATA PATHEXT PROCESSOR_ARCHITECTURE SYSTEMDRIVE SYSTEMROOT TEMP TMP"
                  + " USERNAME USERPROFILE")
              .split(" "));

  private static final int MAX_MESSAGE = 16 << 20;
  private static final int KEPT_LINES = 5;
  private static final int KEPT_CHARACTERS = 300;
  private static final Duration PATIENCE = Duration.ofMillis(700);

  private final List<String> command;
  private final Process process;

  /** Lines to write; an empty one of these closes the child's input. */
  private final BlockingQueue<Optional<String>> outgoing = new LinkedBlockingQueue<>();

  private final Deque<String> lastWords = new ArrayDeque<>();
  private final CompletableFuture<String> gone = new CompletableFuture<>();

  /**
   * Starts it.
   *
   * @throws McpServerException if there is no such command
   */
  ServerProcess(List<String> command, Map<String, String> environment, Optional<Path> directory) {
    this.command = List.copyOf(command);
    var builder = new ProcessBuilder(command);
    directory.ifPresent(folder -> builder.directory(folder.toFile()));
    builder.environment().keySet().removeIf(name -> !INHERITED.contains(name));
    builder.environment().putAll(environment);
    try {
      process = builder.start();
    } catch (IOException e) {
      throw new McpServerException(
          "Cannot start the MCP server '" + this + "': " + e.getMessage(), e);
    }
  }

  /** Begins to carry lines; each line the child writes goes to {@code onLine}, on one thread. */
  void carry(Consumer<String> onLine) {
    Thread errors = daemon("errors", this::readErrors);
    daemon("input", this::write);
    daemon(
        "output",
        () -> {
          String end = "has closed its output";
          try {
            read(onLine);
          } catch (IOException e) {
            end = "broke off: " + e.getMessage();
          }
          gone.complete(end + exit(errors));
        });
  }

  /** Sends one line; it is written when the child reads. */
  void send(String line) {
    outgoing.add(Optional.of(line));
  }

  /** Done, with what happened, once the child says no more. */
  CompletableFuture<String> gone() {
    return gone;
  }

  /** Keeps a line for {@link #lastWords}. */
  void remember(String line) {
    String kept = line.strip();
    if (kept.isEmpty()) {
      return;
    }
    synchronized (lastWords) {
      lastWords.addLast(shortened(kept));
      if (lastWords.size() > KEPT_LINES) {
        lastWords.removeFirst();
      }
    }
  }

  /** The last lines of the error output as one line, with a colon before; empty if none. */
  String lastWords() {
    synchronized (lastWords) {
      return lastWords.isEmpty() ? "" : ": " + String.join(" | ", lastWords);
    }
  }

  /**
   * Ends the child and its children: asks by closing its input, then by a signal, then kills. Takes
   * about two seconds at most, also if the child does not read and its input is full.
   */
  @Override
  public void close() {
    List<ProcessHandle> family =
        Stream.concat(process.descendants(), Stream.of(process.toHandle())).toList();
    outgoing.add(Optional.empty());
    boolean interrupted = !awaitEnd(family);
    if (!interrupted && family.stream().anyMatch(ProcessHandle::isAlive)) {
      family.forEach(ProcessHandle::destroy);
      interrupted = !awaitEnd(family);
    }
    family.forEach(ProcessHandle::destroyForcibly);
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** The command as the user wrote it, or the begin of it. */
  @Override
  public String toString() {
    return shortened(String.join(" ", command));
  }

  private static String shortened(String text) {
    return text.length() <= KEPT_CHARACTERS ? text : text.substring(0, KEPT_CHARACTERS) + "…";
  }

  /** Waits a little for all to end; false if the wait was interrupted. */
  private static boolean awaitEnd(List<ProcessHandle> family) {
    long end = System.nanoTime() + PATIENCE.toNanos();
    try {
      while (family.stream().anyMatch(ProcessHandle::isAlive) && System.nanoTime() < end) {
        Thread.sleep(10);
      }
      return true;
    } catch (InterruptedException e) {
      return false;
    }
  }

  private Thread daemon(String what, Runnable work) {
    return Thread.ofPlatform().daemon().name("mcp-" + process.pid() + "-" + what).start(work);
  }

  private void read(Consumer<String> onLine) throws IOException {
    try (var reader =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      var line = new StringBuilder();
      for (int c; (c = reader.read()) >= 0; ) {
        if (c != '\n') {
          line.append((char) c);
          if (line.length() > MAX_MESSAGE) {
            process.destroyForcibly();
            throw new IOException("it sent a message over 16 MB");
          }
        } else {
          onLine.accept(line.toString());
          line.setLength(0);
        }
      }
    }
  }

  private void write() {
    try (var writer =
        new BufferedWriter(
            new OutputStreamWriter(process.getOutputStream(), StandardCharsets.UTF_8))) {
      while (!gone.isDone()) {
        Optional<String> line = outgoing.poll(200, TimeUnit.MILLISECONDS);
        if (line != null) {
          if (line.isEmpty()) {
            return;
          }
          writer.write(line.get());
          writer.write('\n');
          writer.flush();
        }
      }
    } catch (IOException e) {
      remember("it no longer reads: " + e.getMessage());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void readErrors() {
    try (var reader =
        new BufferedReader(
            new InputStreamReader(process.getErrorStream(), StandardCharsets.UTF_8), 1024)) {
      var line = new StringBuilder();
      for (int c; (c = reader.read()) >= 0; ) {
        if (c == '\n') {
          remember(line.toString());
          line.setLength(0);
        } else if (line.length() <= KEPT_CHARACTERS) {
          line.append((char) c);
        }
      }
      remember(line.toString());
    } catch (IOException e) {
      remember("its error output broke off: " + e.getMessage());
    }
  }

  /** How it ended, once its error output is read too; it may also live on without a voice. */
  private String exit(Thread errors) {
    try {
      if (!process.waitFor(PATIENCE.toMillis(), TimeUnit.MILLISECONDS)) {
        return lastWords();
      }
      errors.join(PATIENCE);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return lastWords();
    }
    return " and ended with exit code " + process.exitValue() + lastWords();
  }
}
