package dev.qwen4j.tools;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.model.chat.request.json.JsonObjectSchema;
import dev.qwen4j.tool.ToolArguments;
import dev.qwen4j.tool.ToolContext;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.Proxy;
import java.net.UnknownHostException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import okhttp3.Call;
import okhttp3.Dns;
import okhttp3.HttpUrl;
import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import okhttp3.ResponseBody;
import okio.Buffer;
import org.jsoup.Jsoup;
import org.jsoup.nodes.Document;
import org.jspecify.annotations.Nullable;

/**
 * {@code fetch_url}: one web page as Markdown, other text as it is.
 *
 * <p>Redirects are followed by hand, so that every station is judged by {@link NetworkGuard}. With
 * the guard on no proxy is used, because a proxy would resolve the names in our place.
 */
final class FetchUrl implements ReadingTool {
  private static final int MAX_REDIRECTS = 5;
  private static final int MAX_ERROR_TEXT = 500;

  private final OkHttpClient client;
  private final Optional<NetworkGuard> guard;
  private final Duration timeout;
  private final long maxBytes;

  FetchUrl(Duration timeout, long maxBytes, Optional<NetworkGuard> guard) {
    this.timeout = timeout;
    this.maxBytes = maxBytes;
    this.guard = guard;
    var builder =
        new OkHttpClient.Builder()
            .followRedirects(false)
            .followSslRedirects(false)
            .connectTimeout(timeout)
            .readTimeout(timeout)
            .dns(guard.map(Dns.class::cast).orElse(Dns.SYSTEM));
    if (guard.isPresent()) {
      builder.proxy(Proxy.NO_PROXY);
    }
    this.client = builder.build();
  }

  @Override
  public ToolSpecification specification() {
    return ToolSpecification.builder()
        .name("fetch_url")
        .description("Reads a web page and returns its text as Markdown.")
        .parameters(
            JsonObjectSchema.builder()
                .addStringProperty("url", "Address that begins with https:// or http://")
                .addIntegerProperty("offset", "First line to return; 1 is the start (default 1)")
                .required("url")
                .build())
        .build();
  }

  @Override
  public String answer(ToolArguments arguments, ToolContext context)
      throws Refusal, IOException, InterruptedException {
    HttpUrl url = url(arguments.string("url").strip());
    int offset = Math.max(1, arguments.integer("offset", 1));
    Instant end = Instant.now().plus(timeout);
    end = context.deadline().isBefore(end) ? context.deadline() : end;
    try {
      return follow(url, offset, end, context);
    } catch (NetworkGuard.NotPublic e) {
      throw new Refusal(e.getMessage() + ".");
    } catch (UnknownHostException e) {
      throw new Refusal("There is no host '" + url.host() + "'; check the address.");
    } catch (InterruptedIOException e) {
      if (Thread.interrupted()) {
        throw new InterruptedException("fetch_url was interrupted");
      }
      throw new Refusal(url + " did not answer within " + timeout.toSeconds() + " seconds.");
    } catch (IOException e) {
      if (context.cancellation().isCancelled()) {
        throw new InterruptedException("fetch_url was cancelled");
      }
      throw new Refusal("Cannot fetch " + url + ": " + e.getMessage());
    }
  }

  private String follow(HttpUrl first, int offset, Instant end, ToolContext context)
      throws IOException, Refusal {
    HttpUrl url = first;
    for (int redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
      if (guard.isPresent()) {
        guard.get().check(url);
      }
      Request request =
          new Request.Builder()
              .url(url)
              .header("User-Agent", "qwen4j")
              .header("Accept", "text/html, text/*;q=0.9, application/json;q=0.9, */*;q=0.1")
              .build();
      Call call = client.newCall(request);
      Duration left = Duration.between(Instant.now(), end);
      if (!left.isPositive()) {
        throw new InterruptedIOException("timeout");
      }
      call.timeout().timeout(left.toMillis() + 1, TimeUnit.MILLISECONDS);
      var registration = context.cancellation().onCancel(call::cancel);
      try (Response response = call.execute()) {
        String location = response.header("Location");
        if (!isRedirect(response.code()) || location == null) {
          return read(response, url, offset);
        }
        HttpUrl next = url.resolve(location);
        if (next == null) {
          throw new Refusal(url + " redirects to '" + location + "', which is no web address.");
        }
        url = next;
      } finally {
        registration.close();
      }
    }
    throw new Refusal(first + " redirects more than " + MAX_REDIRECTS + " times.");
  }

  private String read(Response response, HttpUrl url, int offset) throws IOException, Refusal {
    MediaType type = response.body().contentType();
    String kind = type == null ? "" : (type.type() + "/" + type.subtype()).toLowerCase(Locale.ROOT);
    if (!isText(kind)) {
      throw new Refusal(url + " is " + kind + "; fetch_url reads HTML and other text only.");
    }
    Buffer body = new Buffer();
    boolean whole = read(response.body(), body);
    byte[] bytes = body.readByteArray();
    if (kind.isEmpty() && new String(bytes, StandardCharsets.ISO_8859_1).indexOf('\0') >= 0) {
      throw new Refusal(url + " is not text; fetch_url reads HTML and other text only.");
    }
    @Nullable Charset declared = type == null ? null : type.charset();
    boolean html = kind.contains("html");
    if (response.code() >= 400) {
      String text = html ? parse(bytes, declared, url).text() : decode(bytes, declared);
      throw new Refusal(
          url
              + " answered "
              + response.code()
              + (text.isBlank() ? "." : ": " + Truncation.head(text.strip(), MAX_ERROR_TEXT)));
    }
    var answer = new StringBuilder();
    String text;
    if (html) {
      Document document = parse(bytes, declared, url);
      answer.append(document.title().isBlank() ? "" : "Title: " + document.title() + "\n");
      text = HtmlMarkdown.of(document);
    } else {
      text = decode(bytes, declared);
    }
    answer.append("URL: ").append(url).append("\n\n");
    page(answer, text, offset);
    if (!whole) {
      answer.append("[Only the first ").append(Truncation.count(maxBytes));
      answer.append(" bytes of the page were read]\n");
    }
    return answer.toString();
  }

  private static void page(StringBuilder answer, String text, int offset) throws Refusal {
    String[] lines = text.split("\r?\n", -1);
    if (offset > lines.length) {
      throw new Refusal("The page has only " + lines.length + " lines.");
    }
    var page = Truncation.PAGE.page();
    for (int i = offset - 1; i < lines.length && page.add(lines[i]); ) {
      i++;
    }
    answer.append(page.text());
    int next = offset + page.lines();
    page.limitMet()
        .ifPresent(
            met ->
                answer
                    .append("[Lines ")
                    .append(offset)
                    .append('-')
                    .append(next - 1)
                    .append(" of ")
                    .append(lines.length)
                    .append(" shown (limit: ")
                    .append(met)
                    .append("). To read on, call fetch_url with offset ")
                    .append(next)
                    .append(".]\n"));
  }

  /** Reads at most {@link #maxBytes}; whether that was all. */
  private boolean read(ResponseBody from, Buffer into) throws IOException {
    while (into.size() < maxBytes) {
      if (from.source().read(into, maxBytes - into.size()) < 0) {
        return true;
      }
    }
    return from.source().exhausted();
  }

  private static Document parse(byte[] bytes, @Nullable Charset declared, HttpUrl url)
      throws IOException {
    return Jsoup.parse(
        new ByteArrayInputStream(bytes), declared == null ? null : declared.name(), url.toString());
  }

  private static String decode(byte[] bytes, @Nullable Charset declared) {
    String text = new String(bytes, declared == null ? StandardCharsets.UTF_8 : declared);
    return text.startsWith("\uFEFF") ? text.substring(1) : text;
  }

  private static HttpUrl url(String text) throws Refusal {
    String lower = text.toLowerCase(Locale.ROOT);
    if (!lower.startsWith("http://") && !lower.startsWith("https://")) {
      throw new Refusal("'" + text + "' must begin with https:// or http://.");
    }
    HttpUrl url = HttpUrl.parse(text);
    if (url == null) {
      throw new Refusal("'" + text + "' is not a web address.");
    }
    return url;
  }

  private static boolean isRedirect(int code) {
    return code == 301 || code == 302 || code == 303 || code == 307 || code == 308;
  }

  private static boolean isText(String kind) {
    return kind.isEmpty()
        || kind.startsWith("text/")
        || kind.endsWith("+json")
        || kind.endsWith("+xml")
        || kind.matches("application/(json|xml|xhtml\\+xml|javascript|yaml|x-yaml|toml|x-ndjson)");
  }
}
