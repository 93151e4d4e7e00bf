/** Scripted stand-ins for models and listeners, for the tests of agents and tools. */
@NullMarked
package dev.qwen4j.testing;

import org.jspecify.annotations.NullMarked;
