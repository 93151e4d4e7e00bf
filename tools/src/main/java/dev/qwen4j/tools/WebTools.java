package dev.qwen4j.tools;

import dev.qwen4j.tool.Tool;
import dev.qwen4j.tool.Toolbox;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * Tools for the web: {@code fetch_url}, which reads a page as Markdown.
 *
 * <p>By default only addresses of the public internet are reached, also after redirects and name
 * resolution; {@link Builder#allowPrivateAddresses} is for tests and for networks of your own.
 */
public final class WebTools implements Toolbox {
  private final List<Tool> tools;

  private WebTools(Builder builder) {
    Optional<NetworkGuard> guard =
        builder.allowPrivateAddresses
            ? Optional.empty()
            : Optional.of(new NetworkGuard(NetworkGuard::isPublic));
    tools = List.of(new FetchUrl(builder.timeout, builder.maxBytes, guard));
  }

  /** Reads public pages: at most 30 seconds and 5 MB each. */
  public static WebTools create() {
    return builder().build();
  }

  public static Builder builder() {
    return new Builder();
  }

  @Override
  public List<Tool> tools() {
    return tools;
  }

  /** Sets bounds; see {@link WebTools}. */
  public static final class Builder {
    private Duration timeout = Duration.ofSeconds(30);
    private long maxBytes = 5_000_000;
    private boolean allowPrivateAddresses;

    private Builder() {}

    /** How long one fetch may take, redirects included. */
    public Builder timeout(Duration timeout) {
      if (timeout.isNegative() || timeout.isZero()) {
        throw new IllegalArgumentException("The timeout must be positive, but was " + timeout);
      }
      this.timeout = timeout;
      return this;
    }

    /** How many bytes of a page are read, after decompression. */
    public Builder maxBytes(long maxBytes) {
      if (maxBytes < 1) {
        throw new IllegalArgumentException("maxBytes must be positive, but was " + maxBytes);
      }
      this.maxBytes = maxBytes;
      return this;
    }

    /**
     * Also reach this machine and private networks. A page may then send the model to any service
     * there.
     */
    public Builder allowPrivateAddresses(boolean allow) {
      this.allowPrivateAddresses = allow;
      return this;
    }

    public WebTools build() {
      return new WebTools(this);
    }
  }
}
