package dev.qwen4j.tools;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WorkspaceTest {
  @TempDir Path folder;
  private Path root;
  private Path outside;
  private Workspace workspace;

  @BeforeEach
  void makeFolders() throws IOException {
    root = Files.createDirectories(folder.resolve("work")).toRealPath();
    outside = Files.createDirectories(folder.resolve("outside"));
    Files.createDirectories(root.resolve("src"));
    Files.writeString(root.resolve("src/Main.java"), "class Main {}");
    Files.writeString(outside.resolve("secret.txt"), "secret");
    workspace = new Workspace(root);
  }

  @Test
  void relativeAndInsideAbsolutePathsAreAccepted() throws Exception {
    assertThat(workspace.resolve("src/Main.java")).isEqualTo(root.resolve("src/Main.java"));
    assertThat(workspace.resolve("./src/../src/Main.java"))
        .isEqualTo(root.resolve("src/Main.java"));
    assertThat(workspace.resolve(root.resolve("src") + "/Main.java"))
        .isEqualTo(root.resolve("src/Main.java"));
    assertThat(workspace.resolve("")).isEqualTo(root);
    assertThat(workspace.resolve("new/deep/file.txt")).isEqualTo(root.resolve("new/deep/file.txt"));
    assertThat(workspace.resolve("src\\Main.java")).isEqualTo(root.resolve("src/Main.java"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "../outside/secret.txt",
        "src/../../outside/secret.txt",
        "/etc/passwd",
        "/",
        "..",
        "..\\outside\\secret.txt",
        "C:\\Windows\\win.ini",
        "c:/Windows/win.ini",
        "\\\\server\\share\\file"
      })
  void pathsThatLeadOutsideAreRefusedAndTheWorkspaceIsNamed(String path) {
    assertThatThrownBy(() -> workspace.resolve(path))
        .isInstanceOf(Refusal.class)
        .hasMessageContaining("outside the workspace")
        .hasMessageContaining(root.toString());
  }

  @Test
  void aSiblingFolderWhoseNameBeginsLikeTheWorkspaceIsOutside() throws Exception {
    Files.createDirectories(folder.resolve("work-secret"));
    assertThatThrownBy(() -> workspace.resolve(root + "-secret/x"))
        .hasMessageContaining("outside the workspace");
  }

  @Test
  void linksOutAreRefusedAlsoForNamesThatDoNotExistYet() throws Exception {
    Files.createSymbolicLink(root.resolve("out"), outside);
    Files.createSymbolicLink(root.resolve("secret"), outside.resolve("secret.txt"));
    for (String path : new String[] {"out", "out/secret.txt", "out/new.txt", "out/a/b", "secret"}) {
      assertThatThrownBy(() -> workspace.resolve(path))
          .hasMessageContaining("outside the workspace");
    }
  }

  @Test
  void aLinkThatStaysInsideIsFollowed() throws Exception {
    Files.createSymbolicLink(root.resolve("alias"), root.resolve("src"));
    assertThat(workspace.resolve("alias/Main.java")).isEqualTo(root.resolve("src/Main.java"));
    assertThat(workspace.resolve("alias/New.java")).isEqualTo(root.resolve("src/New.java"));
  }

  @Test
  void brokenAndCircularLinksAreNamed() throws Exception {
    Files.createSymbolicLink(root.resolve("dangling"), outside.resolve("nothing"));
    Files.createSymbolicLink(root.resolve("loop"), root.resolve("loop"));
    for (String path : new String[] {"dangling", "loop", "loop/x"}) {
      assertThatThrownBy(() -> workspace.resolve(path)).hasMessageContaining("broken link");
    }
  }

  @Test
  void aWorkspaceReachedThroughALinkAcceptsBothOfItsNames() throws Exception {
    Path alias = Files.createSymbolicLink(folder.resolve("alias"), root);
    var viaLink = new Workspace(alias);
    assertThat(viaLink.resolve(alias + "/src/Main.java")).isEqualTo(root.resolve("src/Main.java"));
    assertThat(viaLink.resolve(root + "/src/Main.java")).isEqualTo(root.resolve("src/Main.java"));
  }

  @Test
  void aNulCharacterIsRefused() {
    assertThatThrownBy(() -> workspace.resolve("src/Main.java\0.txt")).hasMessageContaining("NUL");
  }

  @Test
  void aMissingFileIsAnsweredWithTheNearestName() {
    assertThatThrownBy(() -> workspace.resolveExisting("src/main.jav"))
        .hasMessageContaining("no 'src/main.jav'")
        .hasMessageContaining("Did you mean src/Main.java?");
    assertThatThrownBy(() -> workspace.resolveExisting("Main.java"))
        .hasMessageContaining("Did you mean src/Main.java?");
    assertThatThrownBy(() -> workspace.resolveExisting("qqqqqqqq"))
        .hasMessageContaining("Use list_directory");
  }

  @Test
  void aWorkspaceMustBeAFolder() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Workspace(root.resolve("none")))
        .withMessageContaining("does not exist");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Workspace(root.resolve("src/Main.java")))
        .withMessageContaining("is not a folder");
  }
}
