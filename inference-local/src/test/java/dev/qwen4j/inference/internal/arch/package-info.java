/** Tests of the shapes and parts of the architectures. */
@NullMarked
package dev.qwen4j.inference.internal.arch;

import org.jspecify.annotations.NullMarked;
