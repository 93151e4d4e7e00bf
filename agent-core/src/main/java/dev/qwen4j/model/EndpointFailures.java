package dev.qwen4j.model;

import dev.langchain4j.exception.AuthenticationException;
import dev.langchain4j.exception.InternalServerException;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.exception.ModelNotFoundException;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.exception.TimeoutException;
import dev.langchain4j.exception.UnresolvedModelServerException;
import dev.qwen4j.model.CallWatch.Phase;
import java.io.EOFException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.ConnectException;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/**
 * Says what went wrong at one endpoint. Every failure names the address, what was found and what to
 * do, in one line that is safe to print: control characters are dropped and secrets are replaced,
 * because servers like to quote the key they refuse.
 */
final class EndpointFailures {
  private static final int DETAIL_LENGTH = 300;

  /** These come as 429, but waiting does not help: the account must change. */
  private static final Set<String> EXHAUSTED =
      Set.of("insufficient_quota", "throttling.allocationquota", "arrearage");

  private final URI baseUrl;
  private final String modelName;
  private final ApiKey key;
  private final List<String> secrets;

  EndpointFailures(URI baseUrl, String modelName, ApiKey key, List<String> secrets) {
    this.baseUrl = baseUrl;
    this.modelName = modelName;
    this.key = key;
    this.secrets = List.copyOf(secrets);
  }

  /** The server answered, but not with success. */
  Failure status(
      int status, String body, @Nullable Duration retryAfter, @Nullable String location) {
    ErrorBody error = ErrorBody.read(body);
    return failure(status, error.code(), error.message(), body, retryAfter, location);
  }

  /** The server reported an error inside a stream that had begun with success. */
  Failure inStream(ErrorBody error, String data) {
    int status = error.status();
    if (status >= 400) {
      return failure(status, error.code(), error.message(), data, null, null);
    }
    boolean throttled = error.code().toLowerCase(Locale.ROOT).startsWith("throttling");
    if (throttled) {
      return failure(429, error.code(), error.message(), data, null, null);
    }
    return problem(
        baseUrl + " reported an error inside the answer",
        error.message(),
        "",
        data,
        new InternalServerException(clean(error.message())));
  }

  private Failure failure(
      int status,
      String code,
      String message,
      String body,
      @Nullable Duration retryAfter,
      @Nullable String location) {
    String detail = clean(message);
    String label = baseUrl + " %s (" + status + ")";
    var response = new Failure.Response(status, retryAfter, redact(prefix(body)));
    boolean exhausted = EXHAUSTED.contains(code.toLowerCase(Locale.ROOT));
    return switch (status) {
      case 401 ->
          new Failure(
              label.formatted(
                  key.value() == null
                      ? "asks for a key"
                      : key.variable() == null
                          ? "refused the given API key"
                          : "refused the key from " + key.variable()),
              detail,
              key.value() == null
                  ? "set the environment variable " + orTheKey(key.variable())
                  : key.variable() == null ? "check the key" : "check the variable",
              false,
              response,
              new AuthenticationException(detail));
      case 403 ->
          new Failure(
              label.formatted("denies access"),
              detail,
              "check what the key "
                  + (key.variable() == null ? "" : "from " + key.variable() + " ")
                  + "may use",
              false,
              response,
              new AuthenticationException(detail));
      case 404 ->
          new Failure(
              label.formatted("does not know the path or the model '" + modelName + "'"),
              detail,
              "check the base URL (it often ends in /v1) and the model name",
              false,
              response,
              new ModelNotFoundException(detail));
      case 408 ->
          new Failure(
              label.formatted("timed out on its side"),
              detail,
              "",
              true,
              response,
              new TimeoutException(detail));
      case 429 ->
          new Failure(
              label.formatted(exhausted ? "says the quota is used up" : "limits the request rate"),
              detail,
              exhausted
                  ? "check the plan and billing of the account"
                  : retryAfter == null
                      ? "try again later"
                      : "it asks to wait " + seconds(retryAfter),
              !exhausted,
              response,
              new RateLimitException(detail));
      default -> {
        if (status >= 500) {
          // 501 and 505 say that this is not such a server at all.
          boolean wrongServer = status == 501 || status == 505;
          yield new Failure(
              label.formatted("failed"),
              detail,
              wrongServer ? "check the base URL" : "try again later",
              !wrongServer,
              response,
              new InternalServerException(detail));
        }
        if (status < 400) {
          yield new Failure(
              label.formatted("answered with a redirect"),
              location == null ? "" : "to " + clean(location),
              "set the base URL to where it leads",
              false,
              response,
              new InvalidRequestException("redirected"));
        }
        yield new Failure(
            label.formatted("rejected the request"),
            detail,
            "",
            false,
            response,
            new InvalidRequestException(detail));
      }
    };
  }

  /** The network failed, or the watch ended the call. */
  Failure network(Exception thrown, CallWatch watch) {
    if (watch.interrupted() || thrown instanceof InterruptedException) {
      return cancelled(thrown);
    }
    Phase phase = watch.timedOut();
    if (phase == null && thrown instanceof SocketTimeoutException) {
      phase = watch.phase();
    }
    if (phase != null) {
      return timeout(phase, watch.limit(phase), thrown);
    }
    String detail = clean(detail(thrown));
    if (thrown instanceof UnknownHostException) {
      return new Failure(
          "the host of " + baseUrl + " was not found",
          detail,
          "check the base URL and the network",
          true,
          null,
          new UnresolvedModelServerException(detail, thrown));
    }
    if (thrown instanceof SSLException) {
      return new Failure(
          "no secure connection to " + baseUrl,
          detail,
          detail.contains("SSL message")
              ? "the server may speak plain http:// there"
              : "check its certificate and the base URL",
          false,
          null,
          new UnresolvedModelServerException(detail, thrown));
    }
    if (thrown instanceof ConnectException || phaseIs(watch, Phase.CONNECTING)) {
      return new Failure(
          "no server answers at " + baseUrl,
          detail,
          "check that it runs and the base URL",
          true,
          null,
          new UnresolvedModelServerException(detail, thrown));
    }
    return new Failure(
        "the connection to " + baseUrl + " broke",
        detail,
        "",
        true,
        null,
        new InternalServerException(detail, thrown));
  }

  private Failure timeout(Phase phase, Duration limit, Exception thrown) {
    String what =
        switch (phase) {
          case CONNECTING -> "no connection to " + baseUrl + " within " + seconds(limit);
          case AWAITING_ANSWER ->
              baseUrl + " took the request but began no answer within " + seconds(limit);
          case STREAMING, CLOSING ->
              baseUrl
                  + " stopped in the middle of its answer and sent nothing for "
                  + seconds(limit);
        };
    String advice =
        switch (phase) {
          case CONNECTING -> "check the base URL and the network";
          case AWAITING_ANSWER -> "see whether the server is stuck, or raise firstByteTimeout";
          case STREAMING, CLOSING -> "see whether the server is stuck, or raise idleTimeout";
        };
    // Waiting the same time again for a server that hangs would only multiply the silence.
    return new Failure(
        what, "", advice, phase == Phase.CONNECTING, null, new TimeoutException(what, thrown));
  }

  Failure cancelled(Exception thrown) {
    return new Failure(
        "the call to " + baseUrl + " was cancelled",
        "",
        "",
        false,
        null,
        new LangChain4jException("interrupted", interruption(thrown)));
  }

  private static InterruptedException interruption(Exception thrown) {
    if (thrown instanceof InterruptedException interrupted) {
      return interrupted;
    }
    var interrupted = new InterruptedException("the calling thread was interrupted");
    interrupted.initCause(thrown);
    return interrupted;
  }

  /** A success whose body is not an event stream. */
  Failure notAStream(String contentType, String body) {
    ErrorBody error = ErrorBody.read(body);
    if (error.isError()) {
      return inStream(error, body);
    }
    return new Failure(
        baseUrl + " answered with " + clean(contentType) + " where text/event-stream was expected",
        quote(body),
        "check that the base URL is that of an OpenAI-compatible API (it often ends in /v1)",
        false,
        new Failure.Response(200, null, redact(prefix(body))),
        new InternalServerException("not an event stream: " + clean(contentType)));
  }

  Failure unreadableChunk(String reason, String data) {
    return problem(
        baseUrl + " sent a piece of its answer that is not readable",
        reason + " in " + quote(data),
        "",
        data,
        new InternalServerException("unreadable chunk: " + clean(reason)));
  }

  Failure emptyStream(String received) {
    return problem(
        baseUrl + " sent an empty answer",
        received.isBlank() ? "" : "received only " + quote(received),
        "",
        received,
        new InternalServerException("empty stream"));
  }

  Failure cutStream(String received) {
    return problem(
        baseUrl + " ended its answer in the middle: no finish_reason and no [DONE] came",
        "",
        "try again",
        received,
        new InternalServerException("stream ended early"));
  }

  private Failure problem(
      String what, String detail, String advice, String received, RuntimeException cause) {
    return new Failure(
        what,
        clean(detail),
        advice,
        true,
        new Failure.Response(200, null, redact(prefix(received))),
        cause);
  }

  /** Fit for one line of a terminal, without secrets, and not too long. */
  String clean(String text) {
    String line = redact(text).replaceAll("[\\p{Cntrl}\\s]+", " ").strip();
    return line.length() <= DETAIL_LENGTH ? line : line.substring(0, DETAIL_LENGTH) + "…";
  }

  private String quote(String body) {
    String line = clean(body);
    return "'" + (line.length() <= 120 ? line : line.substring(0, 120) + "…") + "'";
  }

  private String redact(String text) {
    String safe = text;
    for (String secret : secrets) {
      safe = safe.replace(secret, "***");
    }
    return safe;
  }

  private static String prefix(String body) {
    return body.length() <= 2000 ? body : body.substring(0, 2000);
  }

  private static boolean phaseIs(CallWatch watch, Phase phase) {
    return watch.phase() == phase;
  }

  private static String orTheKey(@Nullable String variable) {
    return variable == null ? "of the key" : variable;
  }

  private static String detail(Exception thrown) {
    String message = thrown.getMessage();
    if (message == null || thrown instanceof InterruptedIOException) {
      return thrown.getClass().getSimpleName();
    }
    Throwable cause = thrown.getCause();
    return cause instanceof IOException
            && !(cause instanceof EOFException) // It quotes the buffer of okhttp's that is empty.
            && cause.getMessage() != null
        ? message + ": " + cause.getMessage()
        : message;
  }

  private static String seconds(Duration duration) {
    long millis = duration.toMillis();
    return millis % 1000 == 0 ? millis / 1000 + " s" : millis / 1000.0 + " s";
  }
}
