package dev.qwen4j.tools;

import com.ezylang.evalex.BaseException;
import com.ezylang.evalex.EvaluationException;
import com.ezylang.evalex.Expression;
import com.ezylang.evalex.config.ExpressionConfiguration;
import com.ezylang.evalex.config.MapBasedFunctionDictionary;
import com.ezylang.evalex.config.MapBasedOperatorDictionary;
import com.ezylang.evalex.data.EvaluationValue;
import com.ezylang.evalex.functions.FunctionIfc;
import com.ezylang.evalex.functions.FunctionParameterDefinition;
import com.ezylang.evalex.operators.OperatorIfc;
import com.ezylang.evalex.parser.Token;
import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.Stream;

/**
 * Decimal arithmetic over EvalEx's parser, with operators and functions of our own that are bounded
 * in time and size. Sums, differences, products and powers are exact up to {@value #MAX_EXACT}
 * digits; quotients and roots are calculated to more digits than are shown; {@code ln log exp sin
 * cos tan} have the precision of a double. {@code %} has the sign of its divisor, as in mathematics
 * and Python; {@code -2^2} is -4 and {@code 2^3^2} is 512.
 */
final class Arithmetic {
  /** Digits of an exact whole number. */
  static final int MAX_EXACT = 1_000;

  /**
   * How a caller must write the minus in {@code 2^-1}: EvalEx ends the power at a prefix operator
   * that binds less, as the minus of {@code -2^2} must.
   */
  static final String MINUS_OF_EXPONENT = "−";

  private static final int MAX_EXPONENT = 10_000;
  private static final MathContext WORKING = new MathContext(MAX_EXACT + 50);
  private static final MathContext DOUBLE = new MathContext(15);

  /** Results with more significant digits than these, and no whole numbers, are rounded. */
  private static final int MAX_FRACTION_DIGITS = 34;

  private static final MathContext ROUNDED = new MathContext(20);

  private static final BigDecimal PI =
      new BigDecimal("3.14159265358979323846264338327950288419716939937510");
  private static final BigDecimal E =
      new BigDecimal("2.71828182845904523536028747135266249775724709369996");

  private static final ExpressionConfiguration CONFIGURATION = configuration();

  private Arithmetic() {}

  /**
   * Calculates.
   *
   * @throws BaseException if it is no expression, with the position
   * @throws ArithmeticException if it has no result of a sensible size
   */
  static BigDecimal evaluate(String expression) throws BaseException {
    EvaluationValue value = new Expression(expression, CONFIGURATION).evaluate();
    if (!value.isNumberValue()) {
      throw new ArithmeticException("The result of '" + expression + "' is not a number");
    }
    return bounded(value.getNumberValue());
  }

  /** Plain digits where a person would write them, without closing zeros; else 1.5E+40. */
  static String format(BigDecimal value) {
    BigDecimal shown = value.stripTrailingZeros();
    boolean whole = shown.scale() <= 0;
    int wholeDigits = shown.precision() - shown.scale();
    if (whole && wholeDigits <= MAX_EXACT) {
      return shown.toPlainString();
    }
    if (whole || shown.precision() > MAX_FRACTION_DIGITS) {
      shown = shown.round(ROUNDED).stripTrailingZeros();
    }
    boolean short_ = wholeDigits > -12 && wholeDigits <= MAX_FRACTION_DIGITS;
    return short_ ? shown.toPlainString() : shown.toString();
  }

  private static ExpressionConfiguration configuration() {
    var operators = new MapBasedOperatorDictionary();
    operators.addOperator("-", new Operator(Kind.PREFIX, a -> a[0].negate()));
    operators.addOperator("+", new Operator(Kind.PREFIX, a -> a[0]));
    operators.addOperator(MINUS_OF_EXPONENT, new Operator(Kind.EXPONENT, a -> a[0].negate()));
    operators.addOperator("+", new Operator(Kind.SUM, a -> a[0].add(a[1], WORKING)));
    operators.addOperator("-", new Operator(Kind.SUM, a -> a[0].subtract(a[1], WORKING)));
    operators.addOperator("*", new Operator(Kind.PRODUCT, a -> a[0].multiply(a[1], WORKING)));
    operators.addOperator("/", new Operator(Kind.PRODUCT, a -> divide(a[0], a[1])));
    operators.addOperator("%", new Operator(Kind.PRODUCT, a -> modulo(a[0], a[1])));
    operators.addOperator("^", new Operator(Kind.POWER, a -> power(a[0], a[1])));

    var functions = new MapBasedFunctionDictionary();
    add(functions, 1, 1, a -> root(a[0]), "sqrt");
    add(functions, 1, 1, a -> a[0].abs(), "abs");
    add(functions, 1, 100, a -> Stream.of(a).min(BigDecimal::compareTo).orElseThrow(), "min");
    add(functions, 1, 100, a -> Stream.of(a).max(BigDecimal::compareTo).orElseThrow(), "max");
    add(functions, 1, 2, Arithmetic::round, "round");
    add(functions, 1, 1, a -> a[0].setScale(0, RoundingMode.FLOOR), "floor");
    add(functions, 1, 1, a -> a[0].setScale(0, RoundingMode.CEILING), "ceil", "ceiling");
    add(functions, 2, 2, a -> power(a[0], a[1]), "pow");
    addDouble(functions, Math::log, "ln");
    addDouble(functions, Math::log10, "log", "log10");
    addDouble(functions, Math::exp, "exp");
    addDouble(functions, x -> snap(Math.sin(x)), "sin");
    addDouble(functions, x -> snap(Math.cos(x)), "cos");
    addDouble(functions, x -> snap(Math.tan(x)), "tan");

    return ExpressionConfiguration.builder()
        .mathContext(WORKING)
        .operatorDictionary(operators)
        .functionDictionary(functions)
        .defaultConstants(
            Map.of("pi", EvaluationValue.numberValue(PI), "e", EvaluationValue.numberValue(E)))
        .arraysAllowed(false)
        .structuresAllowed(false)
        .stripTrailingZeros(false)
        .build();
  }

  private static BigDecimal divide(BigDecimal a, BigDecimal b) {
    requireDivisor(b);
    return a.divide(b, WORKING);
  }

  private static BigDecimal modulo(BigDecimal a, BigDecimal b) {
    requireDivisor(b);
    BigDecimal remainder = a.remainder(b);
    return remainder.signum() * b.signum() < 0 ? remainder.add(b) : remainder;
  }

  private static void requireDivisor(BigDecimal b) {
    if (b.signum() == 0) {
      throw new ArithmeticException("Division by zero");
    }
  }

  private static BigDecimal root(BigDecimal a) {
    if (a.signum() < 0) {
      throw new ArithmeticException("The square root of a negative number is not real");
    }
    return a.sqrt(WORKING);
  }

  private static BigDecimal round(BigDecimal[] a) {
    int places = a.length == 1 ? 0 : a[1].intValueExact();
    return a[0].setScale(Math.clamp(places, -MAX_EXPONENT, MAX_EXPONENT), RoundingMode.HALF_UP);
  }

  private static BigDecimal power(BigDecimal base, BigDecimal exponent) {
    if (base.signum() == 0) {
      if (exponent.signum() < 0) {
        throw new ArithmeticException("Division by zero: 0 to a negative power");
      }
      return exponent.signum() == 0 ? BigDecimal.ONE : BigDecimal.ZERO;
    }
    double digits = Math.log10(Math.abs(base.round(DOUBLE).doubleValue())) * exponent.doubleValue();
    if (Math.abs(digits) > MAX_EXPONENT || Math.abs(exponent.doubleValue()) > 999_999) {
      throw tooLarge();
    }
    BigDecimal doubled = exponent.add(exponent);
    if (isWhole(exponent)) {
      BigDecimal power = base.pow(exponent.abs().intValueExact(), WORKING);
      return exponent.signum() < 0 ? BigDecimal.ONE.divide(power, WORKING) : power;
    }
    if (base.signum() < 0) {
      throw new ArithmeticException("A negative number to a fraction is not real");
    }
    if (isWhole(doubled)) {
      return power(root(base), doubled);
    }
    return ofDouble(Math.pow(base.doubleValue(), exponent.doubleValue()));
  }

  private static boolean isWhole(BigDecimal value) {
    return value.signum() == 0 || value.stripTrailingZeros().scale() <= 0;
  }

  private static BigDecimal ofDouble(double value) {
    if (!Double.isFinite(value)) {
      throw new ArithmeticException("The result is not a real number, or too large");
    }
    return new BigDecimal(value, DOUBLE);
  }

  /** Below 1e-15 nothing is left but the error of the argument: sin(pi) is 0. */
  private static double snap(double value) {
    return Math.abs(value) < 1e-15 ? 0 : value;
  }

  /** Numbers of a size that every operation handles in an instant. */
  private static BigDecimal bounded(BigDecimal value) {
    if (Math.abs((long) value.precision() - value.scale()) > MAX_EXPONENT) {
      throw tooLarge();
    }
    return value;
  }

  private static ArithmeticException tooLarge() {
    return new ArithmeticException(
        "A number here is too large or too small: more than 10,000 digits");
  }

  private static void add(
      MapBasedFunctionDictionary functions, int least, int most, Operation does, String... names) {
    for (String name : names) {
      functions.addFunction(name, new Function(name, least, most, does));
    }
  }

  private static void addDouble(
      MapBasedFunctionDictionary functions, DoubleUnaryOperator does, String... names) {
    add(functions, 1, 1, a -> ofDouble(does.applyAsDouble(a[0].doubleValue())), names);
  }

  /** What an operator or a function does with its arguments. */
  private interface Operation {
    BigDecimal apply(BigDecimal[] arguments);

    default EvaluationValue apply(Token token, EvaluationValue... values)
        throws EvaluationException {
      var numbers = new BigDecimal[values.length];
      for (int i = 0; i < values.length; i++) {
        if (!values[i].isNumberValue()) {
          throw new EvaluationException(token, "Only numbers are allowed");
        }
        numbers[i] = bounded(values[i].getNumberValue());
      }
      try {
        return EvaluationValue.numberValue(bounded(apply(numbers)));
      } catch (ArithmeticException e) {
        throw new EvaluationException(token, String.valueOf(e.getMessage()));
      }
    }
  }

  private enum Kind {
    SUM(OperatorIfc.OPERATOR_PRECEDENCE_ADDITIVE),
    PRODUCT(OperatorIfc.OPERATOR_PRECEDENCE_MULTIPLICATIVE),
    PREFIX(OperatorIfc.OPERATOR_PRECEDENCE_UNARY),
    POWER(OperatorIfc.OPERATOR_PRECEDENCE_POWER_HIGHER),
    EXPONENT(OperatorIfc.OPERATOR_PRECEDENCE_POWER_HIGHER + 1);

    private final int precedence;

    Kind(int precedence) {
      this.precedence = precedence;
    }
  }

  private record Operator(Kind kind, Operation does) implements OperatorIfc {
    @Override
    public int getPrecedence() {
      return kind.precedence;
    }

    @Override
    public int getPrecedence(ExpressionConfiguration configuration) {
      return kind.precedence;
    }

    @Override
    public boolean isLeftAssociative() {
      return kind == Kind.SUM || kind == Kind.PRODUCT;
    }

    @Override
    public boolean isPrefix() {
      return kind == Kind.PREFIX || kind == Kind.EXPONENT;
    }

    @Override
    public boolean isPostfix() {
      return false;
    }

    @Override
    public boolean isInfix() {
      return !isPrefix();
    }

    @Override
    public boolean isOperandLazy() {
      return false;
    }

    @Override
    public EvaluationValue evaluate(Expression expression, Token token, EvaluationValue... values)
        throws EvaluationException {
      return does.apply(token, values);
    }
  }

  private record Function(String name, int least, int most, Operation does) implements FunctionIfc {
    @Override
    public List<FunctionParameterDefinition> getFunctionParameterDefinitions() {
      return List.of(FunctionParameterDefinition.builder().name("value").isVarArg(true).build());
    }

    @Override
    public boolean hasVarArgs() {
      return true;
    }

    @Override
    public void validatePreEvaluation(Token token, EvaluationValue... values)
        throws EvaluationException {
      if (values.length < least || values.length > most) {
        String wanted = least == most ? "" + least : least + " to " + most;
        throw new EvaluationException(
            token, name + " takes " + wanted + " arguments, not " + values.length);
      }
    }

    @Override
    public EvaluationValue evaluate(Expression expression, Token token, EvaluationValue... values)
        throws EvaluationException {
      return does.apply(token, values);
    }
  }
}
