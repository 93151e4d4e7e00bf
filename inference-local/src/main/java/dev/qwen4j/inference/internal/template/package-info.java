/** Chat templates: conversations as the text each Qwen family was trained on. */
@NullMarked
package dev.qwen4j.inference.internal.template;

import org.jspecify.annotations.NullMarked;
