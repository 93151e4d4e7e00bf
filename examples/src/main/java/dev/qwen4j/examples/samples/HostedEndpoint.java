package dev.qwen4j.examples.samples;

import dev.qwen4j.agent.Agent;
import dev.qwen4j.agent.RunResult;
import dev.qwen4j.model.HostedModel;
import dev.qwen4j.tools.BasicTools;

/** An agent on a hosted Qwen: any server that speaks the OpenAI protocol. */
public final class HostedEndpoint {
  private HostedEndpoint() {}

  static String ask(String baseUrl, String model, String question) {
    try (HostedModel qwen =
        HostedModel.builder()
            .baseUrl(baseUrl)
            .modelName(model)
            .thinking(false)
            .parameter("temperature", 0.2)
            .retryListener(retry -> System.err.println("again in " + retry.delay()))
            .build()) {
      Agent agent =
          Agent.builder().model(qwen.streamingChatModel()).tools(BasicTools.create()).build();
      RunResult result = agent.run(question);
      return result.error().map(error -> "failed: " + error).orElseGet(result::text);
    }
  }

  public static void main(String[] args) {
    if (args.length != 2) {
      System.err.println("expected two arguments: http://HOST/v1 and MODEL");
      System.exit(2);
    }
    System.out.println(ask(args[0], args[1], "What is 1234 * 5678? Use the calculator."));
  }
}
