package dev.qwen4j.examples;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.UserInterruptException;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;

/** Where the user's lines come from: an editing terminal with a history, or a plain stream. */
interface LineSource extends AutoCloseable {
  /** The next line, or nothing when there are no more. */
  Optional<String> next() throws IOException;

  /** Says something to a person who is there to read it. */
  void greet(String text);

  @Override
  void close() throws IOException;

  static LineSource of(Surroundings surroundings) throws IOException {
    return surroundings.isTerminal("in") && surroundings.isTerminal("out")
        ? new Prompt(surroundings)
        : new Piped(surroundings);
  }

  /** Lines from a pipe or file. */
  final class Piped implements LineSource {
    private final BufferedReader reader;

    private Piped(Surroundings surroundings) {
      this.reader =
          new BufferedReader(new InputStreamReader(surroundings.in(), StandardCharsets.UTF_8));
    }

    @Override
    public Optional<String> next() throws IOException {
      return Optional.ofNullable(reader.readLine());
    }

    @Override
    public void greet(String text) {}

    @Override
    public void close() {}
  }

  /** Lines that a person types. Ctrl-C drops the line, Ctrl-D ends. */
  final class Prompt implements LineSource {
    private final Terminal terminal;
    private final LineReader reader;

    private Prompt(Surroundings surroundings) throws IOException {
      this.terminal = TerminalBuilder.builder().system(true).build();
      LineReaderBuilder builder =
          LineReaderBuilder.builder()
              .terminal(terminal)
              .appName("qwen4j")
              .option(LineReader.Option.DISABLE_EVENT_EXPANSION, true);
      history(surroundings)
          .ifPresent(file -> builder.variable(LineReader.HISTORY_FILE, file.toString()));
      this.reader = builder.build();
    }

    /** Where earlier lines are kept: {@code $XDG_STATE_HOME/qwen4j/history}, if it can be made. */
    private static Optional<Path> history(Surroundings surroundings) {
      Optional<Path> state =
          surroundings
              .variable("XDG_STATE_HOME")
              .map(Path::of)
              .or(() -> surroundings.variable("HOME").map(home -> Path.of(home, ".local/state")));
      return state
          .map(folder -> folder.resolve("qwen4j"))
          .filter(
              folder -> {
                try {
                  Files.createDirectories(folder);
                  return true;
                } catch (IOException e) {
                  surroundings.complain("no history of your lines: cannot create " + folder);
                  return false;
                }
              })
          .map(folder -> folder.resolve("history"));
    }

    @Override
    public Optional<String> next() {
      while (true) {
        try {
          return Optional.of(reader.readLine("> "));
        } catch (UserInterruptException e) {
          greet("(/exit or Ctrl-D leaves)");
        } catch (EndOfFileException e) {
          return Optional.empty();
        }
      }
    }

    @Override
    public void greet(String text) {
      terminal.writer().println(text);
      terminal.flush();
    }

    @Override
    public void close() throws IOException {
      terminal.close();
    }
  }
}
