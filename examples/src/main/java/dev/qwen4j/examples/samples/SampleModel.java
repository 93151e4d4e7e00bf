package dev.qwen4j.examples.samples;

import dev.langchain4j.model.chat.StreamingChatModel;
import dev.qwen4j.inference.LocalModel;
import dev.qwen4j.model.HostedModel;
import java.nio.file.Path;

/**
 * The model that a sample is started with: a checkpoint ({@code Qwen3-4B-Q4_K_M.gguf}), or an
 * endpoint and its model ({@code http://localhost:8000/v1#Qwen3-8B}).
 */
final class SampleModel {
  private SampleModel() {}

  /** What a sample does with its model. */
  interface Use {
    void with(StreamingChatModel model) throws Exception;
  }

  static void use(String[] args, Use sample) throws Exception {
    if (args.length != 1) {
      System.err.println("expected one argument: a GGUF file, or http://HOST/v1#MODEL");
      System.exit(2);
    }
    int hash = args[0].indexOf('#');
    if (hash > 0) {
      try (HostedModel hosted =
          HostedModel.openAiCompatible(args[0].substring(0, hash), args[0].substring(hash + 1))) {
        sample.with(hosted.streamingChatModel());
      }
    } else {
      try (LocalModel local = LocalModel.load(Path.of(args[0]))) {
        sample.with(local.streamingChatModel());
      }
    }
  }
}
