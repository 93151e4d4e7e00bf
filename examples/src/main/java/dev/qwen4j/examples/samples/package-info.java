/**
 * One small program per capability, to read, to run and to copy from. Each takes the model from its
 * first argument (see {@link dev.qwen4j.examples.samples.SampleModel}); its work is in one method,
 * which a test runs on a scripted model.
 */
@NullMarked
package dev.qwen4j.examples.samples;

import org.jspecify.annotations.NullMarked;
