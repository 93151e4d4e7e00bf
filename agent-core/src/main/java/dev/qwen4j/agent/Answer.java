package dev.qwen4j.agent;

import dev.qwen4j.session.Question;

/**
 * A decision on a question that suspended a run. It holds for that call with those arguments and
 * nothing else.
 */
public record Answer(Question question, Decision decision) {
  public Answer {
    if (decision instanceof Decision.Ask) {
      throw new IllegalArgumentException("A question cannot be answered with another question.");
    }
  }
}
