/**
 * {@link dev.qwen4j.model.HostedModel} reaches Qwen over HTTP; {@link
 * dev.qwen4j.model.ModelException} is what every model call fails with. Everything else about
 * models is LangChain4j's own vocabulary.
 */
@NullMarked
package dev.qwen4j.model;

import org.jspecify.annotations.NullMarked;
