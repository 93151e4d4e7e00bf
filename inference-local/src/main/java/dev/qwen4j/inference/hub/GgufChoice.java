package dev.qwen4j.inference.hub;

import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Chooses one GGUF model among a repository's paths; of a split one, the first part stands for all.
 * Asked for nothing, it takes Q4_K_M, else what comes closest: other 4-bit types first, then larger
 * ones, then smaller ones. Asked for something, it takes that or says what there is.
 */
final class GgufChoice {
  /** The default and its neighbours, the dearest first. */
  private static final List<String> PREFERENCE =
      List.of(
          "Q4_K_M", "Q4_K_S", "Q4_0", "Q4_1", "IQ4_NL", "IQ4_XS", "Q5_K_M", "Q5_K_S", "Q5_0",
          "Q5_1", "Q6_K", "Q8_0", "Q3_K_L", "Q3_K_M", "Q3_K_S", "Q2_K", "MXFP4", "BF16", "F16",
          "F32");

  private static final Pattern QUANT =
      Pattern.compile(
          "(?<![A-Z0-9])(I?Q[1-8]_[A-Z0-9]+(?:_[A-Z0-9]+)*|BF16|FP?16|FP?32|MXFP4)(?![A-Z0-9])");

  private static final Pattern PART = Pattern.compile("(.*)-(\\d{5})-of-(\\d{5})\\.gguf");

  private GgufChoice() {}

  /** The one whole file that fits; empty if none does, or several do. */
  static Optional<String> find(Collection<String> paths, @Nullable String choice) {
    List<String> whole = whole(models(paths));
    if (choice == null) {
      return closest(whole);
    }
    return single(whole.stream().filter(path -> matches(path, choice)).toList());
  }

  /**
   * The one whole file that fits.
   *
   * @param where the repository, for messages
   * @param choice a quantisation or a file name, null for the default
   * @throws HubException if there is no such file, or several; it says what there is
   */
  static String choose(String where, Collection<String> paths, @Nullable String choice) {
    return find(paths, choice).orElseThrow(() -> reason(where, models(paths), choice));
  }

  private static HubException reason(String where, List<String> models, @Nullable String choice) {
    if (models.isEmpty()) {
      return new HubException(
          where
              + ": no GGUF file in this repository"
              + (choice == null ? ", nor a config.json with model*.safetensors" : "")
              + "; look for one whose name ends in -GGUF"
              + (choice == null ? "" : ", or leave out :" + choice));
    }
    List<String> fitting =
        models.stream().filter(path -> choice == null || matches(path, choice)).toList();
    if (fitting.isEmpty()) {
      return new HubException(
          where + ": no " + choice + " in this repository; it has " + offered(models));
    }
    return unclear(where, whole(fitting));
  }

  /** The quantisation that a file's path names, if any. */
  static Optional<String> quant(String path) {
    Matcher matcher = QUANT.matcher(path.toUpperCase(Locale.ROOT));
    String last = null;
    while (matcher.find()) {
      last = matcher.group(1);
    }
    return Optional.ofNullable(last).map(GgufChoice::canonical);
  }

  static boolean isModel(String path) {
    String lower = path.toLowerCase(Locale.ROOT);
    return lower.endsWith(".gguf") && !lower.contains("mmproj") && !lower.contains("imatrix");
  }

  private static List<String> models(Collection<String> paths) {
    return paths.stream().filter(GgufChoice::isModel).sorted().toList();
  }

  private static List<String> whole(List<String> models) {
    return models.stream().filter(path -> !isLaterPart(path)).toList();
  }

  private static Optional<String> single(List<String> paths) {
    List<String> alone = paths.stream().filter(path -> !PART.matcher(path).matches()).toList();
    List<String> dearest = alone.isEmpty() ? paths : alone;
    return dearest.size() == 1 ? Optional.of(dearest.getFirst()) : Optional.empty();
  }

  /** Whether the path is that of a part of a split model, and not of its first. */
  static boolean isLaterPart(String path) {
    Matcher part = PART.matcher(path);
    return part.matches() && !part.group(2).equals("00001");
  }

  /** The files of the model whose first, or only one, is {@code path}. */
  static List<String> parts(String path) {
    Matcher part = PART.matcher(path);
    if (!part.matches()) {
      return List.of(path);
    }
    return IntStream.rangeClosed(1, Integer.parseInt(part.group(3)))
        .mapToObj(i -> "%s-%05d-of-%s.gguf".formatted(part.group(1), i, part.group(3)))
        .toList();
  }

  private static String canonical(String quant) {
    String upper = quant.toUpperCase(Locale.ROOT);
    return upper.startsWith("FP") ? "F" + upper.substring(2) : upper;
  }

  private static boolean matches(String path, String choice) {
    if (choice.endsWith(".gguf")) {
      return path.equals(choice) || path.endsWith("/" + choice);
    }
    return quant(path).equals(Optional.of(canonical(choice)));
  }

  private static Optional<String> closest(List<String> whole) {
    for (String quant : PREFERENCE) {
      List<String> same =
          whole.stream().filter(path -> quant(path).equals(Optional.of(quant))).toList();
      if (!same.isEmpty()) {
        return single(same);
      }
    }
    return single(whole);
  }

  private static HubException unclear(String where, List<String> paths) {
    return new HubException(
        where
            + ": several files fit; name one as "
            + where.substring(0, where.indexOf(':') + 1)
            + "owner/repo:FILE.gguf: "
            + String.join(", ", paths));
  }

  /** The quantisations of the files, or their names where they do not tell. */
  private static String offered(List<String> models) {
    TreeSet<String> names = new TreeSet<>();
    for (String path : whole(models)) {
      names.add(quant(path).orElse(path));
    }
    return String.join(", ", names);
  }
}
