package dev.qwen4j.inference.internal.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.qwen4j.inference.internal.tokenizer.Tokenizer;
import dev.qwen4j.inference.internal.weights.GgufFile;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TokenizerCopyTest {
  private static final String TEXT = "<|im_start|>user\nÇa coûte 12 €, n'est-ce pas? 你好\t\n";

  @TempDir private Path folder;
  private Path vocabulary;

  @BeforeEach
  void unpack() throws IOException {
    vocabulary = folder.resolve("vocabulary.gguf");
    try (InputStream in =
        new GZIPInputStream(
            Objects.requireNonNull(
                getClass().getResourceAsStream("/golden/text/ggml-vocab-qwen2.gguf.gz")))) {
      Files.copy(in, vocabulary);
    }
  }

  private Tokenizer open() {
    try (GgufFile file = GgufFile.open(vocabulary)) {
      return VocabularyReader.tokenizer(file, folder.resolve("cache"));
    }
  }

  private List<Path> kept() throws IOException {
    try (Stream<Path> files = Files.list(folder.resolve("cache"))) {
      return files.toList();
    }
  }

  private void assertSame(Tokenizer tokenizer) {
    Tokenizer expected;
    try (GgufFile file = GgufFile.open(vocabulary)) {
      expected = VocabularyReader.tokenizer(file);
    }
    assertThat(tokenizer.size()).isEqualTo(expected.size());
    assertThat(tokenizer.encodeWithMarkers(TEXT)).isEqualTo(expected.encodeWithMarkers(TEXT));
    assertThat(tokenizer.encode(TEXT)).isEqualTo(expected.encode(TEXT));
    for (int id = 0; id < expected.size(); id++) {
      assertThat(tokenizer.bytes(id)).isEqualTo(expected.bytes(id));
      assertThat(tokenizer.isControl(id)).isEqualTo(expected.isControl(id));
    }
  }

  @Test
  void aVocabularyIsKeptOnceAndReadFromThereTheNextTime() throws Exception {
    assertSame(open());
    assertThat(kept()).hasSize(1);
    Path copy = kept().getFirst();
    Files.setLastModifiedTime(copy, FileTime.fromMillis(0));
    assertSame(open());
    assertThat(kept()).containsExactly(copy);
    assertThat(Files.getLastModifiedTime(copy).toMillis()).isZero();
  }

  @Test
  void aDamagedCopyIsMadeAgain() throws Exception {
    open();
    Path copy = kept().getFirst();
    byte[] whole = Files.readAllBytes(copy);
    byte[] damaged = whole.clone();
    damaged[whole.length / 2] ^= 1;
    Files.write(copy, damaged);
    assertSame(open());
    assertThat(Files.readAllBytes(copy)).isEqualTo(whole);
    Files.write(copy, new byte[] {1, 2, 3});
    assertSame(open());
    assertThat(Files.readAllBytes(copy)).isEqualTo(whole);
  }

  @Test
  void withoutAFolderToWriteToItIsMadeEveryTime() throws Exception {
    Files.writeString(folder.resolve("cache"), "a file is in the way");
    assertSame(open());
    assertThat(folder.resolve("cache")).hasContent("a file is in the way");
  }
}
