package dev.qwen4j.agent;

/** What the loop tells a model besides the conversation, for one turn. */
final class Reminder {
  static final String NUDGE =
      "Your last calls brought nothing new. Answer from the results above; call a tool only for"
          + " something that is still missing.";
  static final String SAY_SOMETHING = "Your reply was empty. Answer, or call a tool.";
  static final String CALL_PROPERLY =
      "Your last reply cannot be read as a call, and what it says of results is made up. Answer, or"
          + " write one call as it should be.";
  static final String ANSWER_NOW =
      "Answer now, briefly, from what you have, without calling tools.";

  private Reminder() {}
}
