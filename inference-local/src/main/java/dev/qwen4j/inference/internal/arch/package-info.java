/**
 * One file per architecture with one forward pass that reads as the paper: config, weights, state.
 */
@NullMarked
package dev.qwen4j.inference.internal.arch;

import org.jspecify.annotations.NullMarked;
