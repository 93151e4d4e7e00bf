package dev.qwen4j.inference.internal.template;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Says in other words what the Jinja library does not read, or reads otherwise than Python's Jinja:
 * reversed slices, arithmetic in named arguments, {@code not x is y}, filtered loops, and the
 * neighbours of a loop's item. Only the text between tag braces is touched.
 */
final class JinjaDialect {
  private static final Pattern TAG =
      Pattern.compile("\\{%.*?%}|\\{\\{.*?}}|\\{#.*?#}", Pattern.DOTALL);
  private static final Pattern REVERSED = Pattern.compile("([\\w.]+)\\[::-1]");
  private static final Pattern NAMESPACE = Pattern.compile("namespace\\(([^()]*)\\)");
  private static final Pattern NOT_IS =
      Pattern.compile("\\bnot\\s+([\\w.]+)\\s+is\\s+(?!not\\b)(\\w+)");
  private static final Pattern FOR =
      Pattern.compile(
          "(\\{%[-+]?\\s*for\\s+[\\w,\\s]+?\\s+in\\s+)(.+?)(\\s+if\\s+(.+?))?(\\s*[-+]?%})",
          Pattern.DOTALL);
  private static final Pattern END_FOR = Pattern.compile("\\{%([-+]?)\\s*endfor\\s*([-+]?)%}");
  private static final Pattern NEIGHBOUR = Pattern.compile("\\bloop\\.(previtem|nextitem)\\b");

  /**
   * A loop that a tag stands in.
   *
   * @param items what it goes through, when that is a mere name; otherwise null
   */
  private record Loop(@Nullable String items, boolean filtered) {}

  private final Deque<Loop> loops = new ArrayDeque<>();

  private JinjaDialect() {}

  /** The same template for the library; a last line break is no part of it. */
  static String translate(String source) {
    String text = source.endsWith("\n") ? source.substring(0, source.length() - 1) : source;
    JinjaDialect dialect = new JinjaDialect();
    return TAG.matcher(text)
        .replaceAll(tag -> Matcher.quoteReplacement(dialect.translateTag(tag.group())));
  }

  private String translateTag(String tag) {
    if (tag.startsWith("{#")) {
      return tag;
    }
    String plain = REVERSED.matcher(tag).replaceAll("$1|reverse");
    plain = NAMESPACE.matcher(plain).replaceAll(JinjaDialect::parenthesised);
    plain = NOT_IS.matcher(plain).replaceAll("$1 is not $2");
    plain = NEIGHBOUR.matcher(plain).replaceAll(this::neighbour);
    Matcher loop = FOR.matcher(plain);
    if (loop.matches()) {
      return begun(loop);
    }
    Matcher end = END_FOR.matcher(plain);
    return end.matches() ? ended(end) : plain;
  }

  /** The library takes {@code a=b|length - 1} for {@code (a=b|length) - 1}. */
  private static String parenthesised(MatchResult call) {
    StringBuilder out = new StringBuilder("namespace(");
    String separator = "";
    for (String argument : call.group(1).split(",", -1)) {
      int equals = argument.indexOf('=');
      out.append(separator);
      out.append(
          equals < 0
              ? argument
              : argument.substring(0, equals).strip()
                  + "=("
                  + argument.substring(equals + 1).strip()
                  + ")");
      separator = ", ";
    }
    return Matcher.quoteReplacement(out.append(')').toString());
  }

  private String neighbour(MatchResult property) {
    Loop loop = loops.peek();
    if (loop == null || loop.items() == null) {
      return Matcher.quoteReplacement(property.group());
    }
    boolean before = property.group(1).equals("previtem");
    return Matcher.quoteReplacement(
        "(%s[loop.index0 %s 1] if not loop.%s else none)"
            .formatted(loop.items(), before ? "-" : "+", before ? "first" : "last"));
  }

  private String begun(Matcher loop) {
    String items = loop.group(2);
    String condition = loop.group(4);
    loops.push(new Loop(items.matches("\\w+") ? items : null, condition != null));
    return condition == null
        ? loop.group()
        : loop.group(1) + items + " %}{% if " + condition + loop.group(5);
  }

  private String ended(Matcher end) {
    Loop loop = loops.poll();
    return loop != null && loop.filtered()
        ? "{%" + end.group(1) + " endif %}{% endfor " + end.group(2) + "%}"
        : end.group();
  }
}
