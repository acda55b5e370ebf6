#include "net/proxy_header.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "net/net_fixture.h"
#include "net/socket_stream.h"

namespace baton::net {
namespace {

using Status = ProxyHeaderReader::Status;

std::string header(uint8_t command, uint8_t family, std::string addresses, std::string extensions = "") {
  std::string out("\r\n\r\n\0\r\nQUIT\n", 12);
  std::string rest = std::move(addresses) + extensions;
  out += static_cast<char>(command);
  out += static_cast<char>(family);
  out += static_cast<char>(rest.size() >> 8);
  out += static_cast<char>(rest.size() & 0xff);
  return out + rest;
}

const std::string kV4("\xc6\x33\x64\x07\x0a\x00\x00\x01\x12\x34\x00\x50", 12);  // 198.51.100.7 -> 10.0.0.1
const std::string kV6 =
    std::string("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x05", 16) + std::string(20, '\1');  // 2001:db8::5
const std::string kMappedV6 = std::string("\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\x00\x00\x07", 16) + std::string(20, '\1');

struct Case {
  const char* name;
  std::string input;
  Status want;
  const char* source;  // nullptr: none told
};
const Case kCases[] = {
    {"IPv4", header(0x21, 0x11, kV4), Status::kDone, "198.51.100.7"},
    {"IPv6", header(0x21, 0x21, kV6), Status::kDone, "2001:db8::5"},
    {"IPv4 in IPv6", header(0x21, 0x21, kMappedV6), Status::kDone, "10.0.0.7"},
    {"with extensions", header(0x21, 0x11, kV4, std::string("\x03\x00\x04") + "abcd"), Status::kDone, "198.51.100.7"},
    {"local without anything", header(0x20, 0x00, ""), Status::kDone, nullptr},
    {"local with addresses that do not count", header(0x20, 0x11, kV4), Status::kDone, nullptr},
    {"unspecified", header(0x21, 0x00, "whatever"), Status::kDone, nullptr},
    {"as long as allowed", header(0x21, 0x11, kV4, std::string(4096 - 28, 'x')), Status::kDone, "198.51.100.7"},
    {"longer than allowed", header(0x21, 0x11, kV4, std::string(4096 - 27, 'x')), Status::kMalformed, nullptr},
    {"version 1", "PROXY TCP4 198.51.100.7 10.0.0.1 4660 80\r\n", Status::kMalformed, nullptr},
    {"no header at all", "GET / HTTP/1.1\r\n\r\n", Status::kMalformed, nullptr},
    {"wrong version", header(0x11, 0x11, kV4), Status::kMalformed, nullptr},
    {"unknown command", header(0x22, 0x11, kV4), Status::kMalformed, nullptr},
    {"datagram", header(0x21, 0x12, kV4), Status::kMalformed, nullptr},
    {"unix socket", header(0x21, 0x31, std::string(216, 'x')), Status::kMalformed, nullptr},
    {"addresses too short", header(0x21, 0x11, kV4.substr(0, 11)), Status::kMalformed, nullptr},
    {"IPv6 with IPv4's length", header(0x21, 0x21, kV4), Status::kMalformed, nullptr},
};

TEST(ProxyHeader, IsReadWholeAndSplitAtEveryByte) {
  for (const Case& c : kCases) {
    for (size_t at_a_time : {SIZE_MAX, size_t{1}, size_t{7}}) {
      SCOPED_TRACE(c.name);
      ProxyHeaderReader reader;
      std::string_view rest = c.input;
      Status status = Status::kMore;
      while (status == Status::kMore && !rest.empty()) {
        ASSERT_GT(reader.wanted(), 0u);
        std::string_view bytes = rest.substr(0, std::min(reader.wanted(), at_a_time));
        rest.remove_prefix(bytes.size());
        status = reader.take(bytes);
      }
      EXPECT_EQ(status, c.want);
      if (c.want == Status::kDone) {
        EXPECT_TRUE(rest.empty());
        EXPECT_EQ(reader.source().has_value() ? reader.source()->text() : "", c.source != nullptr ? c.source : "");
      }
    }
  }
}

TEST(ProxyHeader, NeverAsksForBytesBeyondTheHeader) {
  std::string input = header(0x21, 0x11, kV4);
  ProxyHeaderReader reader;
  EXPECT_EQ(reader.wanted(), 16u);
  ASSERT_EQ(reader.take(std::string_view(input).substr(0, 16)), Status::kMore);
  EXPECT_EQ(reader.wanted(), 12u);
  ASSERT_EQ(reader.take(std::string_view(input).substr(16)), Status::kDone);
  EXPECT_EQ(reader.wanted(), 0u);
}

class ProxyHeaderOnSocket : public NetFixture {
 protected:
  void connect(const char* from) {
    listener = listen({.address = "127.0.0.1", .proxy_protocol_from = {*Cidr::parse(from)}});
    client = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    SocketAddress to = socket_address(*IpAddress::parse("127.0.0.1"), listener->port());
    ASSERT_EQ(::connect(client.get(), to.get(), to.length), 0);
    auto take = [](TcpListener& from_listener, std::unique_ptr<runtime::ByteStream>& out) -> runtime::Task<void> {
      out = co_await from_listener.accept();
    };
    tasks.spawn(take(*listener, server));
    ASSERT_TRUE(finish());
  }
  void say(std::string_view bytes) {
    ASSERT_EQ(::send(client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  ReadAll hear(size_t enough) {
    ReadAll got;
    auto take = [](runtime::Loop& on, runtime::ByteStream& from, size_t bytes, ReadAll& out) -> runtime::Task<void> {
      out = co_await read_all(on, from, bytes);
    };
    tasks.spawn(take(loop, *server, enough, got));
    EXPECT_TRUE(finish());
    return got;
  }
  std::unique_ptr<TcpListener> listener;
  std::unique_ptr<runtime::ByteStream> server;
  Fd client;
};

TEST_F(ProxyHeaderOnSocket, ComesBeforeTheBytesAndNamesTheClient) {
  connect("127.0.0.0/8");
  EXPECT_EQ(server->peer_address(), "127.0.0.1");
  std::string all = header(0x21, 0x11, kV4) + "GET /";
  say(std::string_view(all).substr(0, 5));
  ASSERT_TRUE(run_until([&] { return server->can_read(); }));
  char buffer[64];
  EXPECT_EQ(server->try_read(buffer).status, runtime::IoStatus::kBlocked);
  say(std::string_view(all).substr(5));
  EXPECT_EQ(hear(5).bytes, "GET /");
  EXPECT_EQ(server->peer_address(), "198.51.100.7");
}

TEST_F(ProxyHeaderOnSocket, MalformedClosesTheConnection) {
  for (std::string_view text : {"PROXY TCP4 198.51.100.7 10.0.0.1 1 2\r\nGET /", "x"}) {
    connect("127.0.0.1");
    say(text);
    EXPECT_EQ(hear(1).end, runtime::IoStatus::kReset);
    char byte;
    EXPECT_LE(::recv(client.get(), &byte, 1, 0), 0);
  }
}

TEST_F(ProxyHeaderOnSocket, AnEndInsideTheHeaderIsAReset) {
  connect("127.0.0.1");
  say(header(0x21, 0x11, kV4).substr(0, 20));
  client.reset();
  EXPECT_EQ(hear(1).end, runtime::IoStatus::kReset);
}

TEST_F(ProxyHeaderOnSocket, IsNotLookedForFromOthers) {
  connect("10.0.0.0/8");
  std::string bytes = header(0x21, 0x11, kV4);
  say(bytes);
  EXPECT_EQ(hear(bytes.size()).bytes, bytes);
  EXPECT_EQ(server->peer_address(), "127.0.0.1");
}

}  // namespace
}  // namespace baton::net
