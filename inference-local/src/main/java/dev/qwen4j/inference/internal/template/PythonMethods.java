package dev.qwen4j.inference.internal.template;

import java.beans.FeatureDescriptor;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import jinjava.javax.el.ELContext;
import jinjava.javax.el.ELResolver;
import org.jspecify.annotations.Nullable;

/**
 * The methods of Python's strings and dictionaries that templates call and the Jinja library has
 * not, or has with Java's meaning. Anything else is left to the resolvers after this one.
 */
final class PythonMethods extends ELResolver {
  private static final Pattern SPACES = Pattern.compile("\\s+", Pattern.UNICODE_CHARACTER_CLASS);

  @Override
  public @Nullable Object invoke(
      ELContext context,
      @Nullable Object base,
      Object method,
      Class<?> @Nullable [] types,
      Object @Nullable [] given) {
    Object[] arguments = given == null ? new Object[0] : given;
    String name = String.valueOf(method);
    if (base instanceof Map<?, ?> map && name.equals("get") && arguments.length > 0) {
      context.setPropertyResolved(true);
      Object value = map.get(arguments[0]);
      return value == null && arguments.length > 1 ? arguments[1] : value;
    }
    if (!(base instanceof CharSequence)) {
      return null;
    }
    String first = arguments.length == 0 ? null : String.valueOf(arguments[0]);
    Object result = ofString(base.toString(), name, first);
    if (result != null) {
      context.setPropertyResolved(true);
    }
    return result;
  }

  private static @Nullable Object ofString(String text, String method, @Nullable String argument) {
    return switch (method) {
      case "strip" -> strip(text, argument, true, true);
      case "lstrip" -> strip(text, argument, true, false);
      case "rstrip" -> strip(text, argument, false, true);
      case "upper" -> text.toUpperCase(Locale.ROOT);
      case "lower" -> text.toLowerCase(Locale.ROOT);
      case "split" -> split(text, argument);
      case "startswith" -> argument == null ? null : text.startsWith(argument);
      case "endswith" -> argument == null ? null : text.endsWith(argument);
      default -> null;
    };
  }

  private static List<String> split(String text, @Nullable String separator) {
    if (separator != null) {
      return Arrays.asList(Pattern.compile(Pattern.quote(separator)).split(text, -1));
    }
    String words = PythonText.strip(text);
    return words.isEmpty() ? Arrays.asList() : Arrays.asList(SPACES.split(words, -1));
  }

  private static String strip(String text, @Nullable String set, boolean left, boolean right) {
    int from = 0;
    int to = text.length();
    while (left && from < to && isIn(text, from, set)) {
      from++;
    }
    while (right && to > from && isIn(text, to - 1, set)) {
      to--;
    }
    return text.substring(from, to);
  }

  private static boolean isIn(String text, int at, @Nullable String set) {
    return set == null
        ? PythonText.strip(text.substring(at, at + 1)).isEmpty()
        : set.indexOf(text.charAt(at)) >= 0;
  }

  @Override
  public @Nullable Object getValue(
      ELContext context, @Nullable Object base, @Nullable Object property) {
    return null;
  }

  @Override
  public @Nullable Class<?> getType(
      ELContext context, @Nullable Object base, @Nullable Object property) {
    return null;
  }

  @Override
  public void setValue(
      ELContext context, @Nullable Object base, @Nullable Object property, @Nullable Object value) {
    // Strings and dictionaries of a conversation are not written to.
  }

  @Override
  public boolean isReadOnly(ELContext context, @Nullable Object base, @Nullable Object property) {
    return true;
  }

  @Override
  public @Nullable Iterator<FeatureDescriptor> getFeatureDescriptors(
      ELContext context, @Nullable Object base) {
    return null;
  }

  @Override
  public @Nullable Class<?> getCommonPropertyType(ELContext context, @Nullable Object base) {
    return null;
  }
}
