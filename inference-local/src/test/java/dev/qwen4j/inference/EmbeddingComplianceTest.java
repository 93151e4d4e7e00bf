package dev.qwen4j.inference;

import dev.langchain4j.model.embedding.EmbeddingModel;
import dev.langchain4j.model.embedding.common.AbstractEmbeddingModelIT;
import dev.langchain4j.model.embedding.listener.EmbeddingModelListener;
import dev.langchain4j.model.embedding.request.EmbeddingParameter;
import dev.langchain4j.model.embedding.request.EmbeddingRequest;
import dev.langchain4j.model.embedding.request.EmbeddingRequestParameters;
import dev.langchain4j.model.embedding.response.EmbeddingResponse;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;

/**
 * LangChain4j's own suite for embedding models. Left out: images and texts interleaved with them,
 * which Qwen3-Embedding does not see (the suite then checks that they are refused).
 */
class EmbeddingComplianceTest extends AbstractEmbeddingModelIT {
  private final LocalEmbeddingModel model = LocalEmbeddingModel.load(Golden.model("qwen3"));

  @AfterAll
  void close() {
    model.close();
  }

  @Override
  protected List<EmbeddingModel> models() {
    return List.of(new Unclosed(model), new Unclosed(model.withDimensions(32)));
  }

  /** JUnit closes what it hands to a parameterised test; these are to stay open. */
  private record Unclosed(LocalEmbeddingModel model) implements EmbeddingModel {
    @Override
    public EmbeddingResponse doEmbed(EmbeddingRequest request) {
      return model.doEmbed(request);
    }

    @Override
    public EmbeddingRequestParameters defaultRequestParameters() {
      return model.defaultRequestParameters();
    }

    @Override
    public Set<EmbeddingParameter<?>> supportedParameters() {
      return model.supportedParameters();
    }

    @Override
    public int dimension() {
      return model.dimension();
    }

    @Override
    public String modelName() {
      return model.modelName();
    }
  }

  @Override
  protected EmbeddingModel modelWith(EmbeddingModelListener listener) {
    return model.withListeners(List.of(listener));
  }

  @Override
  protected EmbeddingModel failingModelWith(EmbeddingModelListener listener) {
    LocalEmbeddingModel closed = LocalEmbeddingModel.load(Golden.model("qwen3"));
    closed.close();
    return closed.withListeners(List.of(listener));
  }

  @Override
  protected boolean supportsImageInput() {
    return false;
  }

  @Override
  protected int dimensionsParameter() {
    return 16;
  }
}
