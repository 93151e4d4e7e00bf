package dev.qwen4j.inference.hub;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import okhttp3.HttpUrl;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import org.jspecify.annotations.Nullable;

/**
 * One source's public HTTP API: what a repository holds, and the bytes of its files.
 *
 * <p>The token goes to the source's own host alone: okhttp drops {@code Authorization} when a
 * redirect leads to another host, port or scheme (file contents usually come from a CDN), and
 * redirects from https to http are not followed.
 */
final class HubClient {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Pattern NEXT_PAGE = Pattern.compile("<([^>]+)>;\\s*rel=\"?next\"?");
  private static final int MOST_PAGES = 100;

  private final ModelReference.Source source;
  private final HttpUrl endpoint;
  private final @Nullable String token;
  private final OkHttpClient http;

  HubClient(ModelReference.Source source, HttpUrl endpoint, @Nullable String token) {
    this.source = source;
    this.endpoint = endpoint;
    this.token = token;
    this.http =
        new OkHttpClient.Builder()
            .connectTimeout(Duration.ofSeconds(15))
            .readTimeout(Duration.ofSeconds(60))
            .followSslRedirects(false)
            .build();
  }

  /** All files of the repository. */
  List<RemoteFile> list(ModelReference.Repository repository) {
    return switch (source) {
      case HUGGING_FACE -> listHuggingFace(repository);
      case MODEL_SCOPE -> listModelScope(repository);
    };
  }

  /**
   * Asks for a file's bytes from {@code offset} on. The caller closes the response, whose code is
   * 200, 206 or 416.
   *
   * @throws IOException if the connection or the server fails, which is worth another try
   */
  Response open(RemoteFile file, long offset, String where) throws IOException {
    Request.Builder request = request(file.url()).header("Accept-Encoding", "identity");
    if (offset > 0) {
      request.header("Range", "bytes=" + offset + "-");
    }
    Response response = http.newCall(request.build()).execute();
    if (response.code() == 200 || response.code() == 206 || response.code() == 416) {
      return response;
    }
    try (response) {
      if (response.code() == 429 || response.code() >= 500) {
        throw new IOException("HTTP " + response.code());
      }
      throw refused(response.code(), where);
    }
  }

  private HubException unreachable(String where, IOException cause) {
    String reason =
        cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage();
    return new HubException(
        "%s: cannot reach %s (%s); check the network, or set %s to a mirror"
            .formatted(
                where, host(), reason.lines().findFirst().orElse(""), source.endpointVariable()),
        cause);
  }

  private List<RemoteFile> listHuggingFace(ModelReference.Repository repository) {
    HttpUrl url =
        endpoint
            .newBuilder()
            .addPathSegments("api/models/" + repository.id() + "/tree/main")
            .addQueryParameter("recursive", "true")
            .build();
    List<RemoteFile> files = new ArrayList<>();
    for (int page = 0; page < MOST_PAGES; page++) {
      Page answer = get(url, repository);
      if (!answer.json().isArray()) {
        throw unexpected(repository, "an array of files", answer.json().toString());
      }
      for (JsonNode entry : answer.json()) {
        if (entry.path("type").asText().equals("file")) {
          JsonNode lfs = entry.path("lfs");
          files.add(
              file(
                  repository,
                  "resolve/main",
                  entry.path("path").asText(),
                  (lfs.has("size") ? lfs : entry).path("size").asLong(-1),
                  lfs.path("oid").textValue()));
        }
      }
      HttpUrl next = answer.next();
      if (next == null) {
        return files;
      }
      url = next;
    }
    throw unexpected(repository, "at most " + MOST_PAGES + " pages of files", "more");
  }

  private List<RemoteFile> listModelScope(ModelReference.Repository repository) {
    HttpUrl url =
        endpoint
            .newBuilder()
            .addPathSegments("api/v1/models/" + repository.id() + "/repo/files")
            .addQueryParameter("Recursive", "true")
            .build();
    JsonNode answer = get(url, repository).json();
    JsonNode entries = answer.path("Data").path("Files");
    if (!entries.isArray()) {
      throw unexpected(repository, "Data.Files", answer.toString());
    }
    List<RemoteFile> files = new ArrayList<>();
    for (JsonNode entry : entries) {
      if (!entry.path("Type").asText().equals("tree")) {
        files.add(
            file(
                repository,
                "resolve/master",
                entry.path("Path").asText(),
                entry.path("Size").asLong(-1),
                entry.path("Sha256").textValue()));
      }
    }
    return files;
  }

  private RemoteFile file(
      ModelReference.Repository repository,
      String resolve,
      String path,
      long bytes,
      @Nullable String sha256) {
    HttpUrl.Builder url = endpoint.newBuilder();
    if (source == ModelReference.Source.MODEL_SCOPE) {
      url.addPathSegment("models");
    }
    url.addPathSegments(repository.id() + "/" + resolve);
    for (String segment : path.split("/", -1)) {
      url.addPathSegment(segment);
    }
    String checksum = sha256 == null || sha256.isBlank() ? null : sha256.toLowerCase(Locale.ROOT);
    return new RemoteFile(path, bytes, checksum, url.build());
  }

  /** An answer and, where the listing goes on, the address of the rest. */
  private record Page(JsonNode json, @Nullable HttpUrl next) {}

  private Page get(HttpUrl url, ModelReference.Repository repository) {
    String where = repository.toString();
    try (Response response = http.newCall(request(url).build()).execute()) {
      if (!response.isSuccessful()) {
        throw refused(response.code(), where);
      }
      String body = response.body().string();
      return new Page(parse(body, repository), next(response.header("Link"), url));
    } catch (IOException e) {
      throw unreachable(where, e);
    }
  }

  private JsonNode parse(String body, ModelReference.Repository repository) {
    try {
      return JSON.readTree(body);
    } catch (JsonProcessingException e) {
      throw unexpected(repository, "JSON", body);
    }
  }

  private @Nullable HttpUrl next(@Nullable String link, HttpUrl url) {
    Matcher matcher = link == null ? null : NEXT_PAGE.matcher(link);
    if (matcher == null || !matcher.find()) {
      return null;
    }
    HttpUrl next = url.resolve(matcher.group(1));
    // A mirror may pass on the original's absolute address: ask the endpoint itself.
    return next == null
        ? null
        : next.newBuilder()
            .scheme(endpoint.scheme())
            .host(endpoint.host())
            .port(endpoint.port())
            .build();
  }

  private Request.Builder request(HttpUrl url) {
    Request.Builder request = new Request.Builder().url(url).header("User-Agent", "qwen4j");
    if (token != null) {
      request.header("Authorization", "Bearer " + token);
    }
    return request;
  }

  private HubException refused(int code, String where) {
    return new HubException(
        "%s: HTTP %d from %s, %s"
            .formatted(
                where,
                code,
                host(),
                switch (code) {
                  case 401, 403 ->
                      token == null
                          ? "access denied or no such repository; check the name, or set "
                              + source.tokenVariable()
                          : "access denied; check that the token in "
                              + source.tokenVariable()
                              + " may read this repository";
                  case 404 -> "no such repository or file; check owner and name";
                  case 429 -> "too many requests; wait a while, or set " + source.tokenVariable();
                  default -> "the server's fault or a wrong endpoint; try again later";
                }));
  }

  private HubException unexpected(
      ModelReference.Repository repository, String wanted, String found) {
    String line = found.strip().lines().findFirst().orElse("nothing");
    return new HubException(
        "%s: expected %s from %s, found %s; check %s"
            .formatted(
                repository,
                wanted,
                host(),
                line.length() > 60 ? line.substring(0, 60) + "…" : line,
                source.endpointVariable()));
  }

  /** The source's address, for messages. */
  String host() {
    return endpoint.scheme() + "://" + endpoint.host();
  }
}
