/** Tests of hosted models against scripted servers on the loopback address. */
@NullMarked
package dev.qwen4j.model;

import org.jspecify.annotations.NullMarked;
