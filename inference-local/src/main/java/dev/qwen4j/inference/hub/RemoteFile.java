package dev.qwen4j.inference.hub;

import java.nio.file.Path;
import okhttp3.HttpUrl;
import org.jspecify.annotations.Nullable;

/**
 * A file of a repository.
 *
 * @param path inside the repository, with slashes
 * @param sha256 in lower-case hex; null where the source does not say
 */
record RemoteFile(String path, long bytes, @Nullable String sha256, HttpUrl url) {
  String name() {
    return path.substring(path.lastIndexOf('/') + 1);
  }

  /** Where the file belongs below {@code folder}, from which no name may lead out. */
  Path below(Path folder) {
    Path file = folder.resolve(path).normalize();
    if (!file.startsWith(folder) || file.equals(folder)) {
      throw new HubException(
          "the repository lists a file outside itself: " + path + "; do not trust it");
    }
    return file;
  }
}
