/** Every sample, run on a model that says what a test told it to. */
@NullMarked
package dev.qwen4j.examples.samples;

import org.jspecify.annotations.NullMarked;
