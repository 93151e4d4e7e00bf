/** {@link dev.qwen4j.rag.DocumentIndex}: documents in, cited passages out. */
@NullMarked
package dev.qwen4j.rag;

import org.jspecify.annotations.NullMarked;
