package dev.qwen4j.tools;

import com.ezylang.evalex.BaseException;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.qwen4j.tool.ToolArguments;
import dev.qwen4j.tool.ToolContext;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * {@code calculator}: {@link Arithmetic} on what models write, which is what people write: signs
 * such as × ÷ −, {@code **}, thousands separators, a closing equals sign.
 */
final class Calculator implements ReadingTool {
  private static final int MAX_LENGTH = 1_000;

  private static final Pattern FUNCTION_BEFORE = Pattern.compile("[A-Za-z_0-9]\\s*$");
  private static final Pattern GROUPED_NUMBER =
      Pattern.compile("(?<![\\d.,_])\\d{1,3}(,\\d{3})+(?![\\d,])");
  private static final Pattern CLOSING_EQUALS = Pattern.compile("\\s*=\\s*\\??\\s*$");
  private static final Pattern SIGN_OF_EXPONENT = Pattern.compile("(?<=\\^[ −]{0,9})-");
  private static final Pattern LETTER_X = Pattern.compile("(?<=[\\d)])\\s+[xX]\\s+(?=[\\d(.+-])");

  @Override
  public ToolSpecification specification() {
    return ToolSpecification.builder()
        .name("calculator")
        .description(
            "Calculates an arithmetic expression exactly. Operators: + - * / % (remainder) ^"
                + " (power). Functions: sqrt abs min max round floor ceil ln log (base 10) exp sin"
                + " cos tan (radians) pow. Constants: pi e.")
        .parameters(
            JsonObjectSchema.builder()
                .addStringProperty("expression", "For example (17 + 4) * 2.5 or sqrt(2) / 3")
                .required("expression")
                .build())
        .build();
  }

  @Override
  public String answer(ToolArguments arguments, ToolContext context) throws Refusal {
    String given = arguments.string("expression");
    if (given.isBlank()) {
      throw new Refusal("'expression' is empty. Example: (17 + 4) * 2.5");
    }
    if (given.length() > MAX_LENGTH) {
      throw new Refusal(
          "The expression has "
              + given.length()
              + " characters; at most "
              + MAX_LENGTH
              + " are accepted. Calculate it in parts.");
    }
    String expression = plain(given);
    try {
      return Arithmetic.format(Arithmetic.evaluate(expression));
    } catch (BaseException e) {
      throw new Refusal(explain(e, given, expression));
    } catch (ArithmeticException e) {
      throw new Refusal(e.getMessage() + ".");
    }
  }

  private static String explain(BaseException e, String given, String expression) {
    int position = Math.clamp(e.getStartPosition(), 1, expression.length());
    String percent =
        given.indexOf('%') >= 0 ? " Here % is the remainder; write a percentage as 15/100." : "";
    return "Cannot calculate '"
        + expression
        + "': "
        + e.getMessage()
        + " at character "
        + position
        + "."
        + percent;
  }

  /** Rewrites what has exactly one reading; everything else is left for the parser to judge. */
  static String plain(String given) {
    String text =
        given
            .replace('×', '*')
            .replace('·', '*')
            .replace('∙', '*')
            .replace('⋅', '*')
            .replace('÷', '/')
            .replace('−', '-')
            .replace('–', '-')
            .replace('（', '(')
            .replace('）', ')')
            .replace("π", "pi")
            .replace("**", "^");
    text = CLOSING_EQUALS.matcher(text).replaceFirst("");
    text = LETTER_X.matcher(text).replaceAll(" * ");
    text = text.replaceAll("(?<=\\d)_(?=\\d)", "");
    text = SIGN_OF_EXPONENT.matcher(text).replaceAll(Arithmetic.MINUS_OF_EXPONENT);
    return withoutThousandsSeparators(text).strip();
  }

  /** Between the arguments of a function a comma stays a comma: max(1,234) has two numbers. */
  private static String withoutThousandsSeparators(String text) {
    Matcher number = GROUPED_NUMBER.matcher(text);
    var plain = new StringBuilder();
    while (number.find()) {
      boolean argument = isInsideFunction(text, number.start());
      number.appendReplacement(plain, argument ? number.group() : number.group().replace(",", ""));
    }
    return number.appendTail(plain).toString();
  }

  private static boolean isInsideFunction(String text, int position) {
    int open = 0;
    for (int i = position - 1; i >= 0; i--) {
      char c = text.charAt(i);
      if (c == ')') {
        open++;
      } else if (c == '(' && open-- == 0) {
        return FUNCTION_BEFORE.matcher(text.substring(0, i)).find() || isInsideFunction(text, i);
      }
    }
    return false;
  }
}
