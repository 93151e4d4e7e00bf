package dev.qwen4j.tools;

import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Arrays;
import java.util.List;
import java.util.function.Predicate;
import okhttp3.Dns;
import okhttp3.HttpUrl;

/**
 * Keeps a model's requests on the public internet. A page can ask the model to fetch the router,
 * the metadata service of a cloud or a database of the same machine (server-side request forgery);
 * so every address that is not public is refused, whether it was written as a number, came out of
 * name resolution, or was reached by a redirect. As the {@link Dns} of the client it judges the
 * very addresses that are then connected to, so that a name which resolves differently the second
 * time gains nothing.
 */
final class NetworkGuard implements Dns {
  private final Predicate<InetAddress> allowed;

  NetworkGuard(Predicate<InetAddress> allowed) {
    this.allowed = allowed;
  }

  @Override
  public List<InetAddress> lookup(String host) throws UnknownHostException {
    List<InetAddress> addresses = Dns.SYSTEM.lookup(host);
    for (InetAddress address : addresses) {
      if (!allowed.test(address)) {
        throw new NotPublic(host, address);
      }
    }
    return addresses;
  }

  /** Judges a host written as an address, which the client does not look up. */
  void check(HttpUrl url) throws NotPublic {
    String host = url.host();
    if (host.indexOf(':') < 0 && !host.matches("[0-9.]+")) {
      return;
    }
    try {
      InetAddress address = InetAddress.getByName(host);
      if (!allowed.test(address)) {
        throw new NotPublic(host, address);
      }
    } catch (NotPublic e) {
      throw e;
    } catch (UnknownHostException e) {
      return; // not an address after all: lookup will see it
    }
  }

  /** Whether the address is one of the public internet. */
  static boolean isPublic(InetAddress address) {
    if (address.isLoopbackAddress()
        || address.isAnyLocalAddress()
        || address.isLinkLocalAddress()
        || address.isSiteLocalAddress()
        || address.isMulticastAddress()) {
      return false;
    }
    byte[] b = address.getAddress();
    return address instanceof Inet6Address ? isPublic6(b) : isPublic4(b);
  }

  /** RFC 6890: what is left of the special-purpose blocks. */
  private static boolean isPublic4(byte[] b) {
    int first = b[0] & 0xFF;
    int second = b[1] & 0xFF;
    boolean special =
        first == 0 // this network
            || first >= 240 // reserved, broadcast
            || (first == 100 && second >= 64 && second < 128) // carrier NAT
            || (first == 192 && second == 0 && (b[2] == 0 || b[2] == 2)) // protocols, examples
            || (first == 198 && (second == 18 || second == 19)) // benchmarks
            || (first == 198 && second == 51 && b[2] == 100) // examples
            || (first == 203 && second == 0 && b[2] == 113); // examples
    return !special;
  }

  private static boolean isPublic6(byte[] b) {
    if ((b[0] & 0xFE) == 0xFC) {
      return false; // unique local
    }
    boolean translated = startsWith(b, 0x00, 0x64, 0xFF, 0x9B); // NAT64, 64:ff9b::/96
    boolean compatible = Arrays.equals(b, 0, 10, new byte[10], 0, 10); // ::a.b.c.d
    if (translated || compatible) {
      return isPublicEmbedded(b, 12);
    }
    if (startsWith(b, 0x20, 0x02)) { // 6to4
      return isPublicEmbedded(b, 2);
    }
    return !startsWith(b, 0x20, 0x01, 0x00, 0x00); // Teredo hides an address by XOR
  }

  private static boolean isPublicEmbedded(byte[] b, int from) {
    try {
      return InetAddress.getByAddress(Arrays.copyOfRange(b, from, from + 4))
              instanceof Inet4Address embedded
          && isPublic(embedded);
    } catch (UnknownHostException e) {
      throw new IllegalStateException("four bytes are an address", e);
    }
  }

  private static boolean startsWith(byte[] bytes, int... prefix) {
    for (int i = 0; i < prefix.length; i++) {
      if ((bytes[i] & 0xFF) != prefix[i]) {
        return false;
      }
    }
    return true;
  }

  /** The address is not one of the public internet. */
  static final class NotPublic extends UnknownHostException {
    NotPublic(String host, InetAddress address) {
      super(
          host
              + " is refused: "
              + address.getHostAddress()
              + " is not an address of the public internet");
    }
  }
}
