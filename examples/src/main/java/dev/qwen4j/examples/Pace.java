package dev.qwen4j.examples;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;

/**
 * When to measure: at once, or in turn with another program. In turn, a line comes in for every
 * measurement, and one goes out when it is the other's turn: first when the model is loaded, last
 * with the result. At once, a terminal is told how far it is.
 */
final class Pace {
  private final Surroundings surroundings;
  private final boolean inTurn;
  private final BufferedReader in;

  Pace(Surroundings surroundings, boolean inTurn) {
    this.surroundings = surroundings;
    this.inTurn = inTurn;
    this.in = new BufferedReader(new InputStreamReader(surroundings.in(), StandardCharsets.UTF_8));
  }

  /** Returns when it is our turn. */
  void await() throws IOException {
    if (inTurn && in.readLine() == null) {
      throw new IOException("--paced: expected a line for each measurement, but stdin has ended");
    }
  }

  /** Says that our turn is over. */
  void done(String text) {
    if (inTurn) {
      surroundings.out().print(JsonLines.JSON.createObjectNode().put("done", text) + "\n");
      surroundings.out().flush();
    } else if (surroundings.isTerminal("err")) {
      surroundings.err().println(text);
      surroundings.err().flush();
    }
  }
}
