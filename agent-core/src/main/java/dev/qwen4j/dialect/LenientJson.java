package dev.qwen4j.dialect;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.util.Optional;

/** JSON objects as models write them, read where they can mean only one thing. */
public final class LenientJson {
  private static final JsonFactory JSON = new JsonFactory();

  private LenientJson() {}

  /** Whether this is one proper JSON object and nothing else. */
  public static boolean isObject(String json) {
    try (JsonParser parser = JSON.createParser(json)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        return false;
      }
      parser.skipChildren();
      return parser.nextToken() == null;
    } catch (IOException broken) {
      return false;
    }
  }

  /**
   * Reads an object with single quotes, trailing commas, line breaks in strings, Python's words,
   * closing brackets left out at the end, or inside a string of JSON.
   *
   * @return the object as proper JSON; nothing when it could mean several things
   */
  public static Optional<String> object(String json) {
    return CallJson.lenient(json).map(Object::toString);
  }
}
