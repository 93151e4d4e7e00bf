package dev.qwen4j.agent;

import dev.langchain4j.data.message.ChatMessage;
import dev.langchain4j.data.message.Content;
import dev.langchain4j.data.message.TextContent;
import dev.langchain4j.data.message.UserMessage;
import dev.qwen4j.session.Session;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a run begins with, before it is kept: a message of the user's, and what was said before. */
sealed interface Input {
  /** The words of the user's message. */
  String text();

  /** The same with other words. */
  Input with(String words);

  /** What was said before. */
  List<ChatMessage> before();

  /** What the conversation was told before everything else; empty if it begins now. */
  String toldBefore();

  /** The conversation to run, with the form of the answer told at its end. */
  Conversation conversation(String instructions, @Nullable AnswerForm<?> form);

  private static String told(String text, @Nullable AnswerForm<?> form) {
    return form == null ? text : text + "\n\n" + form.inWords();
  }

  /** A conversation that the caller keeps. */
  record Messages(List<ChatMessage> all) implements Input {
    @Override
    public String text() {
      return all.isEmpty() || !(all.getLast() instanceof UserMessage user)
          ? ""
          : Conversation.text(user);
    }

    @Override
    public Input with(String words) {
      var others = new ArrayList<>(before());
      others.add(all.getLast() instanceof UserMessage user ? saying(user, words) : all.getLast());
      return new Messages(others);
    }

    /** Pictures and the like stay, after the words. */
    private static UserMessage saying(UserMessage user, String words) {
      var contents = new ArrayList<Content>(List.of(TextContent.from(words)));
      user.contents().stream()
          .filter(content -> !(content instanceof TextContent))
          .forEach(contents::add);
      return user.toBuilder().contents(contents).build();
    }

    @Override
    public List<ChatMessage> before() {
      return all.isEmpty() ? all : all.subList(0, all.size() - 1);
    }

    @Override
    public String toldBefore() {
      return Beginning.systemOf(all);
    }

    @Override
    public Conversation conversation(String instructions, @Nullable AnswerForm<?> form) {
      return form == null || all.isEmpty()
          ? Conversation.of(instructions, all)
          : Conversation.of(instructions, ((Messages) with(told(text(), form))).all());
    }
  }

  /** A line in a session. */
  record InSession(Session session, String text) implements Input {
    @Override
    public Input with(String words) {
      return new InSession(session, words);
    }

    @Override
    public List<ChatMessage> before() {
      return session.messages();
    }

    @Override
    public String toldBefore() {
      return session.messages().isEmpty() ? "" : session.instructions();
    }

    @Override
    public Conversation conversation(String instructions, @Nullable AnswerForm<?> form) {
      return Conversation.of(instructions, session, UserMessage.from(told(text, form)));
    }
  }

  /** A conversation that is to be kept in a part of a session. */
  record InPart(Session session, Messages messages) implements Input {
    @Override
    public String text() {
      return messages.text();
    }

    @Override
    public Input with(String words) {
      return new InPart(session, (Messages) messages.with(words));
    }

    @Override
    public List<ChatMessage> before() {
      return messages.before();
    }

    @Override
    public String toldBefore() {
      return "";
    }

    @Override
    public Conversation conversation(String instructions, @Nullable AnswerForm<?> form) {
      return Conversation.begun(instructions, session, messages.all());
    }
  }
}
