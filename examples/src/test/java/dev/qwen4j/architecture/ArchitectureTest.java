package dev.qwen4j.architecture;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.equivalentTo;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.library.GeneralCodingRules;
import dev.qwen4j.inference.BadCheckpointException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;

/** The arrows and names of the architecture, as docs/architecture.md draws them. */
class ArchitectureTest {
  private static final JavaClasses ALL =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .importPackages("dev.qwen4j");

  private static final String[] CORE = {
    "dev.qwen4j.model..",
    "dev.qwen4j.dialect..",
    "dev.qwen4j.tool..",
    "dev.qwen4j.session..",
    "dev.qwen4j.memory..",
    "dev.qwen4j.agent..",
    "dev.qwen4j.tracing..",
    "dev.qwen4j.team..",
    "dev.qwen4j.testing.."
  };

  /** How many types each module may show its users. */
  private static final Map<String, Integer> MAX_EXPORTED =
      Map.of("agent-core", 52, "tools", 12, "mcp", 12, "rag", 12, "inference-local", 12);

  @Test
  void siblingModulesDoNotKnowEachOther() {
    String[] siblings = {"tools", "mcp", "rag", "inference"};
    for (String module : siblings) {
      String[] others =
          java.util.Arrays.stream(siblings)
              .filter(other -> !other.equals(module))
              .map(other -> "dev.qwen4j." + other + "..")
              .toArray(String[]::new);
      holds(
          noClasses()
              .that()
              .resideInAPackage("dev.qwen4j." + module + "..")
              .should()
              .dependOnClassesThat()
              .resideInAnyPackage(others)
              .orShould()
              .dependOnClassesThat()
              .resideInAPackage("dev.qwen4j.examples.."));
    }
  }

  @Test
  void agentCoreKnowsNoOtherModule() {
    holds(
        noClasses()
            .that()
            .resideInAnyPackage(CORE)
            .should()
            .dependOnClassesThat(
                resideInAPackage("dev.qwen4j..")
                    .and(DescribedPredicate.not(resideInAnyPackage(CORE)))));
  }

  @Test
  void insideAgentCoreTheArrowsPointOneWay() {
    // model ← dialect ← tool ← memory ← agent ← team, session ← agent ← tracing
    String[] up = {"dialect", "tool", "memory", "session", "agent", "team", "tracing", "testing"};
    neverUses("dev.qwen4j.model..", up);
    for (int low = 0; low < up.length - 1; low++) {
      if (!up[low].equals("session")) {
        neverUses("dev.qwen4j." + up[low] + "..", Arrays.copyOfRange(up, low + 1, up.length));
      }
    }
    neverUses("dev.qwen4j.session..", "model", "dialect", "tool", "memory", "agent", "team");
    neverUses("dev.qwen4j.session..", "tracing", "testing");
    neverUses("dev.qwen4j.tracing..", "team");
  }

  @Test
  void insideTheEngineTheArrowsPointOneWay() {
    String internal = "dev.qwen4j.inference.internal.";
    String[] up = {"kernel", "weights", "arch", "engine"};
    for (int low = 0; low < up.length; low++) {
      for (int high = low + 1; high < up.length; high++) {
        holds(
            noClasses()
                .that()
                .resideInAPackage(internal + up[low] + "..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(
                    internal + up[high] + "..",
                    "dev.qwen4j.inference.hub..",
                    "dev.qwen4j.inference.server..")
                .allowEmptyShould(true));
      }
    }
    String[] leaves = {"tokenizer", "sampling", "template", "grammar"};
    for (String leaf : leaves) {
      holds(
          noClasses()
              .that()
              .resideInAPackage(internal + leaf + "..")
              .should()
              .dependOnClassesThat()
              .resideInAnyPackage(
                  internal + "kernel..",
                  internal + "weights..",
                  internal + "arch..",
                  internal + "engine..")
              .allowEmptyShould(true));
    }
  }

  @Test
  void internalPackagesAreForTheirModuleOnly() {
    holds(
        noClasses()
            .that()
            .resideOutsideOfPackage("dev.qwen4j.inference..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("dev.qwen4j.inference.internal.."));
    holds(
        noClasses()
            .that()
            .resideOutsideOfPackage("dev.qwen4j.model..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("dev.qwen4j.model.internal.."));
    holds(
        noClasses()
            .that()
            .resideOutsideOfPackages("dev.qwen4j.memory..", "dev.qwen4j.agent..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("dev.qwen4j.memory.internal.."));
  }

  @Test
  void packagesHaveNoCycles() {
    // The one type of the entry package that the rooms below may name: what they fail with.
    holds(
        slices()
            .matching("dev.qwen4j.(**)")
            .should()
            .beFreeOfCycles()
            .ignoreDependency(
                DescribedPredicate.alwaysTrue(), equivalentTo(BadCheckpointException.class)));
  }

  @Test
  void namesSayWhatAThingIs() {
    holds(
        noClasses()
            .should()
            .haveSimpleNameEndingWith("Impl")
            .orShould()
            .haveSimpleNameEndingWith("Manager")
            .orShould()
            .haveSimpleNameEndingWith("Util")
            .orShould()
            .haveSimpleNameEndingWith("Utils")
            .orShould()
            .haveSimpleNameEndingWith("Helper")
            .orShould()
            .haveSimpleNameStartingWith("Abstract")
            .orShould()
            .haveSimpleNameStartingWith("Base")
            .orShould()
            .haveSimpleNameStartingWith("Default"));
  }

  @Test
  void onlyTheCommandsPrint() {
    holds(
        noClasses()
            .that()
            .resideOutsideOfPackage("dev.qwen4j.examples..")
            .should(GeneralCodingRules.ACCESS_STANDARD_STREAMS));
  }

  @Test
  void constructorsTakeAtMostSixParametersExceptRecords() {
    holds(
        classes()
            .that()
            .areNotRecords()
            .and()
            .areNotEnums()
            .and()
            .areNotAnonymousClasses()
            .and()
            .areNotMemberClasses()
            .should(HaveShortConstructors.ofAtMost(6)));
  }

  @Test
  void everyPackageIsNullMarkedAndSaysWhatItIsFor() {
    ALL.stream()
        .map(type -> type.getPackage())
        .distinct()
        .forEach(
            found -> {
              assertThat(found.isAnnotatedWith(NullMarked.class))
                  .as("package-info.java with @NullMarked in " + found.getName())
                  .isTrue();
            });
  }

  @Test
  void littleIsPublic() {
    Map<String, Long> exported = new TreeMap<>();
    MAX_EXPORTED.keySet().forEach(module -> exported.put(module, exportedTypes(module)));
    MAX_EXPORTED.forEach(
        (module, limit) ->
            assertThat(exportedTypes(module))
                .as("public top-level types that %s shows its users (all: %s)", module, exported)
                .isLessThanOrEqualTo(limit));
  }

  @Test
  void noSignatureShowsJackson() {
    var shown =
        ALL.stream()
            .filter(type -> type.getModifiers().contains(JavaModifier.PUBLIC))
            .filter(type -> !type.getPackageName().contains(".internal"))
            .flatMap(type -> type.getCodeUnits().stream())
            .filter(
                unit ->
                    unit.getModifiers().contains(JavaModifier.PUBLIC)
                        || unit.getModifiers().contains(JavaModifier.PROTECTED))
            .filter(
                unit ->
                    java.util.stream.Stream.concat(
                            unit.getRawParameterTypes().stream(),
                            java.util.stream.Stream.of(unit.getRawReturnType()))
                        .anyMatch(type -> type.getName().startsWith("com.fasterxml.jackson.")))
            .map(unit -> unit.getFullName());
    assertThat(shown).isEmpty();
  }

  @Test
  void theLoopFitsOneSitting() throws Exception {
    Path loop =
        Repository.root().resolve("agent-core/src/main/java/dev/qwen4j/agent/AgentLoop.java");
    assertThat(Files.readAllLines(loop)).as("lines of " + loop).hasSizeLessThan(300);
  }

  private static long exportedTypes(String module) {
    var names =
        Repository.mainSources(module).stream()
            .map(file -> file.toString().replace('/', '.'))
            .collect(Collectors.toSet());
    return ALL.stream()
        .filter(type -> type.isTopLevelClass())
        .filter(type -> type.getModifiers().contains(JavaModifier.PUBLIC))
        .filter(type -> !type.getPackageName().contains(".internal"))
        .filter(type -> names.stream().anyMatch(n -> n.endsWith("." + type.getName() + ".java")))
        .count();
  }

  private static void neverUses(String from, String... packages) {
    String[] targets =
        java.util.Arrays.stream(packages)
            .map(name -> "dev.qwen4j." + name + "..")
            .toArray(String[]::new);
    holds(
        noClasses()
            .that()
            .resideInAPackage(from)
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(targets)
            .allowEmptyShould(true));
  }

  private static void holds(ArchRule rule) {
    rule.check(ALL);
  }
}
