package dev.qwen4j.dialect;

/**
 * Looks for markers in the part of a reply that is held, where the last one may have been cut in
 * the middle by the way in which the reply came.
 */
final class Markers {
  private final StringBuilder held;
  private boolean ended;

  Markers(StringBuilder held) {
    this.held = held;
  }

  /** The reply is over: what is cut stays so. */
  void end() {
    ended = true;
  }

  boolean ended() {
    return ended;
  }

  /** Where the white space from {@code from} on ends. */
  int firstInk(int from) {
    int i = from;
    while (i < held.length() && Character.isWhitespace(held.charAt(i))) {
      i++;
    }
    return i;
  }

  /** Whether the first {@code length} characters are white space. */
  boolean isBlank(int length) {
    return firstInk(0) >= length;
  }

  /** Whether the whole marker stands at {@code at}. */
  boolean startsWith(String marker, int at) {
    return held.length() - at >= marker.length() && mayStart(marker, at);
  }

  /** Whether more of the reply may complete a marker that begins at {@code at}. */
  boolean isCut(String marker, int at) {
    return !ended && held.length() - at < marker.length() && mayStart(marker, at);
  }

  /** Whether what is held from {@code at} on agrees with the marker as far as both go. */
  boolean mayStart(String marker, int at) {
    int length = Math.min(marker.length(), held.length() - at);
    for (int i = 0; i < length; i++) {
      if (held.charAt(at + i) != marker.charAt(i)) {
        return false;
      }
    }
    return true;
  }

  /** How much of what is held cannot be the beginning of {@code marker}. */
  int certainBefore(String marker) {
    for (int i = Math.max(0, held.length() - marker.length() + 1); i < held.length(); i++) {
      if (mayStart(marker, i)) {
        return i;
      }
    }
    return held.length();
  }
}
