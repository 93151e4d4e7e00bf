package dev.qwen4j.model;

import java.io.IOException;
import java.util.Locale;
import okhttp3.Interceptor;
import okhttp3.Response;
import okhttp3.ResponseBody;
import okio.GzipSource;
import okio.Okio;

/**
 * Unpacks what a server or a proxy compresses although it was asked not to: streams are asked for
 * as they are, because compressed ones arrive in lumps.
 */
final class Unpacked implements Interceptor {
  @Override
  public Response intercept(Chain chain) throws IOException {
    Response response = chain.proceed(chain.request());
    String encoding = response.header("Content-Encoding", "identity");
    if (encoding == null || !encoding.strip().toLowerCase(Locale.ROOT).equals("gzip")) {
      return response;
    }
    ResponseBody packed = response.body();
    return response
        .newBuilder()
        .removeHeader("Content-Encoding")
        .removeHeader("Content-Length")
        .body(
            ResponseBody.create(
                Okio.buffer(new GzipSource(packed.source())), packed.contentType(), -1))
        .build();
  }
}
