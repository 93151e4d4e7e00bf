package dev.qwen4j.rag;

import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.lucene.analysis.Analyzer;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.cjk.CJKBigramFilter;
import org.apache.lucene.analysis.cjk.CJKWidthFilter;
import org.apache.lucene.analysis.cn.smart.SmartChineseAnalyzer;
import org.apache.lucene.analysis.core.TypeTokenFilter;
import org.apache.lucene.analysis.en.EnglishAnalyzer;
import org.apache.lucene.analysis.miscellaneous.PerFieldAnalyzerWrapper;
import org.apache.lucene.analysis.standard.StandardTokenizer;
import org.apache.lucene.analysis.tokenattributes.CharTermAttribute;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.Field;
import org.apache.lucene.document.StoredField;
import org.apache.lucene.document.StringField;
import org.apache.lucene.document.TextField;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.IndexWriter;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.index.StoredFields;
import org.apache.lucene.index.Term;
import org.apache.lucene.search.BooleanClause;
import org.apache.lucene.search.BooleanQuery;
import org.apache.lucene.search.BoostQuery;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.Query;
import org.apache.lucene.search.ScoreDoc;
import org.apache.lucene.search.SearcherManager;
import org.apache.lucene.search.TermQuery;
import org.apache.lucene.store.Directory;
import org.apache.lucene.store.FSDirectory;
import org.apache.lucene.store.LockObtainFailedException;

/**
 * Passages in a Lucene index, ranked by BM25 (k1 1.2, b 0.75).
 *
 * <p>A file is one block of Lucene documents: one that holds its path and hash, then one per
 * passage. The words of a passage and of the headings above it are in the field {@code en}; or, if
 * a fifth of its letters are Chinese, Japanese or Korean, in {@code zh} as words and in {@code
 * pairs} as pairs of characters. A query looks in all: the word segmenter cuts a short query
 * otherwise than the sentence it is taken from, and only the pairs still meet. Changes are made by
 * a {@link Batch}, which is committed as a whole or not at all.
 */
final class PassageStore implements AutoCloseable {
  private static final String SOURCE = "source";
  private static final String NAME = "name";
  private static final String HASH = "hash";
  private static final String HEADING = "heading";
  private static final String START = "start";
  private static final String END = "end";
  private static final String FIRST_LINE = "first_line";
  private static final String LAST_LINE = "last_line";
  private static final String TEXT = "text";
  private static final String ENGLISH = "en";
  private static final String CHINESE = "zh";
  private static final String PAIRS = "pairs";

  private static final Set<Character.UnicodeScript> PAIRED_SCRIPTS =
      EnumSet.of(
          Character.UnicodeScript.HAN,
          Character.UnicodeScript.HIRAGANA,
          Character.UnicodeScript.KATAKANA,
          Character.UnicodeScript.HANGUL);

  /** Terms of a query that are looked up; the rest of a pasted novel adds little. */
  private static final int MAX_TERMS = 400;

  private final Analyzer analyzer =
      new PerFieldAnalyzerWrapper(
          new EnglishAnalyzer(),
          Map.of(CHINESE, new SmartChineseAnalyzer(), PAIRS, new PairAnalyzer()));
  private final Path folder;
  private final Directory directory;
  private final SearcherManager searchers;

  /** Opens the index in {@code folder}, or begins one. */
  PassageStore(Path folder) throws IOException {
    this.folder = folder;
    Files.createDirectories(folder);
    directory = FSDirectory.open(folder);
    try {
      if (!DirectoryReader.indexExists(directory)) {
        try (Batch batch = change()) {
          batch.commit();
        }
      }
      searchers = new SearcherManager(directory, null);
    } catch (IOException | RuntimeException e) {
      directory.close();
      throw e;
    }
  }

  /** Begins a change; only one process can change an index at a time. */
  Batch change() throws IOException {
    try {
      return new Batch(new IndexWriter(directory, new IndexWriterConfig(analyzer)));
    } catch (LockObtainFailedException e) {
      throw new IOException(
          "The index in " + folder + " is being changed by another process; try again later.", e);
    }
  }

  /** The files in the index with their hashes. */
  Map<String, String> hashes() throws IOException {
    IndexSearcher searcher = acquire();
    try {
      Map<String, String> hashes = new HashMap<>();
      StoredFields fields = searcher.storedFields();
      var files = new TermQuery(new Term("kind", "file"));
      int most = Math.max(1, searcher.getIndexReader().maxDoc());
      for (ScoreDoc hit : searcher.search(files, most).scoreDocs) {
        Document file = fields.document(hit.doc);
        hashes.put(file.get(SOURCE), file.get(HASH));
      }
      return hashes;
    } finally {
      searchers.release(searcher);
    }
  }

  /** The best passages for a query in plain words. */
  List<Passage> search(String words, int limit) throws IOException {
    IndexSearcher searcher = acquire();
    try {
      List<Passage> passages = new ArrayList<>();
      StoredFields fields = searcher.storedFields();
      for (ScoreDoc hit : searcher.search(query(words), limit).scoreDocs) {
        passages.add(passage(fields.document(hit.doc), hit.score));
      }
      return passages;
    } finally {
      searchers.release(searcher);
    }
  }

  @Override
  public void close() throws IOException {
    searchers.close();
    directory.close();
    analyzer.close();
  }

  private IndexSearcher acquire() throws IOException {
    searchers.maybeRefresh();
    return searchers.acquire();
  }

  /** Every word counts and none is required; a word that is said twice counts twice. */
  private Query query(String words) throws IOException {
    var query = new BooleanQuery.Builder();
    for (String field : List.of(ENGLISH, CHINESE, PAIRS)) {
      Map<String, Integer> counts = new HashMap<>();
      try (TokenStream tokens = analyzer.tokenStream(field, new StringReader(words))) {
        var term = tokens.addAttribute(CharTermAttribute.class);
        tokens.reset();
        while (counts.size() < MAX_TERMS && tokens.incrementToken()) {
          counts.merge(term.toString(), 1, Integer::sum);
        }
      }
      counts.forEach(
          (text, count) ->
              query.add(
                  new BoostQuery(new TermQuery(new Term(field, text)), count),
                  BooleanClause.Occur.SHOULD));
    }
    return query.build();
  }

  private static Passage passage(Document document, double score) {
    return new Passage(
        Path.of(document.get(SOURCE)),
        document.get(NAME),
        document.get(HEADING),
        new Passage.Span(
            number(document, START),
            number(document, END),
            number(document, FIRST_LINE),
            number(document, LAST_LINE)),
        document.get(TEXT),
        score);
  }

  private static int number(Document document, String field) {
    return document.getField(field).numericValue().intValue();
  }

  /** Changes that become visible together, at {@link #commit}; closed before that, they are not. */
  static final class Batch implements AutoCloseable {
    private final IndexWriter writer;

    private Batch(IndexWriter writer) {
      this.writer = writer;
    }

    /** Puts the file in place of what was known of it. */
    void put(SourceFile file, String name) throws IOException {
      List<Document> documents = new ArrayList<>();
      var head = new Document();
      head.add(new StringField("kind", "file", Field.Store.NO));
      head.add(new StringField(SOURCE, file.path().toString(), Field.Store.YES));
      head.add(new StoredField(HASH, file.hash()));
      documents.add(head);
      for (Chunker.Chunk chunk : file.chunks()) {
        documents.add(document(file, name, chunk));
      }
      writer.updateDocuments(new Term(SOURCE, file.path().toString()), documents);
    }

    void remove(String source) throws IOException {
      writer.deleteDocuments(new Term(SOURCE, source));
    }

    void commit() throws IOException {
      writer.commit();
    }

    @Override
    public void close() throws IOException {
      boolean interrupted = Thread.interrupted(); // Lucene would break off the rollback
      try {
        writer.rollback();
      } finally {
        if (interrupted) {
          Thread.currentThread().interrupt();
        }
      }
    }

    private static Document document(SourceFile file, String name, Chunker.Chunk chunk) {
      var document = new Document();
      document.add(new StringField(SOURCE, file.path().toString(), Field.Store.YES));
      document.add(new StoredField(NAME, name));
      document.add(new StoredField(HEADING, chunk.heading()));
      Passage.Span span = chunk.span();
      document.add(new StoredField(START, span.start()));
      document.add(new StoredField(END, span.end()));
      document.add(new StoredField(FIRST_LINE, span.firstLine()));
      document.add(new StoredField(LAST_LINE, span.lastLine()));
      document.add(new StoredField(TEXT, chunk.text()));
      String words = chunk.heading() + "\n" + chunk.text();
      if (isChinese(words)) {
        document.add(new TextField(CHINESE, words, Field.Store.NO));
        document.add(new TextField(PAIRS, words, Field.Store.NO));
      } else {
        document.add(new TextField(ENGLISH, words, Field.Store.NO));
      }
      return document;
    }

    private static boolean isChinese(String words) {
      long letters = words.codePoints().filter(Character::isLetter).count();
      long han =
          words
              .codePoints()
              .filter(c -> PAIRED_SCRIPTS.contains(Character.UnicodeScript.of(c)))
              .count();
      return han * 5 >= letters && han > 0;
    }
  }

  /** Neighbouring Chinese, Japanese or Korean characters, two by two, and nothing else. */
  private static final class PairAnalyzer extends Analyzer {
    @Override
    protected TokenStreamComponents createComponents(String field) {
      var characters = new StandardTokenizer();
      var pairs = new CJKBigramFilter(new CJKWidthFilter(characters));
      return new TokenStreamComponents(
          characters, new TypeTokenFilter(pairs, Set.of(CJKBigramFilter.DOUBLE_TYPE), true));
    }
  }
}
