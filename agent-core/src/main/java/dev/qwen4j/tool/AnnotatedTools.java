package dev.qwen4j.tool;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.langchain4j.agent.tool.P;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.agent.tool.ToolSpecifications;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.request.json.JsonSchemaElement;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Parameter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Tools from ordinary methods: those that bear LangChain4j's {@code @Tool}, their parameters
 * described by {@code @P}. Compile with {@code -parameters}, or name each parameter in its
 * {@code @P}.
 *
 * <p>A method may take a {@link ToolContext} besides what the model passes. It may return text,
 * anything that Jackson can write as JSON, a {@link ToolResult}, or nothing. Whether it changes
 * state is unknown, so it is taken to, and its calls run one by one, unless its annotation says
 * {@code metadata = "{\"changesState\": false}"}.
 */
public final class AnnotatedTools {
  private static final JsonMapper JSON =
      JsonMapper.builder().disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES).build();

  private AnnotatedTools() {}

  /**
   * The annotated methods of {@code object}, inherited ones included, by name.
   *
   * @throws IllegalArgumentException if {@code object} has no method with {@code @Tool}
   */
  public static List<Tool> of(Object object) {
    var tools = new ArrayList<Tool>();
    Set<List<Object>> seen = new HashSet<>(); // What a subclass overrides counts once.
    for (Class<?> type = object.getClass(); type != null; type = type.getSuperclass()) {
      for (Method method : type.getDeclaredMethods()) {
        if (method.isAnnotationPresent(dev.langchain4j.agent.tool.Tool.class)
            && !method.isBridge()
            && seen.add(List.of(method.getName(), List.of(method.getParameterTypes())))) {
          tools.add(new AnnotatedMethod(object, method));
        }
      }
    }
    if (tools.isEmpty()) {
      throw new IllegalArgumentException(
          object.getClass().getName()
              + " has no method with LangChain4j's @Tool: annotate the methods to offer.");
    }
    tools.sort(Comparator.comparing(Tool::name)); // Reflection promises no order.
    return tools;
  }

  private static final class AnnotatedMethod implements Tool {
    private final @Nullable Object receiver;
    private final Method method;
    private final ToolSpecification specification;
    private final boolean changesState;

    AnnotatedMethod(Object object, Method method) {
      this.receiver = Modifier.isStatic(method.getModifiers()) ? null : object;
      this.method = method;
      this.specification = withoutContext(ToolSpecifications.toolSpecificationFrom(method), method);
      Map<String, Object> metadata = specification.metadata();
      this.changesState = metadata == null || !Boolean.FALSE.equals(metadata.get("changesState"));
      method.setAccessible(true);
    }

    @Override
    public ToolSpecification specification() {
      return specification;
    }

    @Override
    public boolean changesState() {
      return changesState;
    }

    @Override
    public ToolResult call(ToolCall call, ToolContext context) throws Exception {
      Map<String, Object> given = call.arguments().toMap();
      Parameter[] parameters = method.getParameters();
      @Nullable Object[] values = new @Nullable Object[parameters.length];
      for (int i = 0; i < parameters.length; i++) {
        values[i] =
            isContext(parameters[i])
                ? context
                : value(parameters[i], given.get(nameOf(parameters[i])));
      }
      try {
        return result(method.invoke(receiver, values));
      } catch (InvocationTargetException e) {
        if (e.getCause() instanceof Exception cause) {
          throw cause;
        }
        throw e;
      }
    }

    private ToolResult result(@Nullable Object returned) throws Exception {
      if (method.getReturnType() == void.class) {
        return ToolResult.of("Done.");
      }
      return switch (returned) {
        case ToolResult result -> result;
        case CharSequence text -> ToolResult.of(text.toString());
        case null -> ToolResult.of("null");
        default -> ToolResult.of(JSON.writeValueAsString(returned));
      };
    }
  }

  private static boolean isContext(Parameter parameter) {
    return parameter.getType() == ToolContext.class;
  }

  /** The specification as the model should see it: the context is not for it to pass. */
  private static ToolSpecification withoutContext(ToolSpecification all, Method method) {
    if (Arrays.stream(method.getParameters()).noneMatch(AnnotatedTools::isContext)) {
      return all;
    }
    Map<String, JsonSchemaElement> properties = new LinkedHashMap<>(all.parameters().properties());
    List<String> required = new ArrayList<>(all.parameters().required());
    for (Parameter parameter : method.getParameters()) {
      if (isContext(parameter)) {
        properties.remove(nameOf(parameter));
        required.remove(nameOf(parameter));
      }
    }
    JsonObjectSchema.Builder schema = JsonObjectSchema.builder();
    schema.addProperties(properties).required(required);
    if (all.parameters().definitions() != null) {
      schema.definitions(all.parameters().definitions());
    }
    return all.toBuilder().parameters(schema.build()).build();
  }

  private static String nameOf(Parameter parameter) {
    P described = parameter.getAnnotation(P.class);
    return described == null || described.name().isBlank() ? parameter.getName() : described.name();
  }

  /** What is passed for a parameter; what was not given is its default, zero, false or null. */
  private static @Nullable Object value(Parameter parameter, @Nullable Object given) {
    P described = parameter.getAnnotation(P.class);
    Object chosen =
        given == null && described != null && !described.defaultValue().equals(P.NO_DEFAULT)
            ? described.defaultValue()
            : given;
    var type = JSON.constructType(parameter.getParameterizedType());
    if (chosen == null) {
      return type.isPrimitive() ? JSON.convertValue(null, type) : null;
    }
    try {
      return JSON.convertValue(chosen, type);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "Argument '"
              + nameOf(parameter)
              + "' must be readable as "
              + parameter.getType().getSimpleName()
              + ", but was "
              + chosen
              + ".",
          e);
    }
  }
}
