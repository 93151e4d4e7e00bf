package dev.qwen4j.examples;

import dev.qwen4j.tool.Cancellation;
import java.util.concurrent.atomic.AtomicReference;
import org.jline.utils.Signals;
import org.jspecify.annotations.Nullable;

/**
 * Turns Ctrl-C and SIGTERM into a cancellation while it is open. A second one means that the user
 * is out of patience, and ends the process on the spot.
 */
final class Interrupts implements AutoCloseable {
  private final Cancellation cancellation;
  private final AtomicReference<@Nullable ExitCode> received = new AtomicReference<>();
  private final @Nullable Object previousInt;
  private final @Nullable Object previousTerm;

  private Interrupts(Cancellation cancellation) {
    this.cancellation = cancellation;
    this.previousInt = Signals.register("INT", () -> receive(ExitCode.INTERRUPTED));
    this.previousTerm = Signals.register("TERM", () -> receive(ExitCode.TERMINATED));
  }

  static Interrupts cancelling(Cancellation cancellation) {
    return new Interrupts(cancellation);
  }

  /** {@code exit}, unless a signal says otherwise about a cancelled run. */
  ExitCode exitCode(ExitCode exit) {
    ExitCode signal = received.get();
    return signal != null && exit == ExitCode.INTERRUPTED ? signal : exit;
  }

  private void receive(ExitCode signal) {
    if (received.compareAndSet(null, signal)) {
      cancellation.cancel();
    } else {
      Runtime.getRuntime().halt(signal.code());
    }
  }

  @Override
  public void close() {
    Signals.unregister("INT", previousInt);
    Signals.unregister("TERM", previousTerm);
  }
}
