package dev.qwen4j.inference;

import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.DefaultChatRequestParameters;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * LangChain4j's request parameters and those that only a local model has. What is null follows the
 * checkpoint's own recommendation ({@code general.sampling.*}), and where it has none, Qwen's. A
 * temperature of 0 always takes the most likely token, unless a penalty is asked for.
 */
public final class LocalChatRequestParameters extends DefaultChatRequestParameters {
  private final @Nullable Double minP;
  private final @Nullable Double repetitionPenalty;
  private final @Nullable Long seed;
  private final @Nullable Boolean enableThinking;

  private LocalChatRequestParameters(Builder builder) {
    super(builder);
    this.minP = builder.minP;
    this.repetitionPenalty = builder.repetitionPenalty;
    this.seed = builder.seed;
    this.enableThinking = builder.enableThinking;
  }

  public static Builder builder() {
    return new Builder();
  }

  /** Tokens at least this fraction as likely as the most likely stay; 0 for all. */
  public @Nullable Double minP() {
    return minP;
  }

  /** Divides the logits of tokens that have occurred; 1 for none. */
  public @Nullable Double repetitionPenalty() {
    return repetitionPenalty;
  }

  /** The same seed, prompt and parameters give the same reply. */
  public @Nullable Long seed() {
    return seed;
  }

  /** Whether the model thinks first, for families that can be told; null leaves it to them. */
  public @Nullable Boolean enableThinking() {
    return enableThinking;
  }

  @Override
  public LocalChatRequestParameters overrideWith(ChatRequestParameters that) {
    return builder().overrideWith(this).overrideWith(that).build();
  }

  @Override
  public LocalChatRequestParameters defaultedBy(ChatRequestParameters that) {
    return builder().overrideWith(that).overrideWith(this).build();
  }

  @Override
  public boolean equals(@Nullable Object o) {
    return o instanceof LocalChatRequestParameters that
        && super.equals(that)
        && Objects.equals(minP, that.minP)
        && Objects.equals(repetitionPenalty, that.repetitionPenalty)
        && Objects.equals(seed, that.seed)
        && Objects.equals(enableThinking, that.enableThinking);
  }

  @Override
  public int hashCode() {
    return Objects.hash(super.hashCode(), minP, repetitionPenalty, seed, enableThinking);
  }

  @Override
  public String toString() {
    return "LocalChatRequestParameters{minP=%s, repetitionPenalty=%s, seed=%s, enableThinking=%s, %s}"
        .formatted(minP, repetitionPenalty, seed, enableThinking, super.toString());
  }

  /** Builds {@link LocalChatRequestParameters}. */
  public static final class Builder extends DefaultChatRequestParameters.Builder<Builder> {
    private @Nullable Double minP;
    private @Nullable Double repetitionPenalty;
    private @Nullable Long seed;
    private @Nullable Boolean enableThinking;

    private Builder() {}

    public Builder minP(@Nullable Double value) {
      minP = value;
      return this;
    }

    public Builder repetitionPenalty(@Nullable Double value) {
      repetitionPenalty = value;
      return this;
    }

    public Builder seed(@Nullable Long value) {
      seed = value;
      return this;
    }

    public Builder enableThinking(@Nullable Boolean value) {
      enableThinking = value;
      return this;
    }

    @Override
    public Builder overrideWith(ChatRequestParameters that) {
      super.overrideWith(that);
      if (that instanceof LocalChatRequestParameters local) {
        minP = local.minP == null ? minP : local.minP;
        repetitionPenalty =
            local.repetitionPenalty == null ? repetitionPenalty : local.repetitionPenalty;
        seed = local.seed == null ? seed : local.seed;
        enableThinking = local.enableThinking == null ? enableThinking : local.enableThinking;
      }
      return this;
    }

    @Override
    public LocalChatRequestParameters build() {
      return new LocalChatRequestParameters(this);
    }
  }
}
