package dev.qwen4j.inference.hub;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;
import okhttp3.HttpUrl;
import org.jspecify.annotations.Nullable;

/**
 * Brings checkpoints from HuggingFace and ModelScope into a local cache.
 *
 * <p>Of a repository, one GGUF model is brought; where it has none, all that makes a HuggingFace
 * folder. A file that is in the cache is taken from there without asking anyone. Downloads resume,
 * are checked against the published SHA-256, and several processes may want the same file at once.
 * Immutable, safe to share.
 */
public final class ModelHub {
  /** Remembers, beside a repository's files, which of them is meant when no one says. */
  private static final String DEFAULT = ".default";

  private final Path cache;
  private final boolean offline;
  private final Map<ModelReference.Source, HttpUrl> endpoints;
  private final Map<ModelReference.Source, String> tokens;

  /**
   * Each made when it is needed: that reads the machine's certificates, and most models are here.
   */
  private final Map<ModelReference.Source, HubClient> clients =
      new EnumMap<>(ModelReference.Source.class);

  private final Duration pause;

  /**
   * A model in the cache, whole and checked.
   *
   * @param reference what brings it again, as {@code hf:owner/repo:Q4_K_M}
   * @param file a GGUF file, or a HuggingFace folder
   */
  public record CachedModel(String reference, Path file, long bytes) {}

  /** Follows a download, on the thread that downloads. */
  @FunctionalInterface
  public interface DownloadListener {
    /** Listens to nothing. */
    DownloadListener NONE = (file, bytes, totalBytes) -> {};

    /**
     * Called at the start (after a resume not from zero), now and then, and at the end.
     *
     * @param file the file's name
     * @param bytes how much of it is here
     * @param totalBytes how much it will be
     */
    void progress(String file, long bytes, long totalBytes);
  }

  private ModelHub(Builder builder) {
    cache = builder.cache.toAbsolutePath().normalize();
    offline = builder.offline;
    pause = builder.pause;
    tokens = Map.copyOf(builder.tokens);
    endpoints = new EnumMap<>(builder.endpoints);
  }

  /**
   * A hub as the environment says: {@code QWEN4J_CACHE} (else {@code ~/.cache/qwen4j}), {@code
   * QWEN4J_OFFLINE=1}, {@code HF_TOKEN}, {@code HF_ENDPOINT}, {@code MODELSCOPE_API_TOKEN}, {@code
   * MODELSCOPE_ENDPOINT}.
   *
   * @throws IllegalArgumentException if a variable is malformed; the message names it
   */
  public static ModelHub fromEnvironment() {
    return fromEnvironment(System.getenv());
  }

  /** A hub as {@code environment} says, with the same variables. */
  public static ModelHub fromEnvironment(Map<String, String> environment) {
    Builder builder = builder();
    @Nullable String folder = environment.get("QWEN4J_CACHE");
    if (folder != null && !folder.isBlank()) {
      builder.cache(Path.of(folder));
    }
    builder.offline(isOn(environment.get("QWEN4J_OFFLINE")));
    for (ModelReference.Source source : ModelReference.Source.values()) {
      @Nullable String endpoint = environment.get(source.endpointVariable());
      if (endpoint != null && !endpoint.isBlank()) {
        builder.endpoint(source, endpoint);
      }
      @Nullable String token = environment.get(source.tokenVariable());
      if (token != null && !token.isBlank()) {
        builder.token(source, token);
      }
    }
    return builder.build();
  }

  public static Builder builder() {
    return new Builder();
  }

  /**
   * The file, or the folder, that {@code reference} means, downloaded first if it is not here.
   *
   * <p>Blocks; interruption ends it and leaves what has come for the next time.
   *
   * @throws HubException if it cannot be had
   */
  public Path fetch(ModelReference reference, DownloadListener listener) {
    return switch (reference) {
      case ModelReference.LocalFile(Path path) -> existing(path);
      case ModelReference.Repository repository -> fetch(repository, listener);
    };
  }

  /** Every whole model in the cache, by reference. */
  public List<CachedModel> cached() {
    List<CachedModel> models = new ArrayList<>();
    for (ModelReference.Source source : ModelReference.Source.values()) {
      Path root = cache.resolve(source.scheme());
      for (Path file : filesBelow(root)) {
        Path path = root.relativize(file);
        if (path.getNameCount() >= 3 && isWholeModel(file)) {
          models.add(new CachedModel(reference(source, path), file, size(file)));
        } else if (path.getNameCount() == 3 && path.endsWith(FolderChoice.CONFIG)) {
          Path folder = Objects.requireNonNull(file.getParent());
          String reference = source.scheme() + ":" + path.getName(0) + "/" + path.getName(1);
          models.add(new CachedModel(reference, folder, bytes(filesBelow(folder))));
        }
      }
    }
    return models;
  }

  private Path fetch(ModelReference.Repository repository, DownloadListener listener) {
    Path folder = folder(repository);
    Optional<Path> here = inCache(repository, folder);
    if (here.isPresent()) {
      return here.get();
    }
    if (offline) {
      throw new HubException(
          repository
              + ": not in the cache "
              + cache
              + ", and QWEN4J_OFFLINE forbids the network; unset it, or give a path");
    }
    try {
      return download(repository, folder, listener);
    } catch (IOException e) {
      if (Thread.currentThread().isInterrupted()) {
        throw interrupted(repository, e);
      }
      throw new HubException(
          "%s: cannot write to %s (%s); check the folder and its disk, and run again: what has come is kept"
              .formatted(repository, cache, e),
          e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw interrupted(repository, e);
    }
  }

  private static HubException interrupted(ModelReference reference, Exception cause) {
    return new HubException(
        reference + ": interrupted; what has come is kept for the next time", cause);
  }

  private Path download(
      ModelReference.Repository repository, Path folder, DownloadListener listener)
      throws IOException, InterruptedException {
    HubClient client = client(repository.source());
    List<RemoteFile> files = client.list(repository);
    List<String> paths = files.stream().map(RemoteFile::path).toList();
    boolean whole = isWholeFolder(repository, paths);
    List<String> chosen =
        whole
            ? FolderChoice.files(paths)
            : GgufChoice.parts(
                GgufChoice.choose(repository.toString(), paths, repository.choice()));
    List<RemoteFile> parts = chosen.stream().map(part -> listed(repository, files, part)).toList();
    Path target = (whole ? parts.getLast() : parts.getFirst()).below(folder);
    Path lock = cache.resolve(".locks").resolve(cache.relativize(target) + ".lock");
    try (FileLockWait _ = FileLockWait.acquire(lock)) {
      for (RemoteFile part : parts) {
        Path file = part.below(folder);
        if (!Files.isRegularFile(file)) { // else another process has just brought it
          Files.createDirectories(Objects.requireNonNull(file.getParent()));
          new Download(client, part, repository.toString(), listener, pause).to(file);
        }
      }
      if (repository.choice() == null && !whole) {
        Files.writeString(folder.resolve(DEFAULT), chosen.getFirst(), StandardCharsets.UTF_8);
      }
    }
    return whole ? folder : target;
  }

  /** Whether a repository is brought as a folder: when it has no GGUF model, and none is named. */
  private static boolean isWholeFolder(ModelReference.Repository repository, List<String> paths) {
    return repository.choice() == null
        && paths.stream().noneMatch(GgufChoice::isModel)
        && !FolderChoice.files(paths).isEmpty();
  }

  private static RemoteFile listed(
      ModelReference.Repository repository, List<RemoteFile> files, String path) {
    RemoteFile file =
        files.stream()
            .filter(each -> each.path().equals(path))
            .findFirst()
            .orElseThrow(
                () ->
                    new HubException(
                        repository + ": the repository has no " + path + "; take another quant"));
    if (file.bytes() <= 0) {
      throw new HubException(
          repository + ": expected a size for " + path + ", found " + file.bytes() + "; try again");
    }
    return file;
  }

  private Optional<Path> inCache(ModelReference.Repository repository, Path folder) {
    List<String> paths =
        filesBelow(folder).stream()
            .map(file -> folder.relativize(file).toString())
            .filter(GgufChoice::isModel)
            .toList();
    String choice = repository.choice();
    if (paths.isEmpty()) {
      return choice == null && Files.isRegularFile(folder.resolve(FolderChoice.CONFIG))
          ? Optional.of(folder)
          : Optional.empty();
    }
    if (choice == null) {
      Optional<Path> remembered = rememberedDefault(folder);
      if (remembered.isPresent() || !offline) {
        return remembered;
      }
    }
    return GgufChoice.find(paths, choice)
        .filter(path -> paths.containsAll(GgufChoice.parts(path)))
        .map(folder::resolve);
  }

  private static Optional<Path> rememberedDefault(Path folder) {
    Path note = folder.resolve(DEFAULT);
    if (!Files.isRegularFile(note)) {
      return Optional.empty();
    }
    try {
      Path file = folder.resolve(Files.readString(note, StandardCharsets.UTF_8).strip());
      return Files.isRegularFile(file) ? Optional.of(file) : Optional.empty();
    } catch (IOException e) {
      throw new HubException("cannot read " + note + " (" + e + "); delete it", e);
    }
  }

  private synchronized HubClient client(ModelReference.Source source) {
    return clients.computeIfAbsent(source, s -> new HubClient(s, endpoint(s), tokens.get(s)));
  }

  /** Read only when there is something to fetch: OkHttp takes its time to load. */
  private HttpUrl endpoint(ModelReference.Source source) {
    HttpUrl given = endpoints.get(source);
    return given != null ? given : endpoint(source.defaultEndpoint(), source);
  }

  private Path folder(ModelReference.Repository repository) {
    return cache
        .resolve(repository.source().scheme())
        .resolve(repository.owner())
        .resolve(repository.name());
  }

  private static String reference(ModelReference.Source source, Path path) {
    String inRepository = path.subpath(2, path.getNameCount()).toString();
    return source.scheme()
        + ":"
        + path.getName(0)
        + "/"
        + path.getName(1)
        + ":"
        + GgufChoice.quant(inRepository).orElse(inRepository);
  }

  private static Path existing(Path path) {
    if (!Files.exists(path)) {
      throw new HubException(path + ": no such file; expected " + ModelReference.FORMS);
    }
    return path;
  }

  private static List<Path> filesBelow(Path folder) {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.walk(folder)) {
      return files.filter(Files::isRegularFile).sorted().toList();
    } catch (IOException e) {
      throw new HubException("cannot read " + folder + " (" + e + "); check the folder", e);
    }
  }

  /** Whether it is a model whose parts, if it has several, are all here; only the first counts. */
  private static boolean isWholeModel(Path file) {
    return GgufChoice.isModel(file.toString())
        && !GgufChoice.isLaterPart(file.toString())
        && parts(file).stream().allMatch(Files::isRegularFile);
  }

  private static List<Path> parts(Path file) {
    return GgufChoice.parts(String.valueOf(file.getFileName())).stream()
        .map(file::resolveSibling)
        .toList();
  }

  private static long size(Path file) {
    return bytes(parts(file));
  }

  private static long bytes(List<Path> files) {
    long bytes = 0;
    for (Path file : files) {
      try {
        bytes += Files.size(file);
      } catch (IOException e) {
        throw new HubException("cannot read " + file + " (" + e + "); check the folder", e);
      }
    }
    return bytes;
  }

  private static boolean isOn(@Nullable String value) {
    return value != null && !value.isBlank() && !value.equals("0") && !value.equals("false");
  }

  private static HttpUrl endpoint(String url, ModelReference.Source source) {
    HttpUrl parsed = HttpUrl.parse(url.strip());
    if (parsed == null) {
      throw new IllegalArgumentException(
          source.endpointVariable() + ": expected an http or https URL, found " + url);
    }
    return parsed;
  }

  /** Sets up a {@link ModelHub}. */
  public static final class Builder {
    private Path cache = Path.of(System.getProperty("user.home"), ".cache", "qwen4j");
    private boolean offline;
    private Duration pause = Duration.ofSeconds(1);
    private final Map<ModelReference.Source, HttpUrl> endpoints =
        new EnumMap<>(ModelReference.Source.class);
    private final Map<ModelReference.Source, String> tokens =
        new EnumMap<>(ModelReference.Source.class);

    private Builder() {}

    /** Where files are kept. */
    public Builder cache(Path folder) {
      cache = folder;
      return this;
    }

    /** Whether the network is forbidden. */
    public Builder offline(boolean value) {
      offline = value;
      return this;
    }

    /** Another address for a source: a mirror, or a test's server. */
    public Builder endpoint(ModelReference.Source source, String url) {
      endpoints.put(source, ModelHub.endpoint(url, source));
      return this;
    }

    /** The token to show to a source. It goes to that source's endpoint and nowhere else. */
    public Builder token(ModelReference.Source source, String token) {
      tokens.put(source, token.strip());
      return this;
    }

    /** How long to wait before a broken download is taken up again. */
    Builder pause(Duration value) {
      pause = value;
      return this;
    }

    public ModelHub build() {
      return new ModelHub(this);
    }
  }
}
