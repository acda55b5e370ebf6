#include <fcntl.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include "net/net_fixture.h"
#include "net/test_certificates.h"
#include "net/tls_stream.h"

namespace baton::net {
namespace {

using runtime::ByteStream;
using runtime::Cancellation;
using runtime::IoStatus;
using runtime::Task;

Task<void> shake(runtime::Loop& loop, TlsStream& stream, Cancellation& cancel, Expected<void>& out) {
  out = co_await stream.handshake(loop, cancel, loop.now() + std::chrono::seconds(20));
}

Task<void> read_into(runtime::Loop& loop, ByteStream& stream, size_t enough, size_t at_a_time, ReadAll& out) {
  out = co_await read_all(loop, stream, enough, at_a_time);
}

Task<void> write_then_end(runtime::Loop& loop, ByteStream& stream, std::string bytes, size_t at_a_time, bool end) {
  EXPECT_TRUE(co_await write_all(loop, stream, std::move(bytes), at_a_time));
  if (end) stream.shut_write();
}

struct Pair {
  Fd a, b;
};
// `buffer_bytes` keeps the kernel from taking much, so that writers meet a full socket.
Pair connected(int buffer_bytes = 0) {
  int fds[2];
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
  for (int fd : fds) {
    if (buffer_bytes > 0) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof buffer_bytes);
  }
  return {Fd(fds[0]), Fd(fds[1])};
}

class Tls : public NetFixture {
 protected:
  void SetUp() override {
    auto leaf = authority.leaf();
    auto made_server = TlsServerContext::make({leaf.cert_file, leaf.key_file});
    ASSERT_TRUE(made_server) << made_server.error().detail;
    server_context = std::move(*made_server);
    auto made_client = TlsClientContext::make({authority.file()});
    ASSERT_TRUE(made_client) << made_client.error().detail;
    client_context = std::move(*made_client);
  }
  void TearDown() override { EXPECT_EQ(ERR_peek_error(), 0u) << "an error was left in OpenSSL's queue"; }

  // The server's handshake is done by a read that wants one byte, which the client sends.
  void connect(Pair pair) {
    server = std::make_unique<TlsStream>(poller, std::move(pair.a), StreamOptions{}, *server_context);
    client = std::make_unique<TlsStream>(poller, std::move(pair.b), StreamOptions{}, *client_context, "localhost", 443);
    Expected<void> shaken;
    ReadAll first;
    Cancellation cancel;
    tasks.spawn(shake(loop, *client, cancel, shaken));
    tasks.spawn(read_into(loop, *server, 1, 1, first));
    ASSERT_TRUE(run_until([&] { return tasks.size() == 1; }));
    ASSERT_TRUE(shaken) << shaken.error().detail;
    tasks.spawn(write_then_end(loop, *client, "!", 1, false));
    ASSERT_TRUE(finish());
    ASSERT_EQ(first.bytes, "!");
  }
  // Runs a handshake with a server of these options and gives the client's error.
  Error refused(const LeafOptions& options, std::string host, TlsClientContext& context) {
    auto leaf = authority.leaf(options);
    auto made = TlsServerContext::make({leaf.cert_file, leaf.key_file});
    EXPECT_TRUE(made);
    auto pair = connected();
    TlsStream theirs(poller, std::move(pair.a), {}, **made);
    TlsStream ours(poller, std::move(pair.b), {}, context, std::move(host), 443);
    Expected<void> shaken;
    ReadAll seen;
    Cancellation cancel;
    tasks.spawn(shake(loop, ours, cancel, shaken));
    tasks.spawn(read_into(loop, theirs, 1, 1, seen));
    EXPECT_TRUE(run_until([&] { return tasks.size() < 2; }));
    ours.close(false);
    EXPECT_TRUE(finish());
    EXPECT_EQ(seen.end, IoStatus::kReset);
    return shaken ? Error{} : shaken.error();
  }

  TestAuthority authority;
  std::unique_ptr<TlsServerContext> server_context;
  std::unique_ptr<TlsClientContext> client_context;
  std::unique_ptr<TlsStream> server, client;
};

TEST_F(Tls, TheHandshakeAgreesOnTls13AndHttp11) {
  connect(connected());
  EXPECT_EQ(client->version(), "TLSv1.3");
  EXPECT_EQ(client->protocol(), "http/1.1");
  EXPECT_EQ(server->protocol(), "http/1.1");
}

TEST_F(Tls, BytesGoBothWaysAtOnceThroughFullSockets) {
  struct Case {
    const char* name;
    size_t bytes, write, read;
    int buffer;
  };
  for (const Case& c :
       {Case{"a byte at a time", 500, 1, 1, 0}, Case{"small socket buffers", 3'000'000, SIZE_MAX, 65536, 4096},
        Case{"odd sizes, small buffers", 1'000'000, 20'011, 777, 4096}, Case{"large", 8'000'000, SIZE_MAX, 65536, 0}}) {
    SCOPED_TRACE(c.name);
    connect(connected(c.buffer));
    std::string up = pattern(c.bytes, 1), down = pattern(c.bytes, 2);
    ReadAll at_server, at_client;
    tasks.spawn(write_then_end(loop, *client, up, c.write, true));
    tasks.spawn(write_then_end(loop, *server, down, c.write, true));
    tasks.spawn(read_into(loop, *server, SIZE_MAX, c.read, at_server));
    tasks.spawn(read_into(loop, *client, SIZE_MAX, c.read, at_client));
    ASSERT_TRUE(finish());
    EXPECT_TRUE(at_server.bytes == up) << at_server.bytes.size();
    EXPECT_TRUE(at_client.bytes == down) << at_client.bytes.size();
    EXPECT_EQ(at_server.end, IoStatus::kEof);
    EXPECT_EQ(at_client.end, IoStatus::kEof);
  }
}

TEST_F(Tls, AWriterMayComeFirstOnTheServersSide) {
  auto pair = connected();
  server = std::make_unique<TlsStream>(poller, std::move(pair.a), StreamOptions{}, *server_context);
  client = std::make_unique<TlsStream>(poller, std::move(pair.b), StreamOptions{}, *client_context, "localhost", 443);
  std::string text = pattern(100'000);
  ReadAll got;
  Expected<void> shaken = fail(ErrorCode::kInternal, Fault::kUs, "");
  Cancellation cancel;
  tasks.spawn(write_then_end(loop, *server, text, SIZE_MAX, true));
  tasks.spawn(shake(loop, *client, cancel, shaken));
  ASSERT_TRUE(run_until([&] { return shaken.has_value(); }));
  tasks.spawn(read_into(loop, *client, SIZE_MAX, 4096, got));
  ASSERT_TRUE(finish());
  EXPECT_TRUE(got.bytes == text);
}

// Carries bytes between two sockets one at a time.
Task<void> trickle(runtime::Loop& loop, ByteStream& from, ByteStream& to) {
  for (;;) {
    ReadAll one = co_await read_all(loop, from, 1, 1);
    if (one.bytes.empty()) break;
    std::string byte = std::move(one.bytes);
    if (!co_await write_all(loop, to, std::move(byte))) break;
  }
  to.shut_write();
}

TEST_F(Tls, EveryRecordMayArriveAByteAtATime) {
  auto left = connected(), right = connected();
  server = std::make_unique<TlsStream>(poller, std::move(left.a), StreamOptions{}, *server_context);
  client = std::make_unique<TlsStream>(poller, std::move(right.a), StreamOptions{}, *client_context, "localhost", 443);
  SocketStream near(poller, std::move(left.b), {}), far(poller, std::move(right.b), {});
  tasks.spawn(trickle(loop, near, far));
  tasks.spawn(trickle(loop, far, near));
  Expected<void> shaken;
  Cancellation cancel;
  ReadAll at_server, at_client;
  tasks.spawn(read_into(loop, *server, 2000, 64, at_server));
  tasks.spawn(shake(loop, *client, cancel, shaken));
  ASSERT_TRUE(run_until([&] { return tasks.size() == 3; }));
  ASSERT_TRUE(shaken) << shaken.error().detail;
  std::string up = pattern(2000, 3), down = pattern(2000, 4);
  tasks.spawn(write_then_end(loop, *client, up, 100, false));
  tasks.spawn(write_then_end(loop, *server, down, 100, false));
  tasks.spawn(read_into(loop, *client, 2000, 64, at_client));
  ASSERT_TRUE(run_until([&] { return tasks.size() == 2; }));
  EXPECT_TRUE(at_server.bytes == up);
  EXPECT_TRUE(at_client.bytes == down);
  server->close(false);
  client->close(false);
  ASSERT_TRUE(finish());
}

TEST_F(Tls, SeveralPartsBecomeOneRecord) {
  connect(connected());
  std::string head = "head ", body = "body ", tail = "tail";
  iovec parts[] = {{head.data(), head.size()}, {nullptr, 0}, {body.data(), body.size()}, {tail.data(), tail.size()}};
  auto put = server->try_write(parts);
  EXPECT_EQ(put.bytes, 14u);
  ASSERT_TRUE(run_until([&] { return client->can_read(); }));
  char buffer[64];
  auto got = client->try_read(buffer);
  EXPECT_EQ(std::string_view(buffer, got.bytes), "head body tail");
  EXPECT_FALSE(client->can_read());
}

TEST_F(Tls, BytesOpenSslHoldsKeepTheStreamReadable) {
  connect(connected());
  std::string text = pattern(10'000);
  tasks.spawn(write_then_end(loop, *server, text, SIZE_MAX, false));
  ASSERT_TRUE(finish());
  ASSERT_TRUE(run_until([&] { return client->can_read(); }));
  std::string got;
  char buffer[100];
  while (got.size() < text.size()) {
    ASSERT_TRUE(client->can_read()) << "with " << text.size() - got.size() << " bytes to come and no edge left to tell";
    auto n = client->try_read(buffer);
    ASSERT_EQ(n.status, IoStatus::kOk);
    got.append(buffer, n.bytes);
  }
  EXPECT_TRUE(got == text);
  EXPECT_FALSE(client->can_read());
}

TEST_F(Tls, AnEndWithoutCloseNotifyIsAReset) {
  for (bool farewell : {true, false}) {
    SCOPED_TRACE(farewell);
    auto pair = connected();
    int raw = pair.a.get();
    connect(std::move(pair));
    tasks.spawn(write_then_end(loop, *server, "last words", SIZE_MAX, false));
    ASSERT_TRUE(finish());
    if (farewell) {
      server->close(false);
    } else {
      ::shutdown(raw, SHUT_WR);  // as when a connection is cut behind TLS's back
    }
    ReadAll got;
    tasks.spawn(read_into(loop, *client, SIZE_MAX, 64, got));
    ASSERT_TRUE(finish());
    EXPECT_EQ(got.bytes, "last words");
    EXPECT_EQ(got.end, farewell ? IoStatus::kEof : IoStatus::kReset);
    EXPECT_TRUE(client->gone());
  }
}

TEST_F(Tls, AfterCloseNotifyTheOtherDirectionGoesOn) {
  connect(connected());
  client->shut_write();
  ReadAll at_server, at_client;
  tasks.spawn(read_into(loop, *server, SIZE_MAX, 64, at_server));
  ASSERT_TRUE(finish());
  EXPECT_EQ(at_server.end, IoStatus::kEof);
  tasks.spawn(write_then_end(loop, *server, "still here", SIZE_MAX, true));
  tasks.spawn(read_into(loop, *client, SIZE_MAX, 64, at_client));
  ASSERT_TRUE(finish());
  EXPECT_EQ(at_client.bytes, "still here");
  EXPECT_EQ(at_client.end, IoStatus::kEof);
}

TEST_F(Tls, GarbageInsteadOfAHandshakeIsAReset) {
  auto pair = connected();
  server = std::make_unique<TlsStream>(poller, std::move(pair.a), StreamOptions{}, *server_context);
  std::string_view plain = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  ASSERT_EQ(::send(pair.b.get(), plain.data(), plain.size(), 0), static_cast<ssize_t>(plain.size()));
  ReadAll got;
  tasks.spawn(read_into(loop, *server, SIZE_MAX, 64, got));
  ASSERT_TRUE(finish());
  EXPECT_EQ(got.end, IoStatus::kReset);
  char byte = 'x';
  iovec part{&byte, 1};
  EXPECT_EQ(server->try_write({&part, 1}).status, IoStatus::kReset);
}

TEST_F(Tls, ASecondConnectionResumesTheSession) {
  connect(connected());
  EXPECT_FALSE(client->resumed());
  // TLS 1.3 tickets come with the first read.
  tasks.spawn(write_then_end(loop, *server, "x", 1, false));
  ReadAll got;
  tasks.spawn(read_into(loop, *client, 1, 1, got));
  ASSERT_TRUE(finish());
  client->close(true);
  connect(connected());
  EXPECT_TRUE(client->resumed());
  EXPECT_TRUE(server->resumed());
  // Tickets of a server that forgot its keys do no harm.
  ASSERT_TRUE(server_context->reload());
  connect(connected());
  EXPECT_FALSE(client->resumed());
}

TEST_F(Tls, ACertificateIsRefusedForItsReason) {
  struct Case {
    const char* name;
    LeafOptions leaf;
    std::string host;
    bool trusted;
    const char* want;
  };
  TestAuthority other;
  auto stranger = TlsClientContext::make({other.file()});
  ASSERT_TRUE(stranger);
  for (const Case& c :
       {Case{"another name", {}, "api.example.com", true, "is not for api.example.com"},
        Case{"another address", {}, "127.0.0.2", true, "is not for 127.0.0.2"},
        Case{"expired", {.starts_in_s = -7200, .ends_in_s = -3600}, "localhost", true, "has expired"},
        Case{"too early", {.starts_in_s = 3600, .ends_in_s = 7200}, "localhost", true, "is not valid yet"},
        Case{"unknown issuer", {}, "localhost", false, "an issuer that is not trusted"},
        Case{"a part of a label", {.names = "DNS:f*.example.com"}, "foo.example.com", true, "is not for"}}) {
    SCOPED_TRACE(c.name);
    Error error = refused(c.leaf, c.host, c.trusted ? *client_context : **stranger);
    EXPECT_EQ(error.code, ErrorCode::kTls);
    EXPECT_NE(error.detail.find(c.want), std::string::npos) << error.detail;
  }
}

TEST_F(Tls, NamesAndAddressesOfTheCertificateAreAccepted) {
  auto leaf = authority.leaf({.names = "DNS:*.example.com,IP:10.1.2.3,IP:2001:db8::1"});
  auto made = TlsServerContext::make({leaf.cert_file, leaf.key_file});
  ASSERT_TRUE(made);
  server_context = std::move(*made);
  for (const char* host : {"api.example.com", "API.example.com", "api.example.com.", "10.1.2.3", "2001:db8::1"}) {
    SCOPED_TRACE(host);
    auto pair = connected();
    TlsStream theirs(poller, std::move(pair.a), {}, *server_context);
    TlsStream ours(poller, std::move(pair.b), {}, *client_context, host, 443);
    Expected<void> shaken = fail(ErrorCode::kInternal, Fault::kUs, "");
    ReadAll seen;
    Cancellation cancel;
    tasks.spawn(read_into(loop, theirs, 1, 1, seen));
    tasks.spawn(shake(loop, ours, cancel, shaken));
    ASSERT_TRUE(run_until([&] { return tasks.size() == 1; }));
    EXPECT_TRUE(shaken) << shaken.error().detail;
    ours.close(false);
    ASSERT_TRUE(finish());
  }
}

TEST_F(Tls, ASilentServerEndsTheHandshakeByTimeAndCancellation) {
  auto pair = connected();
  TlsStream ours(poller, std::move(pair.a), {}, *client_context, "localhost", 443);
  Cancellation cancel;
  Expected<void> shaken;
  tasks.spawn(shake(loop, ours, cancel, shaken));
  ASSERT_EQ(tasks.size(), 1u);
  cancel.cancel(runtime::CancelReason::kClientGone);
  ASSERT_TRUE(finish());
  ASSERT_FALSE(shaken);
  EXPECT_EQ(shaken.error().code, ErrorCode::kCancelled);

  Cancellation calm;
  TlsStream again(poller, std::move(pair.b), {}, *client_context, "localhost", 443);
  auto due = [](runtime::Loop& on, TlsStream& stream, Cancellation& c, Expected<void>& out) -> Task<void> {
    out = co_await stream.handshake(on, c, on.now());
  };
  tasks.spawn(due(loop, again, calm, shaken));
  ASSERT_TRUE(finish());
  ASSERT_FALSE(shaken);
  EXPECT_EQ(shaken.error().code, ErrorCode::kConnectTimeout);
}

TEST_F(Tls, OldVersionsAndWeakSuitesAreRefused) {
  struct Case {
    const char* name;
    int version;
    const char* suites;
    bool ok;
  };
  for (const Case& c : {Case{"TLS 1.1", TLS1_1_VERSION, "ALL:@SECLEVEL=0", false},
                        Case{"TLS 1.2", TLS1_2_VERSION, "ECDHE+AESGCM", true},
                        Case{"CBC", TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA", false}}) {
    SCOPED_TRACE(c.name);
    SslContextPtr context(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_min_proto_version(context.get(), c.version);
    SSL_CTX_set_max_proto_version(context.get(), c.version);
    ASSERT_EQ(SSL_CTX_set_cipher_list(context.get(), c.suites), 1);
    SslPtr raw(SSL_new(context.get()));
    auto pair = connected();
    SSL_set_fd(raw.get(), pair.b.get());
    SSL_set_connect_state(raw.get());
    TlsStream theirs(poller, std::move(pair.a), {}, *server_context);
    ReadAll seen;
    tasks.spawn(read_into(loop, theirs, 1, 1, seen));
    bool done = false, failed = false;
    ASSERT_TRUE(run_until([&] {
      ERR_clear_error();
      int result = SSL_do_handshake(raw.get());
      if (result == 1) return done = true;
      failed = SSL_get_error(raw.get(), result) != SSL_ERROR_WANT_READ;
      poller.interrupt();
      return failed;
    }));
    EXPECT_EQ(done, c.ok);
    ERR_clear_error();
    pair.b.reset();
    ASSERT_TRUE(finish());
  }
}

TEST_F(Tls, AlpnThatSharesNothingIsRefused) {
  auto other = TlsClientContext::make({authority.file(), {"h2"}});
  ASSERT_TRUE(other);
  Error error = refused({}, "localhost", **other);
  EXPECT_EQ(error.code, ErrorCode::kTls);
  auto none = TlsClientContext::make({authority.file(), {}});
  ASSERT_TRUE(none);
  client_context = std::move(*none);
  connect(connected());
  EXPECT_EQ(client->protocol(), "");
}

TEST_F(Tls, FilesThatDoNotFitAreNamed) {
  auto one = authority.leaf(), two = authority.leaf();
  struct Case {
    std::string cert, key, want;
  };
  for (const Case& c :
       {Case{"/nowhere.pem", one.key_file, "/nowhere.pem"}, Case{one.cert_file, "/nowhere.key", "/nowhere.key"},
        Case{one.cert_file, two.key_file, two.key_file}, Case{one.key_file, one.key_file, one.key_file}}) {
    auto made = TlsServerContext::make({c.cert, c.key});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, ErrorCode::kConfig);
    EXPECT_NE(made.error().detail.find(c.want), std::string::npos) << made.error().detail;
  }
  EXPECT_FALSE(TlsClientContext::make({one.key_file}));
}

}  // namespace
}  // namespace baton::net
