package dev.qwen4j.inference.hub;

import java.nio.file.Path;

/**
 * A model file in the cache, whole and checked.
 *
 * @param reference what brings it again, as {@code hf:owner/repo:Q4_K_M}
 */
public record CachedModel(String reference, Path file, long bytes) {}
