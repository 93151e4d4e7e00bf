package dev.qwen4j.tool;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.langchain4j.agent.tool.P;
import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.agent.tool.ToolSpecifications;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Parameter;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Tools from ordinary methods: those that bear LangChain4j's {@code @Tool}, their parameters
 * described by {@code @P}. Compile with {@code -parameters}, or name each parameter in its
 * {@code @P}.
 *
 * <p>A method may take a {@link ToolContext} besides what the model passes. It may return text,
 * anything that Jackson can write as JSON, a {@link ToolResult}, or nothing. Whether it changes
 * state is unknown, so it is taken to, unless its annotation says {@code metadata =
 * "{\"changesState\": false}"}.
 */
public final class AnnotatedTools {
  private static final ObjectMapper JSON = JsonMapper.builder().findAndAddModules().build();

  private AnnotatedTools() {}

  /**
   * The annotated methods of {@code object} and its superclasses, by name.
   *
   * @throws IllegalArgumentException if {@code object} has no method with {@code @Tool}
   */
  public static List<Tool> of(Object object) {
    var tools = new ArrayList<Tool>();
    for (Class<?> type = object.getClass(); type != null; type = type.getSuperclass()) {
      for (Method method : type.getDeclaredMethods()) {
        if (method.isAnnotationPresent(dev.langchain4j.agent.tool.Tool.class)
            && !method.isBridge()) {
          tools.add(new AnnotatedMethod(object, method));
        }
      }
    }
    if (tools.isEmpty()) {
      throw new IllegalArgumentException(
          object.getClass().getName()
              + " has no method with LangChain4j's @Tool: annotate the methods to offer.");
    }
    tools.sort(java.util.Comparator.comparing(Tool::name)); // Reflection promises no order.
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
      this.specification = ToolSpecifications.toolSpecificationFrom(method);
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
            parameters[i].getType() == ToolContext.class
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

    private static String nameOf(Parameter parameter) {
      P described = parameter.getAnnotation(P.class);
      return described == null || described.name().isBlank()
          ? parameter.getName()
          : described.name();
    }

    private static @Nullable Object value(Parameter parameter, @Nullable Object given) {
      var type = JSON.constructType(parameter.getParameterizedType());
      return given == null ? null : JSON.convertValue(given, type);
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
}
