package dev.qwen4j.inference.internal.template;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.JinjavaConfig;
import com.hubspot.jinjava.LegacyOverrides;
import com.hubspot.jinjava.el.JinjavaInterpreterResolver;
import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.interpret.RenderResult;
import com.hubspot.jinjava.interpret.TemplateError;
import com.hubspot.jinjava.lib.filter.Filter;
import com.hubspot.jinjava.lib.fn.ELFunctionDefinition;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import jinjava.javax.el.CompositeELResolver;
import org.jspecify.annotations.Nullable;

/**
 * A template that bears no known family's marks, rendered by the Jinja library as transformers
 * would render it: the five published templates come out of it byte for byte too. Slower to start
 * than a family written in Java by about a second.
 *
 * <p>What comes from messages and tools goes in with a character in the middle of everything that
 * could be a marker, and is told from the template's own words by it when it comes out.
 */
final class JinjaTemplate implements TemplateFamily {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** A noncharacter: no text may hold it. */
  private static final char SEAM = '\uFDD0';

  private static final long LONGEST_OUTPUT = 64L << 20;

  private final String source;
  private final Map<String, String> variables;
  private final Jinjava engine;

  /**
   * Parses nothing yet.
   *
   * @param variables that the template may use besides the conversation, as {@code eos_token}
   */
  JinjaTemplate(String source, Map<String, String> variables) {
    this.source = JinjaDialect.translate(source);
    this.variables = Map.copyOf(variables);
    this.engine = engine();
  }

  private static Jinjava engine() {
    CompositeELResolver resolver = new CompositeELResolver();
    resolver.add(new PythonMethods());
    resolver.add(JinjavaInterpreterResolver.DEFAULT_RESOLVER_READ_ONLY);
    Jinjava engine =
        new Jinjava(
            JinjavaConfig.newBuilder()
                .withTrimBlocks(true)
                .withLstripBlocks(true)
                .withMaxOutputSize(LONGEST_OUTPUT)
                .withElResolver(resolver)
                .withLegacyOverrides(
                    LegacyOverrides.newBuilder()
                        .withEvaluateMapKeys(true)
                        .withIterateOverMapKeys(true)
                        .withUsePyishObjectMapper(true)
                        .withUseNaturalOperatorPrecedence(true)
                        .withParseWhitespaceControlStrictly(true)
                        .withUseTrimmingForNotesAndExpressions(true)
                        .withKeepNullableLoopValues(true)
                        .build())
                .build());
    engine.getGlobalContext().registerFunction(function("raise_exception", "fail"));
    engine.getGlobalContext().registerFunction(function("strftime_now", "now"));
    engine
        .getGlobalContext()
        .registerFilter(new Named("tojson", value -> PythonText.json(JSON.valueToTree(value))));
    engine.getGlobalContext().registerFilter(new Named("string", JinjaTemplate::text));
    engine
        .getGlobalContext()
        .registerFilter(new Named("trim", value -> PythonText.strip(text(value))));
    engine
        .getGlobalContext()
        .registerFilter(
            new Named(
                "items",
                value -> value instanceof Map<?, ?> map ? new ArrayList<>(map.entrySet()) : value));
    return engine;
  }

  private static String text(Object value) {
    return PythonText.string(JSON.valueToTree(value));
  }

  private static ELFunctionDefinition function(String name, String method) {
    return new ELFunctionDefinition("", name, JinjaFunctions.class, method, String.class);
  }

  private record Named(String name, Function<Object, Object> work) implements Filter {
    @Override
    public String getName() {
      return name;
    }

    @Override
    public Object filter(Object value, JinjavaInterpreter interpreter, String... arguments) {
      return work.apply(value);
    }
  }

  @Override
  public void render(TemplateInput input, PromptWriter out) {
    RenderResult result = engine.renderForResult(source, bindings(input));
    for (TemplateError error : result.getErrors()) {
      if (error.getSeverity() == TemplateError.ErrorType.FATAL) {
        throw refused(error);
      }
    }
    String text = result.getOutput();
    int from = 0;
    for (int seam = text.indexOf(SEAM); seam >= 0; seam = text.indexOf(SEAM, from)) {
      out.template(text.substring(from, seam));
      from = Math.min(seam + 2, text.length());
      out.content(text.substring(seam + 1, from));
    }
    out.template(text.substring(from));
    if (text.stripTrailing().endsWith("<think>")) {
      out.startInThinking();
    }
  }

  /** In the words of whatever went wrong first, such as the template's own exception. */
  private static IllegalArgumentException refused(TemplateError error) {
    Throwable cause = error.getException();
    while (cause != null && cause.getCause() != null) {
      cause = cause.getCause();
    }
    String reason = cause == null ? error.getMessage() : String.valueOf(cause.getMessage());
    return new IllegalArgumentException(
        "the model's chat template cannot be rendered: line %d: %s"
            .formatted(error.getLineno(), reason.lines().findFirst().orElse("no reason")),
        error.getException());
  }

  private Map<String, @Nullable Object> bindings(TemplateInput input) {
    Map<String, @Nullable Object> bindings = new LinkedHashMap<>(variables);
    bindings.put("messages", input.messages().stream().map(JinjaTemplate::message).toList());
    bindings.put(
        "tools",
        input.tools().isEmpty() ? null : input.tools().stream().map(JinjaTemplate::value).toList());
    bindings.put("add_generation_prompt", input.options().addGenerationPrompt());
    if (input.options().enableThinking() != null) {
      bindings.put("enable_thinking", input.options().enableThinking());
    }
    return bindings;
  }

  private static Map<String, Object> message(TemplateInput.Message message) {
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("role", message.role());
    object.put("content", seamed(message.content()));
    if (message.reasoning() != null) {
      object.put("reasoning_content", seamed(message.reasoning()));
    }
    if (!message.calls().isEmpty()) {
      object.put("tool_calls", message.calls().stream().map(JinjaTemplate::call).toList());
    }
    return object;
  }

  private static Map<String, Object> call(TemplateInput.Call call) {
    return Map.of(
        "type",
        "function",
        "function",
        Map.of("name", seamed(call.name()), "arguments", value(call.arguments())));
  }

  /** JSON as lists, maps and what is in them. */
  private static Object value(JsonNode node) {
    if (node.isObject()) {
      Map<String, Object> object = new LinkedHashMap<>();
      node.properties()
          .forEach(field -> object.put(seamed(field.getKey()), value(field.getValue())));
      return object;
    }
    if (node.isArray()) {
      List<Object> list = new ArrayList<>();
      node.forEach(element -> list.add(value(element)));
      return list;
    }
    return node.isTextual() ? seamed(node.textValue()) : leaf(node);
  }

  @SuppressWarnings("NullAway") // null is JSON's null, which the library takes as none
  private static Object leaf(JsonNode node) {
    return JSON.convertValue(node, Object.class);
  }

  private static String seamed(String text) {
    return text.replace(SEAM, '\uFFFD').replace("<|", "<" + SEAM + "|");
  }
}
