package dev.qwen4j.architecture;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;

/** A constructor with many parameters hides a missing record. */
final class HaveShortConstructors extends ArchCondition<JavaClass> {
  private final int limit;

  private HaveShortConstructors(int limit) {
    super("have constructors of at most " + limit + " parameters");
    this.limit = limit;
  }

  static HaveShortConstructors ofAtMost(int limit) {
    return new HaveShortConstructors(limit);
  }

  @Override
  public void check(JavaClass type, ConditionEvents events) {
    type.getConstructors().stream()
        .filter(constructor -> constructor.getRawParameterTypes().size() > limit)
        .forEach(
            constructor ->
                events.add(
                    SimpleConditionEvent.violated(
                        constructor,
                        constructor.getFullName()
                            + " takes "
                            + constructor.getRawParameterTypes().size())));
  }
}
