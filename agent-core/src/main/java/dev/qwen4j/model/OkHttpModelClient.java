package dev.qwen4j.model;

import dev.langchain4j.exception.UnsupportedFeatureException;
import dev.langchain4j.http.client.HttpClient;
import dev.langchain4j.http.client.HttpRequest;
import dev.langchain4j.http.client.SuccessfulHttpResponse;
import dev.langchain4j.http.client.sse.ServerSentEvent;
import dev.langchain4j.http.client.sse.ServerSentEventContext;
import dev.langchain4j.http.client.sse.ServerSentEventListener;
import dev.langchain4j.http.client.sse.ServerSentEventParser;
import dev.langchain4j.http.client.sse.ServerSentEventParsingHandle;
import dev.qwen4j.model.CallWatch.Phase;
import dev.qwen4j.model.RetryListener.Retry;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import okhttp3.Call;
import okhttp3.Connection;
import okhttp3.ConnectionPool;
import okhttp3.EventListener;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;
import okhttp3.ResponseBody;
import org.jspecify.annotations.Nullable;

/**
 * LangChain4j's HTTP port over okhttp, for one model endpoint. Both calls block, deliver on the
 * calling thread, and end soon after it is interrupted (its flag stays set). A request is sent
 * again, as the {@link RetryPolicy} allows, only while nothing of an answer has been delivered.
 * Every failure is a {@link ModelException}: thrown by the plain call, given to {@link
 * ServerSentEventListener#onError} once, and then nothing more, by the streaming one.
 */
final class OkHttpModelClient implements HttpClient, AutoCloseable {
  /** Enough of a body to read its error from. */
  private static final int ERROR_BODY_BYTES = 16 * 1024;

  private static final long WHOLE_ANSWER_BYTES = 16 << 20;

  private final OkHttpClient http;
  private final Timeouts timeouts;
  private final RetryPolicy policy;
  private final RetryListener retryListener;
  private final EndpointFailures failures;

  OkHttpModelClient(
      Timeouts timeouts,
      RetryPolicy policy,
      RetryListener retryListener,
      EndpointFailures failures) {
    this.timeouts = timeouts;
    this.policy = policy;
    this.retryListener = retryListener;
    this.failures = failures;
    Duration longest =
        timeouts.firstByte().compareTo(timeouts.idle()) > 0
            ? timeouts.firstByte()
            : timeouts.idle();
    this.http =
        new OkHttpClient.Builder()
            .connectTimeout(timeouts.connect())
            // The watch knows the phases; this only backs it up.
            .readTimeout(longest.plusSeconds(5))
            .writeTimeout(longest.plusSeconds(5))
            .dns(new InterruptibleDns(timeouts.connect()))
            // Servers close connections that idle, many after 5 s; one of those is of no use.
            .connectionPool(new ConnectionPool(5, 4, TimeUnit.SECONDS))
            // One place retries, and it says so.
            .retryOnConnectionFailure(false)
            // A redirected POST would arrive as a GET.
            .followRedirects(false)
            .addInterceptor(new Unpacked())
            .eventListener(new PhaseListener())
            .build();
  }

  @Override
  public SuccessfulHttpResponse execute(HttpRequest request) {
    return retrying(() -> exchange(request));
  }

  @Override
  public void execute(
      HttpRequest request, ServerSentEventParser parser, ServerSentEventListener listener) {
    try {
      retrying(() -> stream(request, parser, listener));
    } catch (ModelException e) {
      listener.onError(e);
      return;
    }
    listener.onClose();
  }

  /** Ends running calls and closes idle connections. */
  @Override
  public void close() {
    http.dispatcher().cancelAll();
    http.connectionPool().evictAll();
  }

  /** Connections that exist, for tests that look for leaks. */
  int connections() {
    return http.connectionPool().connectionCount();
  }

  private interface Attempt<T> {
    T make() throws Failure.Thrown;
  }

  private <T> T retrying(Attempt<T> attempt) {
    for (int retries = 0; ; retries++) {
      if (Thread.currentThread().isInterrupted()) {
        throw failures.cancelled(new InterruptedException()).exception(0);
      }
      try {
        return attempt.make();
      } catch (Failure.Thrown e) {
        Failure failure = e.failure();
        Optional<Duration> wait =
            failure.retriable()
                ? policy.waitBefore(retries, failure.retryAfter())
                : Optional.empty();
        ModelException exception = failure.exception(retries);
        if (wait.isEmpty()) {
          throw exception;
        }
        retryListener.waiting(new Retry(retries + 1, policy.maxRetries(), wait.get(), exception));
        pause(wait.get());
        // After a failure a server may hang up without saying so.
        http.connectionPool().evictAll();
      }
    }
  }

  private void pause(Duration wait) {
    try {
      Thread.sleep(wait);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw failures.cancelled(e).exception(0);
    }
  }

  private SuccessfulHttpResponse exchange(HttpRequest request) throws Failure.Thrown {
    try (CallWatch watch = new CallWatch(timeouts)) {
      Call call = http.newCall(okHttpRequest(request, watch));
      watch.start(call);
      try (Response response = call.execute()) {
        requireSuccess(response, watch);
        byte[] body = response.body().bytes();
        return SuccessfulHttpResponse.builder()
            .statusCode(response.code())
            .headers(response.headers().toMultimap())
            .body(body)
            .build();
      } catch (Failure.Thrown | RuntimeException e) {
        throw e;
      } catch (Exception e) {
        throw network(e, watch);
      }
    }
  }

  /** One attempt at a stream; returns once the answer is whole or was cancelled by its listener. */
  private Void stream(
      HttpRequest request, ServerSentEventParser parser, ServerSentEventListener listener)
      throws Failure.Thrown {
    try (CallWatch watch = new CallWatch(timeouts)) {
      Request okHttpRequest =
          okHttpRequest(request, watch)
              .newBuilder()
              .header("Accept", "text/event-stream")
              // Compressed streams arrive in lumps.
              .header("Accept-Encoding", "identity")
              .build();
      Call call = http.newCall(okHttpRequest);
      watch.start(call);
      try (Response response = call.execute()) {
        requireSuccess(response, watch);
        String whole = wholeAnswer(response);
        InputStream bytes =
            whole == null
                ? response.body().byteStream()
                : new ByteArrayInputStream(whole.getBytes(StandardCharsets.UTF_8));
        if (whole == null) {
          requireEventStream(response, watch);
        }
        var body = new WatchedBody(bytes, call, watch);
        var relay = new Relay(listener, success(response), watch);
        parser.parse(body, relay);
        relay.finish(body);
        return null;
      } catch (Failure.Thrown | RuntimeException e) {
        throw e;
      } catch (Exception e) {
        throw network(e, watch);
      }
    }
  }

  private static Request okHttpRequest(HttpRequest request, CallWatch watch) {
    if (!request.formDataFields().isEmpty() || !request.formDataFiles().isEmpty()) {
      throw new UnsupportedFeatureException("A chat endpoint takes no form data");
    }
    var builder = new Request.Builder().url(request.url()).tag(CallWatch.class, watch);
    request
        .headers()
        .forEach((name, values) -> values.forEach(value -> builder.addHeader(name, value)));
    // From bytes without a media type, so that the request's own Content-Type header stands.
    RequestBody body =
        request.body() == null
            ? null
            : RequestBody.create(request.body().getBytes(StandardCharsets.UTF_8), null);
    return builder.method(request.method().name(), body).build();
  }

  private static SuccessfulHttpResponse success(Response response) {
    return SuccessfulHttpResponse.builder()
        .statusCode(response.code())
        .headers(response.headers().toMultimap())
        .build();
  }

  private void requireSuccess(Response response, CallWatch watch) throws Failure.Thrown {
    if (response.isSuccessful()) {
      return;
    }
    String body = bodyStart(response, watch);
    throw new Failure.Thrown(
        failures.status(response.code(), body, retryAfter(response), response.header("Location")));
  }

  /** The answer of a server that does not stream, as the stream it should have been; or null. */
  private static @Nullable String wholeAnswer(Response response) throws IOException {
    if (!essence(response).equals("application/json")) {
      return null;
    }
    try (ResponseBody body = response.peekBody(WHOLE_ANSWER_BYTES)) {
      return WholeAnswer.asStream(body.string());
    }
  }

  private static String essence(Response response) {
    String type = response.header("Content-Type", "");
    return type == null ? "" : type.split(";", 2)[0].strip().toLowerCase(Locale.ROOT);
  }

  private void requireEventStream(Response response, CallWatch watch) throws Failure.Thrown {
    String essence = essence(response);
    switch (essence) {
      // Some servers do not label their streams; if it is none, no event will be found in it.
      case "", "text/event-stream", "text/plain", "application/octet-stream" -> {}
      default -> throw new Failure.Thrown(failures.notAStream(essence, bodyStart(response, watch)));
    }
  }

  /** The beginning of an error's body; the status stands even when the body does not arrive. */
  private String bodyStart(Response response, CallWatch watch) throws Failure.Thrown {
    try (ResponseBody start = response.peekBody(ERROR_BODY_BYTES)) {
      return start.string();
    } catch (IOException e) {
      if (watch.interrupted()) {
        throw network(e, watch);
      }
      return "(the explanation did not arrive: " + e.getMessage() + ")";
    }
  }

  /** Reads Retry-After in both of its forms: seconds, or a date (RFC 9110 §10.2.3). */
  private static @Nullable Duration retryAfter(Response response) {
    String value = response.header("Retry-After");
    if (value == null) {
      return null;
    }
    if (value.strip().matches("\\d{1,9}")) {
      return Duration.ofSeconds(Long.parseLong(value.strip()));
    }
    Instant date = response.headers().getInstant("Retry-After");
    if (date == null) {
      return null;
    }
    Duration wait = Duration.between(Instant.now(), date);
    return wait.isNegative() ? Duration.ZERO : wait;
  }

  /**
   * Takes Exception, because okhttp (written in Kotlin) lets an undeclared InterruptedException
   * through.
   */
  private Failure.Thrown network(Exception thrown, CallWatch watch) {
    if (thrown instanceof InterruptedException) {
      Thread.currentThread().interrupt();
    }
    return new Failure.Thrown(failures.network(thrown, watch));
  }

  /** Tells the watch of a call when its connection stands. */
  private static final class PhaseListener extends EventListener {
    @Override
    public void connectionAcquired(Call call, Connection connection) {
      CallWatch watch = call.request().tag(CallWatch.class);
      if (watch != null) {
        watch.enter(Phase.AWAITING_ANSWER);
      }
    }
  }

  /** Stands between the parser and LangChain4j's client: normalises events, holds failures back. */
  private final class Relay implements ServerSentEventListener {
    private final ServerSentEventListener listener;
    private final SuccessfulHttpResponse response;
    private final CallWatch watch;
    private final StreamQuirks quirks = new StreamQuirks(failures);
    private boolean delivered;
    private @Nullable Failure failure;
    private @Nullable IOException broken;
    private @Nullable ServerSentEventParsingHandle handle;

    Relay(ServerSentEventListener listener, SuccessfulHttpResponse response, CallWatch watch) {
      this.listener = listener;
      this.response = response;
      this.watch = watch;
    }

    @Override
    public void onEvent(ServerSentEvent event, ServerSentEventContext context) {
      handle = context.parsingHandle();
      if (failure != null) {
        return;
      }
      String data;
      try {
        data = quirks.normalise(event.event(), event.data());
      } catch (Failure.Thrown e) {
        failure = e.failure();
        handle.cancel();
        return;
      }
      watch.enter(quirks.finished() ? Phase.CLOSING : Phase.STREAMING);
      if (data.equals(StreamQuirks.DONE)) {
        return;
      }
      if (!delivered) {
        delivered = true;
        listener.onOpen(response);
      }
      listener.onEvent(new ServerSentEvent(event.event(), data), context);
    }

    @Override
    public void onError(Throwable throwable) {
      broken = throwable instanceof IOException io ? io : new IOException(throwable);
    }

    /** The stream has ended: was it a whole answer? */
    void finish(WatchedBody body) throws Failure.Thrown {
      Failure problem = problem(body);
      if (problem != null) {
        throw new Failure.Thrown(delivered ? problem.notRetriable() : problem);
      }
    }

    private @Nullable Failure problem(WatchedBody body) {
      if (failure != null) {
        return failure;
      }
      if (handle != null && handle.isCancelled()) {
        return null; // by the listener, which needs no telling
      }
      if (quirks.finished()) {
        return delivered ? null : failures.emptyStream(body.start());
      }
      if (broken != null) {
        return failures.network(broken, watch);
      }
      if (delivered && quirks.looksFinished()) {
        return null;
      }
      return delivered ? failures.cutStream(body.start()) : failures.emptyStream(body.start());
    }
  }
}
