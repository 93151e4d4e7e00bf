package dev.qwen4j.model;

import dev.langchain4j.http.client.HttpClient;
import dev.langchain4j.http.client.HttpClientBuilder;
import dev.langchain4j.http.client.HttpRequest;
import dev.langchain4j.http.client.SuccessfulHttpResponse;
import dev.langchain4j.http.client.sse.ServerSentEventListener;
import dev.langchain4j.http.client.sse.ServerSentEventParser;
import java.time.Duration;
import java.util.HashMap;
import org.jspecify.annotations.Nullable;

/**
 * Sends requests with their bodies in the server's own words. It is its own builder: LangChain4j
 * wants to build its client and knows one timeout; ours is built and knows three.
 */
record ShapedRequests(HttpClient client, RequestBody shape)
    implements HttpClient, HttpClientBuilder {
  @Override
  public SuccessfulHttpResponse execute(HttpRequest request) {
    return client.execute(shaped(request));
  }

  @Override
  public void execute(
      HttpRequest request, ServerSentEventParser parser, ServerSentEventListener listener) {
    client.execute(shaped(request), parser, listener);
  }

  private HttpRequest shaped(HttpRequest request) {
    String body = request.body();
    if (body == null) {
      return request;
    }
    return HttpRequest.builder()
        .method(request.method())
        .url(request.url())
        .headers(new HashMap<>(request.headers()))
        .addHeaders(shape.headers(body))
        .body(shape.shaped(body))
        .build();
  }

  @Override
  public HttpClient build() {
    return this;
  }

  @Override
  public @Nullable Duration connectTimeout() {
    return null;
  }

  @Override
  public HttpClientBuilder connectTimeout(Duration timeout) {
    return this;
  }

  @Override
  public @Nullable Duration readTimeout() {
    return null;
  }

  @Override
  public HttpClientBuilder readTimeout(Duration timeout) {
    return this;
  }
}
