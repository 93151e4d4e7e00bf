package dev.qwen4j.tools;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * The folder a model may look into, and the guard at its door. Every path a model names goes
 * through {@link #resolve}, which follows symbolic links first and judges the real place after: a
 * path that leads outside, by {@code ..}, by an absolute name or through a link, is refused.
 *
 * <p>The guard is for models that err or are talked into something, not for hostile programs that
 * swap links while we look; those need a sandbox of the operating system.
 */
final class Workspace {
  /** Folders of machines, not of people: never searched unless named. */
  private static final Set<String> IGNORED =
      Set.of(
          ".git",
          ".gradle",
          ".hg",
          ".idea",
          ".svn",
          ".venv",
          "__pycache__",
          "node_modules",
          "target");

  private static final Pattern WINDOWS_DRIVE = Pattern.compile("[A-Za-z]:([\\\\/].*)?");
  private static final int MAX_ENTRIES_FOR_SUGGESTIONS = 5_000;

  private final Path given;
  private final Path root;

  /**
   * Opens a workspace.
   *
   * @throws IllegalArgumentException if {@code folder} is not an existing folder
   */
  Workspace(Path folder) {
    given = folder.toAbsolutePath().normalize();
    try {
      root = folder.toRealPath();
    } catch (IOException e) {
      throw new IllegalArgumentException("The workspace " + given + " does not exist.", e);
    }
    if (!Files.isDirectory(root)) {
      throw new IllegalArgumentException("The workspace " + given + " is not a folder.");
    }
  }

  Path root() {
    return root;
  }

  /**
   * The real place that {@code path} names, whether or not something is there yet.
   *
   * @param path relative to the workspace, or absolute and inside it; blank means the workspace
   * @throws Refusal if it leads outside or is no path
   */
  Path resolve(String path) throws Refusal {
    Path inside = lexicallyInside(path.strip());
    Path existing = inside;
    while (!Files.exists(existing, LinkOption.NOFOLLOW_LINKS) && !existing.equals(root)) {
      existing = parent(existing);
    }
    Path real;
    try {
      real = existing.toRealPath();
    } catch (IOException e) {
      throw new Refusal("'" + path + "' is a broken link: " + display(existing) + ".");
    }
    if (!real.startsWith(root)) {
      throw outside(path, " (it is a link to a place outside)");
    }
    return real.resolve(existing.relativize(inside)).normalize();
  }

  /** As {@link #resolve}, and something must be there; a near miss is answered with a name. */
  Path resolveExisting(String path) throws Refusal {
    Path resolved = resolve(path);
    if (Files.exists(resolved, LinkOption.NOFOLLOW_LINKS)) {
      return resolved;
    }
    List<String> near = suggestions(resolved);
    throw new Refusal(
        "There is no '"
            + path
            + "' in the workspace."
            + (near.isEmpty()
                ? " Use list_directory to see what is there."
                : " Did you mean " + String.join(" or ", near) + "?"));
  }

  /** The name a model should use for a place inside: relative, with forward slashes. */
  String display(Path inside) {
    String relative = root.relativize(inside).toString().replace('\\', '/');
    return relative.isEmpty() ? "." : relative;
  }

  /** Whether a folder of this name is left out of searches. */
  static boolean isIgnored(Path folder) {
    Path name = folder.getFileName();
    return name != null && IGNORED.contains(name.toString());
  }

  private Path lexicallyInside(String path) throws Refusal {
    if (path.indexOf('\0') >= 0) {
      throw new Refusal("A path cannot contain a NUL character.");
    }
    boolean windows = root.getFileSystem().getSeparator().equals("\\");
    if (!windows && (WINDOWS_DRIVE.matcher(path).matches() || path.startsWith("\\\\"))) {
      throw outside(path, " (it is a Windows path)");
    }
    try {
      Path named = root.resolve(path);
      if (!windows && path.indexOf('\\') >= 0 && !Files.exists(named, LinkOption.NOFOLLOW_LINKS)) {
        named = root.resolve(path.replace('\\', '/'));
      }
      named = named.normalize();
      if (!named.startsWith(root) && named.startsWith(given)) {
        named = root.resolve(given.relativize(named));
      }
      if (!named.startsWith(root)) {
        throw outside(path, "");
      }
      return named;
    } catch (InvalidPathException e) {
      throw new Refusal("'" + path + "' is not a path: " + e.getReason() + ".");
    }
  }

  private Refusal outside(String path, String why) {
    return new Refusal(
        "'"
            + path
            + "' is outside the workspace"
            + why
            + ". The workspace is "
            + root
            + "; name files relative to it, for example 'src/Main.java'.");
  }

  /** Near names in the same folder first, then the same name elsewhere. */
  private List<String> suggestions(Path missing) {
    Path name = missing.getFileName();
    if (name == null) {
      return List.of();
    }
    Path folder = parent(missing);
    List<String> siblings = new ArrayList<>();
    Set<String> found = new LinkedHashSet<>();
    try {
      if (Files.isDirectory(folder)) {
        try (var entries = Files.newDirectoryStream(folder)) {
          for (Path entry : entries) {
            siblings.add(entry.getFileName().toString());
            if (siblings.size() == MAX_ENTRIES_FOR_SUGGESTIONS) {
              break;
            }
          }
        }
        for (String sibling : Nearest.to(name.toString(), siblings, 2)) {
          found.add(display(folder.resolve(sibling)));
        }
      }
      Files.walkFileTree(root, new SameName(name, found));
    } catch (IOException e) {
      return List.copyOf(found); // a suggestion is a courtesy: what was readable is enough
    }
    return found.stream().limit(3).toList();
  }

  private Path parent(Path path) {
    Path parent = path.getParent();
    return parent == null ? root : parent;
  }

  private final class SameName extends SimpleFileVisitor<Path> {
    private final Path name;
    private final Set<String> found;
    private int visited;

    SameName(Path name, Set<String> found) {
      this.name = name;
      this.found = found;
    }

    @Override
    public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes) {
      return !folder.equals(root) && isIgnored(folder)
          ? FileVisitResult.SKIP_SUBTREE
          : FileVisitResult.CONTINUE;
    }

    @Override
    public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
      if (name.equals(file.getFileName())) {
        found.add(display(file));
      }
      boolean enough = ++visited > MAX_ENTRIES_FOR_SUGGESTIONS || found.size() >= 3;
      return enough ? FileVisitResult.TERMINATE : FileVisitResult.CONTINUE;
    }

    @Override
    public FileVisitResult visitFileFailed(Path file, IOException unreadable) {
      return FileVisitResult.CONTINUE;
    }
  }
}
