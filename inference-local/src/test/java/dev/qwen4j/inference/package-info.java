/** Tests of the entry types on real files. */
@NullMarked
package dev.qwen4j.inference;

import org.jspecify.annotations.NullMarked;
