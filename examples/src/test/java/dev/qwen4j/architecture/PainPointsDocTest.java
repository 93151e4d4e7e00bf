package dev.qwen4j.architecture;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** docs/pain-points.md names tests; they must be there. */
class PainPointsDocTest {
  private static final Pattern NAMED = Pattern.compile("`(\\w+Test)\\.(\\w+)`");

  @Test
  void everyTestThatIsNamedExists() throws IOException {
    String page = Files.readString(Repository.root().resolve("docs/pain-points.md"));
    List<Path> sources = Repository.javaSources();
    var missing = new ArrayList<String>();
    int found = 0;
    for (Matcher named = NAMED.matcher(page); named.find(); found++) {
      boolean exists = false;
      for (Path source : sources) {
        if (source.endsWith(named.group(1) + ".java")
            && Files.readString(source).contains("void " + named.group(2) + "(")) {
          exists = true;
        }
      }
      if (!exists) {
        missing.add(named.group());
      }
    }
    assertThat(missing).isEmpty();
    assertThat(found).isGreaterThan(50);
  }
}
