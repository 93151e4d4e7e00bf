package dev.qwen4j.inference.internal.engine;

import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;

/**
 * Writes a reply's tokens several in a step where its text repeats what was there before: {@link
 * PromptLookup} guesses the next ones, and the model reads the guess together with the token that
 * it follows. As long as the tokens sampled are those guessed, the logits for the next one are
 * there already.
 *
 * <p>Exact: every token is sampled from the model's own logits, in the same order as without
 * drafts, and the kernels give a few tokens the same numbers as one. Where the guess was wrong, the
 * sequence forgets what it should not have read.
 */
final class Drafting {
  /** Tokens of a draft: with the one they follow, what the kernels multiply at once. */
  static final int LENGTH = 3;

  /** What a reply is written to. */
  interface Text {
    /** How many tokens have been read. */
    int position();

    /** Whether several can be read in a step, and forgotten again. */
    boolean takesDrafts();

    /**
     * Reads tokens.
     *
     * @param logits what may follow each of them: [ids, vocabularySize]
     */
    void read(int[] ids, float[] logits);

    /** Forgets all tokens from a position on. */
    void forgetFrom(int position);
  }

  private final PromptLookup lookup;
  private final Text text;
  private final DraftRecord record;
  private final DraftPolicy policy;
  private final BooleanSupplier allowed;
  private final LongSupplier nanoTime;
  private final int[] draft = new int[LENGTH];
  private int match; // what the draft in the text followed from; 0 if there is none
  private int confirmed; // tokens of it that were sampled
  private int position; // where the tokens end that were sampled
  private float[] rows = {}; // [1 + LENGTH, vocabularySize]

  /**
   * Goes on after a prompt.
   *
   * @param text has read it
   * @param allowed whether to draft now, asked before every step
   */
  Drafting(
      PromptLookup lookup,
      Text text,
      DraftRecord record,
      DraftPolicy policy,
      BooleanSupplier allowed,
      LongSupplier nanoTime) {
    this.lookup = lookup;
    this.text = text;
    this.record = record;
    this.policy = policy;
    this.allowed = allowed;
    this.nanoTime = nanoTime;
    this.position = text.position();
  }

  /**
   * Goes on with a token that was sampled.
   *
   * @param most how many tokens may follow it
   * @param logits where those for the next token are to be: [vocabularySize]
   */
  void follow(int id, int most, float[] logits) {
    lookup.add(id);
    if (match > 0 && confirmed < LENGTH && draft[confirmed] == id) {
      confirmed++;
      position++;
      record.accepted();
      System.arraycopy(rows, confirmed * logits.length, logits, 0, logits.length);
      return;
    }
    if (match > 0) {
      policy.brought(match, confirmed);
    }
    end();
    boolean alone = allowed.getAsBoolean();
    int found = alone && most > LENGTH ? lookup.propose(draft) : 0;
    if (found > 0 && policy.worthwhile(found) && text.takesDrafts()) {
      readDraft(id, found, logits);
    } else {
      long start = nanoTime.getAsLong();
      text.read(new int[] {id}, logits);
      if (alone) {
        record.single(nanoTime.getAsLong() - start);
      }
    }
    position++;
  }

  private void readDraft(int id, int found, float[] logits) {
    if (rows.length == 0) {
      rows = new float[(1 + LENGTH) * logits.length];
    }
    int[] ids = new int[1 + LENGTH];
    ids[0] = id;
    System.arraycopy(draft, 0, ids, 1, LENGTH);
    match = found;
    confirmed = 0;
    long start = nanoTime.getAsLong();
    text.read(ids, rows);
    record.drafted(nanoTime.getAsLong() - start);
    System.arraycopy(rows, 0, logits, 0, logits.length);
  }

  /** Forgets what was read of a draft and not sampled; to be called when the reply ends. */
  void end() {
    if (match > 0) {
      match = 0;
      if (text.position() > position) {
        text.forgetFrom(position);
      }
    }
  }
}
