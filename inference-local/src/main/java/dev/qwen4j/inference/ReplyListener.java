package dev.qwen4j.inference;

import dev.langchain4j.agent.tool.ToolExecutionRequest;

/** Hears a reply as it is written, on the thread that generates it. */
interface ReplyListener {
  /** Hears nothing. */
  ReplyListener SILENT =
      new ReplyListener() {
        @Override
        public void text(String delta) {
          // Its reader takes the whole reply at the end.
        }

        @Override
        public void thinking(String delta) {
          // Its reader takes the whole reply at the end.
        }

        @Override
        public void call(int index, ToolExecutionRequest request) {
          // Its reader takes the whole reply at the end.
        }
      };

  void text(String delta);

  void thinking(String delta);

  void call(int index, ToolExecutionRequest request);
}
