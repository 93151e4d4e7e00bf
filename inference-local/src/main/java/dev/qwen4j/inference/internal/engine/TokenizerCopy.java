package dev.qwen4j.inference.internal.engine;

import static java.nio.file.StandardCopyOption.ATOMIC_MOVE;

import dev.qwen4j.inference.internal.tokenizer.TokenizerTables;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The tables of a vocabulary in the cache, named after what they were made from. It only saves
 * time: one that cannot be read or written is gone without.
 */
final class TokenizerCopy {
  private static final Logger LOG = LoggerFactory.getLogger(TokenizerCopy.class);

  /** Bytes; smaller tables are made as fast as they are read. */
  private static final int WORTH_KEEPING = 1 << 20;

  private final Path file;

  TokenizerCopy(Path file) {
    this.file = file;
  }

  Optional<TokenizerTables> read() {
    try {
      return Optional.of(TokenizerTables.read(ByteBuffer.wrap(Files.readAllBytes(file))));
    } catch (NoSuchFileException e) {
      LOG.debug("no copy of the tokenizer yet: {}", file);
    } catch (IOException e) {
      LOG.warn("the copy of the tokenizer {} is made again: {}", file, e.toString());
    }
    return Optional.empty();
  }

  /** Writes the tables, if they are worth it, and returns them. */
  TokenizerTables write(TokenizerTables tables) {
    byte[] bytes = tables.toBytes();
    if (bytes.length < WORTH_KEEPING) {
      return tables;
    }
    try {
      Path folder = Files.createDirectories(file.toAbsolutePath().getParent());
      Path part = Files.createTempFile(folder, file.getFileName().toString(), ".part");
      try {
        Files.write(part, bytes);
        Files.move(part, file, ATOMIC_MOVE);
      } finally {
        Files.deleteIfExists(part);
      }
    } catch (IOException e) {
      LOG.warn("the copy of the tokenizer {} cannot be written: {}", file, e.toString());
    }
    return tables;
  }
}
