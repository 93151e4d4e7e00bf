package dev.qwen4j.examples.samples;

import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.output.structured.Description;
import dev.qwen4j.agent.Agent;
import dev.qwen4j.agent.RunResult;
import dev.qwen4j.agent.TypedResult;
import java.util.List;

/** An answer as a record: asked for by its JSON schema, checked, corrected if need be. */
public final class StructuredOutput {
  private StructuredOutput() {}

  record Order(
      @Description("whom it is for") String customer,
      @Description("what is ordered") List<Item> items) {}

  record Item(String article, int amount) {}

  static String read(StreamingChatModel model, String mail) {
    Agent agent = Agent.builder().model(model).instructions("You read orders from mails.").build();
    return switch (agent.run(mail, Order.class)) {
      case TypedResult.Value<Order>(Order order, RunResult run) ->
          order.customer() + " orders " + order.items();
      case TypedResult.Nothing<Order>(String why, RunResult run) -> "No order: " + why;
    };
  }

  public static void main(String[] args) throws Exception {
    SampleModel.use(
        args,
        model -> System.out.println(read(model, "Hello, two teas and a cake for Ada, please!")));
  }
}
