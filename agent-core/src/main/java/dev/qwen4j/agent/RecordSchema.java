package dev.qwen4j.agent;

import dev.langchain4j.model.chat.request.json.JsonArraySchema;
import dev.langchain4j.model.chat.request.json.JsonBooleanSchema;
import dev.langchain4j.model.chat.request.json.JsonEnumSchema;
import dev.langchain4j.model.chat.request.json.JsonIntegerSchema;
import dev.langchain4j.model.chat.request.json.JsonNumberSchema;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.langchain4j.model.chat.request.json.JsonReferenceSchema;
import dev.langchain4j.model.chat.request.json.JsonSchemaElement;
import dev.langchain4j.model.chat.request.json.JsonStringSchema;
import dev.langchain4j.model.output.structured.Description;
import java.lang.annotation.Annotation;
import java.lang.reflect.GenericArrayType;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.lang.reflect.WildcardType;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The JSON schema of a record: all its components are required, except those with an annotation
 * named {@code Nullable}. LangChain4j's {@code @Description} on a component describes it.
 *
 * <p>Not LangChain4j's own derivation: that is internal to it, and requires nothing.
 */
final class RecordSchema {
  private static final String KNOWN =
      "records, enums, text, numbers, booleans, and lists, sets, arrays or maps of these";

  private final Map<String, JsonSchemaElement> definitions = new LinkedHashMap<>();
  private final Set<Class<?>> open = new HashSet<>();
  private final Set<Class<?>> recursive = new HashSet<>();

  private RecordSchema() {}

  /**
   * Derives it.
   *
   * @throws IllegalArgumentException if {@code type} is no record, or holds what JSON has no form
   *     for
   */
  static JsonObjectSchema of(Class<?> type) {
    if (!type.isRecord()) {
      throw new IllegalArgumentException(
          "A typed answer must be a record, but " + type.getName() + " is none.");
    }
    var derivation = new RecordSchema();
    JsonObjectSchema.Builder root = derivation.object(type);
    if (derivation.recursive.contains(type)) {
      derivation.definitions.put(type.getSimpleName(), derivation.object(type).build());
    }
    return root.definitions(derivation.definitions).build();
  }

  private JsonObjectSchema.Builder object(Class<?> record) {
    open.add(record);
    JsonObjectSchema.Builder schema = JsonObjectSchema.builder();
    for (RecordComponent component : record.getRecordComponents()) {
      String description = description(record, component);
      schema.addProperty(
          component.getName(), element(component.getGenericType(), description, component));
    }
    schema.required(
        Arrays.stream(record.getRecordComponents())
            .filter(component -> !isNullable(component))
            .map(RecordComponent::getName)
            .toList());
    open.remove(record);
    return schema;
  }

  private JsonSchemaElement element(
      Type type, @Nullable String description, RecordComponent where) {
    Class<?> raw = raw(type);
    if (Set.of(int.class, long.class, short.class, byte.class).contains(raw)
        || Set.of(Integer.class, Long.class, Short.class, Byte.class).contains(raw)
        || raw == java.math.BigInteger.class) {
      return JsonIntegerSchema.builder().description(description).build();
    }
    if (raw == double.class || raw == float.class || Number.class.isAssignableFrom(raw)) {
      return JsonNumberSchema.builder().description(description).build();
    }
    if (raw == boolean.class || raw == Boolean.class) {
      return JsonBooleanSchema.builder().description(description).build();
    }
    if (Set.of(String.class, char.class, Character.class).contains(raw)
        || Set.of(java.util.UUID.class, java.net.URI.class).contains(raw)) {
      return JsonStringSchema.builder().description(description).build();
    }
    if (raw.isEnum()) {
      List<String> names = Stream.of(raw.getEnumConstants()).map(each -> name(each)).toList();
      return JsonEnumSchema.builder().enumValues(names).description(description).build();
    }
    if (raw.isArray() || Collection.class.isAssignableFrom(raw)) {
      return JsonArraySchema.builder()
          .items(element(inner(type, 0, where), null, where))
          .description(description)
          .build();
    }
    if (Map.class.isAssignableFrom(raw)) {
      return JsonObjectSchema.builder().description(description).build();
    }
    if (raw.isRecord()) {
      return record(raw, description);
    }
    throw new IllegalArgumentException(
        "%s.%s is of type %s, which has no form in JSON here: use %s."
            .formatted(
                where.getDeclaringRecord().getSimpleName(),
                where.getName(),
                type.getTypeName(),
                KNOWN));
  }

  /** A record inside itself is a reference, since it would never end. */
  private JsonSchemaElement record(Class<?> type, @Nullable String description) {
    String name = type.getSimpleName();
    if (open.contains(type)) {
      recursive.add(type);
      return JsonReferenceSchema.builder().reference(name).build();
    }
    if (definitions.containsKey(name) && recursive.contains(type)) {
      return JsonReferenceSchema.builder().reference(name).build();
    }
    JsonObjectSchema schema = object(type).description(description).build();
    if (recursive.contains(type)) {
      definitions.put(name, schema);
    }
    return schema;
  }

  private static Class<?> raw(Type type) {
    return switch (type) {
      case Class<?> plain -> plain;
      case ParameterizedType generic -> (Class<?>) generic.getRawType();
      case GenericArrayType array -> Object[].class;
      default -> Object.class;
    };
  }

  private static Type inner(Type type, int index, RecordComponent where) {
    return switch (type) {
      case Class<?> array when array.isArray() -> array.getComponentType();
      case GenericArrayType array -> array.getGenericComponentType();
      case ParameterizedType generic ->
          generic.getActualTypeArguments()[index] instanceof WildcardType wildcard
              ? wildcard.getUpperBounds()[0]
              : generic.getActualTypeArguments()[index];
      default ->
          throw new IllegalArgumentException(
              "%s.%s does not say what it holds: write List<…>."
                  .formatted(where.getDeclaringRecord().getSimpleName(), where.getName()));
    };
  }

  private static String name(Object constant) {
    return ((Enum<?>) constant).name();
  }

  private static @Nullable String description(Class<?> record, RecordComponent component) {
    try {
      var written = record.getDeclaredField(component.getName()).getAnnotation(Description.class);
      return written == null ? null : String.join(" ", written.value());
    } catch (NoSuchFieldException e) {
      throw new IllegalStateException("every component of a record has its field", e);
    }
  }

  private static boolean isNullable(RecordComponent component) {
    return Stream.of(component.getAnnotatedType().getAnnotations(), component.getAnnotations())
        .flatMap(Arrays::stream)
        .map(Annotation::annotationType)
        .anyMatch(type -> type.getSimpleName().equals("Nullable"));
  }
}
