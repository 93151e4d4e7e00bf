package dev.qwen4j.examples;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** How much memory this process has used, as the operating system counts it. */
final class ProcessMemory {
  private static final Path STATUS = Path.of("/proc/self/status");
  private static final Path FORGET = Path.of("/proc/self/clear_refs");

  private ProcessMemory() {}

  /**
   * Begins a new peak, from what is resident after everything unused has been freed.
   *
   * @return whether the system lets us; otherwise the peak stays that of the whole process
   */
  static boolean forgetPeak() throws IOException {
    System.gc();
    if (!Files.isWritable(FORGET)) {
      return false;
    }
    Files.writeString(FORGET, "5"); // proc_pid_clear_refs(5): reset the peak resident set size
    return true;
  }

  /**
   * The peak of the resident memory in megabytes of 10⁶ bytes, mapped files included; null where
   * the system does not tell.
   */
  static @Nullable Double peakMegabytes() throws IOException {
    if (!Files.isReadable(STATUS)) {
      return null;
    }
    for (String line : Files.readAllLines(STATUS)) {
      if (line.startsWith("VmHWM:")) {
        long kibibytes = Long.parseLong(line.replaceAll("\\D", ""));
        return Math.round(kibibytes * 1024 / 1e5) / 10.0;
      }
    }
    return null;
  }
}
