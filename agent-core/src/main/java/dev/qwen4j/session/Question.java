package dev.qwen4j.session;

/**
 * A tool call that waits for somebody's decision. The decision is bound to it: to this call with
 * these arguments and no others.
 *
 * @param call the id of the call; for one of an agent that runs as a tool, that tool's call, a
 *     slash and the id
 * @param tool the name of the tool
 * @param arguments the JSON object of the arguments it would run with
 * @param text what is asked, for a person
 */
public record Question(String call, String tool, String arguments, String text) {
  /** As the conversation around it knows it. */
  public Question within(String part) {
    return new Question(part + "/" + call, tool, arguments, text);
  }
}
