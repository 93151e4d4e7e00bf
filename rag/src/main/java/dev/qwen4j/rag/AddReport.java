package dev.qwen4j.rag;

import java.nio.file.Path;
import java.util.List;

/**
 * What adding did.
 *
 * @param added new files
 * @param updated files whose content had changed
 * @param unchanged files that were in the index as they are
 * @param removed files that were in the index and have vanished
 * @param skipped files that could not be indexed: binary, over 20 MB, or unreadable
 */
public record AddReport(int added, int updated, int unchanged, int removed, List<Path> skipped) {}
