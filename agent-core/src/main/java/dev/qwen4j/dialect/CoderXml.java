package dev.qwen4j.dialect;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads a call as Qwen3-Coder and Qwen3.5 write it:
 *
 * <pre>{@code
 * <function=read_file>
 * <parameter=path>
 * src/Main.java
 * </parameter>
 * </function>
 * }</pre>
 *
 * <p>Every value is text here; whoever checks the call against the tool's schema reads the numbers,
 * lists and objects among them. End markers may be missing, as the models leave them out.
 */
final class CoderXml {
  static final String START = "<function=";
  static final String END = "</function>";
  static final String PARAMETER = "<parameter=";
  static final String END_PARAMETER = "</parameter>";

  private static final Pattern FUNCTION = Pattern.compile("<function=\\s*([^>\\s]*)\\s*>");
  private static final Pattern PARAMETERS =
      Pattern.compile(
          "<parameter=\\s*([^>]*?)\\s*>\\r?\\n?(.*?)"
              + "\\r?\\n?(?:</parameter>|(?=<parameter=)|(?=</function>\\s*\\z)|\\z)",
          Pattern.DOTALL);
  private static final ObjectMapper JSON = new ObjectMapper();

  private CoderXml() {}

  /** The call; its name is empty when none can be read. */
  static OutputEvent.Call read(String written) {
    Matcher function = FUNCTION.matcher(written);
    if (!function.find()) {
      return new OutputEvent.Call("", written.strip());
    }
    ObjectNode arguments = JSON.createObjectNode();
    Matcher parameter = PARAMETERS.matcher(written).region(function.end(), written.length());
    while (parameter.find()) {
      arguments.put(parameter.group(1), parameter.group(2));
    }
    return new OutputEvent.Call(function.group(1), arguments.toString());
  }

  /**
   * Where the call ends that begins at {@code from}: after its {@code </function>}, unless that
   * stands inside a value; -1 if it has not ended.
   */
  static int end(CharSequence text, int from) {
    String all = text.toString();
    int end = all.indexOf(END, from);
    while (end >= 0) {
      int open = all.lastIndexOf(PARAMETER, end);
      int closed = all.lastIndexOf(END_PARAMETER, end);
      int closedLater = all.indexOf(END_PARAMETER, end);
      int endLater = all.indexOf(END, end + 1);
      boolean inValue = open > closed && closedLater >= 0 && endLater > closedLater;
      if (!inValue) {
        return end + END.length();
      }
      end = endLater;
    }
    return -1;
  }
}
