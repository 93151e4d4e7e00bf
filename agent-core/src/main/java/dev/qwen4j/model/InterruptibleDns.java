package dev.qwen4j.model;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import okhttp3.Dns;

/**
 * The system's name lookup, which can neither be interrupted nor limited in time, made so by
 * waiting for it from beside. An abandoned lookup ends by itself.
 */
final class InterruptibleDns implements Dns {
  private final Dns system;
  private final Duration timeout;

  InterruptibleDns(Duration timeout) {
    this(Dns.SYSTEM, timeout);
  }

  InterruptibleDns(Dns system, Duration timeout) {
    this.system = system;
    this.timeout = timeout;
  }

  @Override
  public List<InetAddress> lookup(String host) throws UnknownHostException {
    var lookup = new FutureTask<>(() -> system.lookup(host));
    Thread.ofVirtual().name("qwen4j-dns").start(lookup);
    try {
      return lookup.get(timeout.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw unknown(host + ": interrupted", e);
    } catch (TimeoutException e) {
      throw unknown(host + ": no answer from the name server within " + timeout, e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof UnknownHostException unknown) {
        throw unknown;
      }
      throw unknown(host + ": " + e.getCause(), e);
    }
  }

  private static UnknownHostException unknown(String message, Throwable cause) {
    var exception = new UnknownHostException(message);
    exception.initCause(cause);
    return exception;
  }
}
