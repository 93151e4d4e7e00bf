package dev.qwen4j.model;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;

/**
 * A server for what an HTTP mock cannot do: it takes requests, writes the given bytes, and then
 * holds the connection open or drops it.
 */
final class SocketServer implements AutoCloseable {
  static final String STREAM_HEAD =
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";

  private final ServerSocket server;
  private final List<Socket> sockets = new CopyOnWriteArrayList<>();
  private final CountDownLatch answered = new CountDownLatch(1);

  private SocketServer(String answer, boolean hold) throws IOException {
    server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Thread.ofVirtual().start(() -> serve(answer, hold));
  }

  static SocketServer thatHangsAfter(String answer) throws IOException {
    return new SocketServer(answer, true);
  }

  static SocketServer thatClosesAfter(String answer) throws IOException {
    return new SocketServer(answer, false);
  }

  private void serve(String answer, boolean hold) {
    try {
      while (true) {
        Socket socket = server.accept();
        sockets.add(socket);
        readRequest(socket.getInputStream());
        socket.getOutputStream().write(answer.getBytes(StandardCharsets.UTF_8));
        socket.getOutputStream().flush();
        answered.countDown();
        if (!hold) {
          socket.close();
        }
      }
    } catch (IOException e) {
      // The test closed the server.
      answered.countDown();
    }
  }

  private static void readRequest(InputStream in) throws IOException {
    var head = new StringBuilder();
    while (head.indexOf("\r\n\r\n") < 0) {
      head.append((char) in.read());
    }
    String length =
        head.toString()
            .lines()
            .filter(line -> line.regionMatches(true, 0, "content-length:", 0, 15))
            .map(line -> line.substring(15).strip())
            .findFirst()
            .orElse("0");
    in.readNBytes(Integer.parseInt(length));
  }

  String baseUrl() {
    return "http://127.0.0.1:" + server.getLocalPort() + "/v1";
  }

  int requests() {
    return sockets.size();
  }

  void awaitAnswered() throws InterruptedException {
    answered.await();
  }

  @Override
  public void close() throws IOException {
    server.close();
    for (Socket socket : sockets) {
      socket.close();
    }
  }
}
