/** The {@code qwen4j} command: each subcommand a small class that also teaches. */
@NullMarked
package dev.qwen4j.examples;

import org.jspecify.annotations.NullMarked;
