package dev.qwen4j.inference.hub;

/** Follows a download, on the thread that downloads. */
@FunctionalInterface
public interface DownloadListener {
  /** Listens to nothing. */
  DownloadListener NONE = (file, bytes, totalBytes) -> {};

  /**
   * Called at the start (after a resume not from zero), now and then, and at the end.
   *
   * @param file the file's name
   * @param bytes how much of it is here
   * @param totalBytes how much it will be
   */
  void progress(String file, long bytes, long totalBytes);
}
