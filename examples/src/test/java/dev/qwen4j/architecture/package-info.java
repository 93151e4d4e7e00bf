/** Rules that hold for the whole build: its format, its arrows, its names, its size. */
@NullMarked
package dev.qwen4j.architecture;

import org.jspecify.annotations.NullMarked;
