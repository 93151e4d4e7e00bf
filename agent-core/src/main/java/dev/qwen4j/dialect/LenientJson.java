package dev.qwen4j.dialect;

import java.util.Optional;

/** JSON objects as models write them, read where they can mean only one thing. */
public final class LenientJson {
  private LenientJson() {}

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
