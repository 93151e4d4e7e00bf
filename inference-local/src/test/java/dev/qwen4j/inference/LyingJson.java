package dev.qwen4j.inference;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ContainerNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/** JSON that is not what it should be. */
final class LyingJson {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int MOST_CHILDREN = 20;

  private final SplittableRandom random;

  LyingJson(SplittableRandom random) {
    this.random = random;
  }

  /** A value that no field expects. */
  JsonNode anything() {
    return switch (random.nextInt(12)) {
      case 0 -> JSON.getNodeFactory().numberNode(random.nextLong());
      case 1 -> JSON.getNodeFactory().numberNode(Long.MAX_VALUE);
      case 2 -> JSON.getNodeFactory().numberNode(-1);
      case 3 -> JSON.getNodeFactory().numberNode(0);
      case 4 -> JSON.getNodeFactory().numberNode(1e300);
      case 5 -> JSON.getNodeFactory().textNode("F16");
      case 6 -> JSON.getNodeFactory().textNode("I32");
      case 7 -> JSON.getNodeFactory().nullNode();
      case 8 -> JSON.createArrayNode();
      case 9 -> JSON.createArrayNode().add(1L << 40).add(1L << 40);
      case 10 -> JSON.createObjectNode().put("a", 1);
      default -> JSON.getNodeFactory().numberNode(random.nextInt(1 << 25));
    };
  }

  /** A copy in which something somewhere is replaced by anything, or gone, or there twice. */
  JsonNode changed(JsonNode root) {
    JsonNode copy = root.deepCopy();
    List<ContainerNode<?>> places = new ArrayList<>();
    collect(copy, places);
    switch (places.get(random.nextInt(places.size()))) {
      case ObjectNode object when !object.isEmpty() -> {
        List<String> names = new ArrayList<>();
        object.fieldNames().forEachRemaining(names::add);
        String name = names.get(random.nextInt(names.size()));
        if (random.nextInt(4) == 0) {
          object.remove(name);
        } else {
          object.set(name, anything());
        }
      }
      case ArrayNode array when !array.isEmpty() -> {
        int index = random.nextInt(array.size());
        switch (random.nextInt(4)) {
          case 0 -> array.remove(index);
          case 1 -> array.add(array.get(index));
          default -> array.set(index, anything());
        }
      }
      default -> {}
    }
    return copy;
  }

  /** Of the children of one node only the first few, since vocabularies have many. */
  private static void collect(JsonNode node, List<ContainerNode<?>> places) {
    if (node instanceof ContainerNode<?> container) {
      places.add(container);
      int seen = 0;
      for (JsonNode child : container) {
        if (seen++ < MOST_CHILDREN) {
          collect(child, places);
        }
      }
    }
  }
}
