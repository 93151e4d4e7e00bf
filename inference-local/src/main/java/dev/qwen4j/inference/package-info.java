/** {@link dev.qwen4j.inference.LocalModel} opens a Qwen checkpoint and runs it in this JVM. */
@NullMarked
package dev.qwen4j.inference;

import org.jspecify.annotations.NullMarked;
