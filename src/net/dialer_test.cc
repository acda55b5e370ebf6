#include "net/dialer.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/socket.h>

#include <map>
#include <stdexcept>

#include "net/connect_race.h"
#include "net/net_fixture.h"
#include "net/proxy_tunnel.h"
#include "net/test_certificates.h"
#include "net/tls_context.h"

namespace baton::net {
namespace {

using runtime::ByteStream;
using runtime::Cancellation;
using runtime::IoStatus;
using runtime::Loop;
using runtime::Task;
using Stream = std::unique_ptr<ByteStream>;

IpAddress ip(const char* text) { return *IpAddress::parse(text); }

class TableResolver final : public Resolver {
 public:
  Task<Expected<std::vector<IpAddress>>> resolve(std::string host, Cancellation&) override {
    ++asked;
    if (auto numeric = IpAddress::parse(host)) co_return std::vector<IpAddress>{*numeric};
    auto found = hosts.find(host);
    if (found == hosts.end()) co_return fail(ErrorCode::kConnect, Fault::kUpstream, "no such host");
    co_return found->second;
  }
  std::map<std::string, std::vector<IpAddress>> hosts;
  int asked = 0;
};

// A port that is taken, so that nobody else can have it; connecting to it is refused. No descriptor when it was not
// free.
Fd closed_port(const char* address, uint16_t port) {
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  SocketAddress at = socket_address(ip(address), port);
  if (::bind(fd.get(), at.get(), at.length) != 0) fd.reset();
  return fd;
}

uint16_t bound_port(const Fd& fd) {
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  getsockname(fd.get(), reinterpret_cast<sockaddr*>(&bound), &length);
  return port_of(bound);
}

// Turns a closed port into one that takes no more connections: the backlog is full, and further SYNs are dropped.
std::vector<Fd> make_silent(const Fd& fd, const char* address) {
  EXPECT_EQ(::listen(fd.get(), 0), 0);
  SocketAddress at = socket_address(ip(address), bound_port(fd));
  std::vector<Fd> fillers;
  for (int i = 0; i < 3; ++i) {
    Fd filler(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    ::connect(filler.get(), at.get(), at.length);
    fillers.push_back(std::move(filler));
  }
  return fillers;
}

size_t open_descriptors() {
  size_t count = 0;
  DIR* directory = opendir("/proc/self/fd");
  while (readdir(directory) != nullptr) ++count;
  closedir(directory);
  return count;
}

struct Dialled {
  Stream stream;
  Error error;
  std::string read;
};

Task<void> dial_into(runtime::Dialer& dialer, Cancellation& cancel, Dialled& out) {
  auto got = co_await dialer.dial(cancel);
  if (got) {
    out.stream = std::move(*got);
  } else {
    out.error = got.error();
  }
}

// Accepts one connection and says `greeting` on it, then waits for its end.
Task<void> greet(Loop& loop, TcpListener& listener, std::string greeting) {
  Stream stream = co_await listener.accept();
  if (!stream) co_return;
  // A TLS server learns of its client by reading.
  if (!co_await write_all(loop, *stream, std::move(greeting))) co_return;
  co_await read_all(loop, *stream);
}

Task<void> hear(Loop& loop, ByteStream& stream, size_t bytes, std::string& out) {
  ReadAll got = co_await read_all(loop, stream, bytes);
  out = std::move(got.bytes);
}

class DialerTest : public NetFixture {
 protected:
  void SetUp() override { descriptors_ = open_descriptors(); }
  // Whatever happened, no socket is left once the test's own are gone.
  void expect_no_leak() { EXPECT_EQ(open_descriptors(), descriptors_); }

  // A listener on 127.0.0.2 whose port is ours, but closed, on 127.0.0.1. Other processes take ports as well, hence the
  // tries.
  struct Neighbours {
    std::unique_ptr<TcpListener> listener;
    Fd closed;
  };
  Neighbours neighbours() {
    for (int i = 0; i < 100; ++i) {
      auto listener = listen({.address = "127.0.0.2"});
      Fd closed = closed_port("127.0.0.1", listener->port());
      if (closed) return {std::move(listener), std::move(closed)};
    }
    ADD_FAILURE() << "no port is free on both addresses";
    return {};
  }

  DialOptions to(std::string host, uint16_t port) { return {.target = {std::move(host), port}, .allow_private = true}; }
  Dialled dial(DialOptions options) {
    auto dialer = make_tcp_dialer(loop, poller, resolver, std::move(options));
    return dial(*dialer);
  }
  Dialled dial(runtime::Dialer& dialer) {
    Dialled out;
    Cancellation calm;
    tasks.spawn(dial_into(dialer, calm, out));
    size_t others = tasks.size() - 1;
    EXPECT_TRUE(run_until([&] { return out.stream || !out.error.detail.empty() || tasks.size() < others; }));
    return out;
  }

  TableResolver resolver;
  size_t descriptors_ = 0;
};

TEST_F(DialerTest, ConnectsAndCarriesBytes) {
  {
    auto listener = listen();
    resolver.hosts["api.test"] = {ip("127.0.0.1")};
    tasks.spawn(greet(loop, *listener, "hello"));
    Dialled got = dial(to("api.test", listener->port()));
    ASSERT_TRUE(got.stream) << got.error.detail;
    EXPECT_EQ(got.stream->peer_address(), "127.0.0.1");
    std::string heard;
    tasks.spawn(hear(loop, *got.stream, 5, heard));
    ASSERT_TRUE(run_until([&] { return !heard.empty(); }));
    EXPECT_EQ(heard, "hello");
    got.stream.reset();
    ASSERT_TRUE(finish());
  }
  expect_no_leak();
}

Task<void> race_into(Loop& loop, EpollPoller& poller, AddressHealth& health, RaceOptions options,
                     Expected<Connected>& out) {
  Cancellation calm;
  out = co_await connect_race(loop, poller, health, std::move(options), calm);
}

TEST_F(DialerTest, AClosedPortLeadsToTheNextAddressAtOnceAndIsRememberedAsDead) {
  {
    auto [listener, closed] = neighbours();
    AddressHealth health;
    Expected<Connected> got;
    tasks.spawn(race_into(loop, poller, health,
                          {.addresses = {ip("127.0.0.1"), ip("127.0.0.2")},
                           .port = listener->port(),
                           .connect_timeout = std::chrono::hours(1),
                           .stagger = std::chrono::hours(1)},
                          got));
    ASSERT_TRUE(finish());
    ASSERT_TRUE(got);
    EXPECT_EQ(got->address, ip("127.0.0.2"));
    EXPECT_TRUE(health.dead(ip("127.0.0.1"), loop.now()));
    EXPECT_FALSE(health.dead(ip("127.0.0.2"), loop.now()));
    Dialled none = dial(to("127.0.0.1", listener->port()));
    EXPECT_EQ(none.error.code, ErrorCode::kConnect);
    EXPECT_NE(none.error.detail.find("127.0.0.1: Connection refused"), std::string::npos) << none.error.detail;
  }
  expect_no_leak();
}

TEST_F(DialerTest, ASilentAddressIsOvertakenAndTriedLastTheNextTime) {
  {
    auto [listener, silent] = neighbours();
    std::vector<Fd> fillers = make_silent(silent, "127.0.0.1");
    AddressHealth health;
    std::vector<IpAddress> addresses{ip("127.0.0.1"), ip("127.0.0.2")};
    Expected<Connected> got;
    tasks.spawn(race_into(loop, poller, health,
                          {.addresses = health.order(addresses, loop.now()),
                           .port = listener->port(),
                           .connect_timeout = std::chrono::hours(1),
                           .stagger = std::chrono::milliseconds(5)},
                          got));
    ASSERT_TRUE(finish());
    ASSERT_TRUE(got);
    EXPECT_EQ(got->address, ip("127.0.0.2"));
    EXPECT_EQ(health.order(addresses, loop.now()).back(), ip("127.0.0.1"));
  }
  expect_no_leak();
}

TEST_F(DialerTest, OnlySomeOfManyAddressesAreTried) {
  AddressHealth health;
  Expected<Connected> got;
  Fd closed = closed_port("0.0.0.0", 0);
  std::vector<IpAddress> addresses;
  for (uint8_t i = 1; i <= 20; ++i) addresses.push_back(IpAddress::v4({127, 0, 0, i}));
  tasks.spawn(race_into(loop, poller, health,
                        {.addresses = addresses,
                         .port = bound_port(closed),
                         .connect_timeout = std::chrono::hours(1),
                         .stagger = std::chrono::hours(1)},
                        got));
  ASSERT_TRUE(finish());
  EXPECT_FALSE(got);
  EXPECT_TRUE(health.dead(addresses[7], loop.now()));
  EXPECT_FALSE(health.dead(addresses[8], loop.now()));
}

TEST_F(DialerTest, SilenceOfEveryAddressIsATimeout) {
  {
    // One socket stands for both addresses.
    Fd silent = closed_port("0.0.0.0", 0);
    std::vector<Fd> fillers = make_silent(silent, "127.0.0.3");
    resolver.hosts["api.test"] = {ip("127.0.0.3"), ip("127.0.0.4")};
    DialOptions options = to("api.test", bound_port(silent));
    options.connect_timeout = std::chrono::milliseconds(20);
    options.address_stagger = std::chrono::milliseconds(1);
    Dialled got = dial(options);
    EXPECT_EQ(got.error.code, ErrorCode::kConnectTimeout);
    EXPECT_NE(got.error.detail.find("127.0.0.4: no answer"), std::string::npos) << got.error.detail;
  }
  expect_no_leak();
}

TEST_F(DialerTest, CancellingEndsEveryStep) {
  {
    auto [listener, silent] = neighbours();
    std::vector<Fd> fillers = make_silent(silent, "127.0.0.1");
    auto tls = TlsClientContext::make();
    ASSERT_TRUE(tls);
    DialOptions silent_target = to("127.0.0.1", listener->port());
    DialOptions silent_tls = to("127.0.0.2", listener->port());
    silent_tls.tls = tls->get();
    DialOptions silent_proxy = to("api.test", 80);
    silent_proxy.proxy_url = "socks5://127.0.0.2:" + std::to_string(listener->port());
    for (const DialOptions& options : {silent_target, silent_tls, silent_proxy}) {
      auto dialer = make_tcp_dialer(loop, poller, resolver, options);
      Dialled got;
      Cancellation cancel;
      tasks.spawn(dial_into(*dialer, cancel, got));
      uint64_t turns = loop.turns();
      loop.post([] {});
      ASSERT_TRUE(run_until([&] {
        poller.interrupt();
        return loop.turns() >= turns + 5;
      }));
      ASSERT_EQ(tasks.size(), 1u);
      cancel.cancel(runtime::CancelReason::kClientGone);
      ASSERT_TRUE(finish());
      EXPECT_EQ(got.error.code, ErrorCode::kCancelled);
    }
    auto dialer = make_tcp_dialer(loop, poller, resolver, silent_target);
    Dialled got;
    Cancellation already;
    already.cancel(runtime::CancelReason::kDeadline);
    tasks.spawn(dial_into(*dialer, already, got));
    ASSERT_TRUE(finish());
    EXPECT_EQ(got.error.code, ErrorCode::kCancelled);
  }
  expect_no_leak();
}

TEST_F(DialerTest, PrivateAddressesAreOnlyForThoseWhoAllowThem) {
  auto listener = listen();
  resolver.hosts["rebound.test"] = {ip("127.0.0.1"), ip("10.0.0.1")};
  for (const char* host : {"127.0.0.1", "rebound.test", "::ffff:127.0.0.1"}) {
    SCOPED_TRACE(host);
    DialOptions options = to(host, listener->port());
    options.allow_private = false;
    Dialled got = dial(options);
    EXPECT_EQ(got.error.code, ErrorCode::kConnect);
    EXPECT_NE(got.error.detail.find("127.0.0.1, which is private or local"), std::string::npos) << got.error.detail;
  }
}

TEST_F(DialerTest, AnUnknownHostIsNamed) {
  Dialled got = dial(to("nowhere.test", 443));
  EXPECT_EQ(got.error.code, ErrorCode::kConnect);
  EXPECT_EQ(got.error.detail, "nowhere.test:443: no such host");
}

class TlsDialerTest : public DialerTest {
 protected:
  void SetUp() override {
    auto leaf = authority.leaf({.names = "DNS:api.test"});
    server = std::move(*TlsServerContext::make({leaf.cert_file, leaf.key_file}));
    client = std::move(*TlsClientContext::make({authority.file()}));
    resolver.hosts["api.test"] = resolver.hosts["other.test"] = {ip("127.0.0.1")};
    DialerTest::SetUp();
  }
  TestAuthority authority;
  std::unique_ptr<TlsServerContext> server;
  std::unique_ptr<TlsClientContext> client;
};

TEST_F(TlsDialerTest, TheHandshakeIsDoneWhenTheStreamIsGiven) {
  {
    auto listener = listen({.address = "127.0.0.1", .tls = server.get()});
    tasks.spawn(greet(loop, *listener, "hello"));
    DialOptions options = to("api.test", listener->port());
    options.tls = client.get();
    Dialled got = dial(options);
    ASSERT_TRUE(got.stream) << got.error.detail;
    std::string heard;
    tasks.spawn(hear(loop, *got.stream, 5, heard));
    ASSERT_TRUE(run_until([&] { return !heard.empty(); }));
    EXPECT_EQ(heard, "hello");
    got.stream.reset();
    ASSERT_TRUE(finish());
  }
  expect_no_leak();
}

TEST_F(TlsDialerTest, AWrongNameIsRefusedBeforeAnythingIsSent) {
  {
    auto listener = listen({.address = "127.0.0.1", .tls = server.get()});
    tasks.spawn(greet(loop, *listener, "hello"));
    DialOptions options = to("other.test", listener->port());
    options.tls = client.get();
    Dialled got = dial(options);
    EXPECT_EQ(got.error.code, ErrorCode::kTls);
    EXPECT_NE(got.error.detail.find("the certificate is not for other.test"), std::string::npos) << got.error.detail;
    ASSERT_TRUE(finish());
  }
  expect_no_leak();
}

TEST_F(TlsDialerTest, APlainServerAndASilentOneAreTold) {
  {
    auto plain = listen();
    tasks.spawn(greet(loop, *plain, "SSH-2.0-OpenSSH\r\n"));
    DialOptions options = to("api.test", plain->port());
    options.tls = client.get();
    Dialled got = dial(options);
    EXPECT_EQ(got.error.code, ErrorCode::kTls);
    EXPECT_NE(got.error.detail.find("wrong version number"), std::string::npos) << got.error.detail;
    ASSERT_TRUE(finish());
    options.tls_handshake_timeout = std::chrono::milliseconds(10);
    Dialled silent = dial(options);  // nobody accepts: the kernel does, and nothing is said
    EXPECT_EQ(silent.error.code, ErrorCode::kConnectTimeout);
  }
  expect_no_leak();
}

TEST_F(TlsDialerTest, TlsWithoutAContextIsAMistakeSaidAtOnce) {
  DialOptions options = to("api.test", 443);
  options.target.tls = true;
  EXPECT_THROW(dial(options), std::invalid_argument);
  options.tls = client.get();
  options.proxy_url = "ftp://x";
  EXPECT_THROW(dial(options), std::invalid_argument);
}

// A proxy as a script: what it must hear and what it says then; afterwards it greets as the target would.
struct Line {
  std::string hears;
  std::string says;
};
Task<void> scripted_proxy(Loop& loop, TcpListener& listener, std::vector<Line> script, std::string greeting,
                          bool& heard_all) {
  Stream stream = co_await listener.accept();
  if (!stream) co_return;
  for (Line& line : script) {
    ReadAll got = co_await read_all(loop, *stream, line.hears.size());
    EXPECT_EQ(got.bytes, line.hears);
    if (got.bytes != line.hears) co_return;
    std::string says = line.says;
    if (!co_await write_all(loop, *stream, std::move(says), 1)) co_return;
  }
  heard_all = true;
  if (!greeting.empty()) {
    ReadAll ready = co_await read_all(loop, *stream, 1);
    EXPECT_EQ(ready.bytes, "?");
    if (!co_await write_all(loop, *stream, std::move(greeting))) co_return;
  }
  co_await read_all(loop, *stream);
}

std::string bytes(std::initializer_list<int> values) {
  std::string out;
  for (int value : values) out += static_cast<char>(value);
  return out;
}

const std::string kSocksOk = bytes({5, 0, 0, 1, 10, 0, 0, 1, 4, 56});

class ProxyDialerTest : public TlsDialerTest {};

TEST_F(ProxyDialerTest, SpeaksWhatTheProxyExpects) {
  struct Case {
    const char* name;
    const char* scheme;
    const char* user;
    runtime::DialTarget target;
    std::vector<Line> script;
  };
  const std::string ask_name = bytes({5, 1, 0, 3, 8}) + "api.test" + bytes({1, 187});
  for (const Case& c :
       {Case{"CONNECT",
             "http",
             "",
             {"api.test", 443},
             {{"CONNECT api.test:443 HTTP/1.1\r\nHost: api.test:443\r\n\r\n",
               "HTTP/1.1 200 Connection established\r\n\r\n"}}},
        Case{"CONNECT with credentials and fields",
             "http",
             "us%40er:pass@",
             {"2001:db8::1", 8443},
             {{"CONNECT [2001:db8::1]:8443 HTTP/1.1\r\nHost: [2001:db8::1]:8443\r\nProxy-Authorization: Basic "
               "dXNAZXI6cGFzcw==\r\n\r\n",
               "HTTP/1.0 200 OK\r\nVia: x\r\n\r\n"}}},
        Case{"SOCKS5 by name",
             "socks5",
             "",
             {"api.test", 443},
             {{bytes({5, 1, 0}), bytes({5, 0})}, {ask_name, kSocksOk}}},
        Case{"SOCKS5 answers with a name",
             "socks5h",
             "",
             {"api.test", 443},
             {{bytes({5, 1, 0}), bytes({5, 0})}, {ask_name, bytes({5, 0, 0, 3, 2, 'a', 'b', 0, 80})}}},
        Case{"SOCKS5 to an address",
             "socks5",
             "",
             {"192.0.2.1", 80},
             {{bytes({5, 1, 0}), bytes({5, 0})}, {bytes({5, 1, 0, 1, 192, 0, 2, 1, 0, 80}), kSocksOk}}},
        Case{"SOCKS5 with a password",
             "socks5",
             "me:secret@",
             {"api.test", 443},
             {{bytes({5, 2, 0, 2}), bytes({5, 2})},
              {bytes({1, 2}) + "me" + bytes({6}) + "secret", bytes({1, 0})},
              {ask_name, kSocksOk}}},
        Case{"SOCKS5 that wants none of the password",
             "socks5",
             "me:secret@",
             {"api.test", 443},
             {{bytes({5, 2, 0, 2}), bytes({5, 0})}, {ask_name, kSocksOk}}}}) {
    SCOPED_TRACE(c.name);
    auto proxy = listen();
    bool heard_all = false;
    tasks.spawn(scripted_proxy(loop, *proxy, c.script, "hello", heard_all));
    int asked = resolver.asked;
    DialOptions options{.target = c.target};
    options.proxy_url = std::string(c.scheme) + "://" + c.user + "127.0.0.1:" + std::to_string(proxy->port());
    Dialled got = dial(options);
    ASSERT_TRUE(got.stream) << got.error.detail;
    EXPECT_TRUE(heard_all);
    EXPECT_EQ(resolver.asked, asked + 1) << "only the proxy's own host is resolved";
    std::string heard;
    tasks.spawn(hear(loop, *got.stream, 5, heard));
    char ready = '?';
    iovec part{&ready, 1};
    EXPECT_EQ(got.stream->try_write({&part, 1}).bytes, 1u);
    ASSERT_TRUE(run_until([&] { return !heard.empty(); }));
    EXPECT_EQ(heard, "hello");
    got.stream.reset();
    ASSERT_TRUE(finish());
  }
  expect_no_leak();
}

TEST_F(ProxyDialerTest, SaysWhyTheProxyWasNoUse) {
  struct Case {
    const char* name;
    const char* url;
    std::vector<Line> script;
    const char* want;
  };
  const std::string connect = "CONNECT api.test:443 HTTP/1.1\r\nHost: api.test:443\r\n\r\n";
  const std::string ask_name = bytes({5, 1, 0, 3, 8}) + "api.test" + bytes({1, 187});
  for (const Case& c :
       {Case{"407", "http://", {{connect, "HTTP/1.1 407 Nope\r\n\r\n"}}, "407, it wants other credentials"},
        Case{"502", "http://", {{connect, "HTTP/1.1 502 Bad Gateway\r\n\r\n"}}, "answered with 502 Bad Gateway"},
        Case{"not HTTP", "http://", {{connect, "220 smtp ready, dear\r\n\r\n"}}, "not an HTTP reply"},
        Case{"no login", "socks5://", {{bytes({5, 1, 0}), bytes({5, 255})}}, "none of our ways"},
        Case{"login not offered", "socks5://", {{bytes({5, 1, 0}), bytes({5, 2})}}, "none of our ways"},
        Case{"SOCKS4", "socks5://", {{bytes({5, 1, 0}), bytes({0, 91})}}, "not a SOCKS5 reply"},
        Case{"refused login",
             "socks5://a:b@",
             {{bytes({5, 2, 0, 2}), bytes({5, 2})}, {bytes({1, 1, 'a', 1, 'b'}), bytes({1, 1})}},
             "user or password is refused"},
        Case{"refused target",
             "socks5://",
             {{bytes({5, 1, 0}), bytes({5, 0})}, {ask_name, bytes({5, 2, 0, 1, 0, 0, 0, 0, 0, 0})}},
             "not allowed by its rules"}}) {
    SCOPED_TRACE(c.name);
    auto proxy = listen();
    bool heard_all = false;
    tasks.spawn(scripted_proxy(loop, *proxy, c.script, "", heard_all));
    DialOptions options{.target = {"api.test", 443}};
    options.proxy_url = std::string(c.url) + "127.0.0.1:" + std::to_string(proxy->port());
    Dialled got = dial(options);
    EXPECT_EQ(got.error.code, ErrorCode::kConnect);
    EXPECT_NE(got.error.detail.find(c.want), std::string::npos) << got.error.detail;
    ASSERT_TRUE(finish());
  }
  expect_no_leak();
}

TEST_F(ProxyDialerTest, ADeadOrSilentProxyEndsInItsTime) {
  {
    auto proxy = listen();
    DialOptions options{.target = {"api.test", 443}};
    options.proxy_url = "http://127.0.0.1:" + std::to_string(proxy->port());
    options.proxy_timeout = std::chrono::milliseconds(10);
    Dialled silent = dial(options);
    EXPECT_EQ(silent.error.code, ErrorCode::kConnectTimeout);
    Fd closed = closed_port("127.0.0.1", 0);
    options.proxy_url = "http://127.0.0.1:" + std::to_string(bound_port(closed));
    Dialled dead = dial(options);
    EXPECT_EQ(dead.error.code, ErrorCode::kConnect);
  }
  expect_no_leak();
}

// Joins two streams until either ends.
Task<void> one_way(Loop& loop, ByteStream& from, ByteStream& to) {
  for (;;) {
    co_await runtime::wait(loop, {.read = &from});
    std::string buffer(4096, '\0');
    auto got = from.try_read({buffer.data(), buffer.size()});
    if (got.status == IoStatus::kBlocked) continue;
    if (got.status != IoStatus::kOk) break;
    buffer.resize(got.bytes);
    if (!co_await write_all(loop, to, std::move(buffer))) break;
  }
  to.shut_write();
}
Task<void> tunnelling_proxy(Loop& loop, TcpListener& listener, runtime::Dialer& onward, runtime::TaskGroup& carriers) {
  Stream near = co_await listener.accept();
  ReadAll request = co_await read_all(
      loop, *near, std::string_view("CONNECT api.test:443 HTTP/1.1\r\nHost: api.test:443\r\n\r\n").size());
  EXPECT_TRUE(request.bytes.starts_with("CONNECT api.test:443"));
  Cancellation calm;
  auto far = co_await onward.dial(calm);
  EXPECT_TRUE(far);
  if (!far || !co_await write_all(loop, *near, "HTTP/1.1 200 OK\r\n\r\n")) co_return;
  carriers.spawn(one_way(loop, *near, **far));
  carriers.spawn(one_way(loop, **far, *near));
  co_await runtime::wait(loop, {.slot = &carriers.empty});
}

TEST_F(ProxyDialerTest, TlsGoesThroughTheTunnelAndIsCheckedAgainstTheTarget) {
  {
    auto target = listen({.address = "127.0.0.1", .tls = server.get()});
    auto proxy = listen();
    auto onward = make_tcp_dialer(loop, poller, resolver, to("127.0.0.1", target->port()));
    runtime::TaskGroup carriers;
    tasks.spawn(greet(loop, *target, "hello"));
    tasks.spawn(tunnelling_proxy(loop, *proxy, *onward, carriers));
    DialOptions options{.target = {"api.test", 443, true}};
    options.tls = client.get();
    options.proxy_url = "http://127.0.0.1:" + std::to_string(proxy->port());
    Dialled got = dial(options);
    ASSERT_TRUE(got.stream) << got.error.detail;
    std::string heard;
    tasks.spawn(hear(loop, *got.stream, 5, heard));
    ASSERT_TRUE(run_until([&] { return !heard.empty(); }));
    EXPECT_EQ(heard, "hello");
    got.stream.reset();
    ASSERT_TRUE(finish());
  }
  expect_no_leak();
}

TEST(AddressHealth, LivingAddressesComeFirstAndFamiliesAlternate) {
  constexpr Instant kStart{1'000'000'000'000};
  auto a4 = ip("192.0.2.1"), b4 = ip("192.0.2.2"), c4 = ip("192.0.2.3"), a6 = ip("2001:db8::1"), b6 = ip("2001:db8::2");
  AddressHealth health;
  using List = std::vector<IpAddress>;
  EXPECT_EQ(health.order({}, kStart), List());
  EXPECT_EQ(health.order({a6, b6, a4, b4, c4}, kStart), (List{a6, a4, b6, b4, c4}));
  EXPECT_EQ(health.order({a4, b4, a6}, kStart), (List{a4, a6, b4}));
  health.mark_dead(a6, kStart);
  EXPECT_EQ(health.order({a6, b6, a4, b4}, kStart + std::chrono::seconds(59)), (List{b6, a4, b4, a6}));
  EXPECT_EQ(health.order({a6, b6, a4, b4}, kStart + std::chrono::seconds(60)), (List{a6, a4, b6, b4}));
  health.mark_dead(a6, kStart);
  health.mark_alive(a6);
  EXPECT_FALSE(health.dead(a6, kStart));
}

TEST(AddressHealth, RemembersNoMoreThanItsBound) {
  constexpr Instant kStart{1'000'000'000'000};
  AddressHealth health;
  for (uint8_t i = 0; i < 100; ++i) health.mark_dead(IpAddress::v4({192, 0, 2, i}), kStart);
  size_t dead = 0;
  for (uint8_t i = 0; i < 100; ++i) dead += health.dead(IpAddress::v4({192, 0, 2, i}), kStart);
  EXPECT_EQ(dead, AddressHealth::kAddressesMax);
  health.mark_dead(ip("192.0.2.200"), kStart + std::chrono::seconds(61));
  EXPECT_TRUE(health.dead(ip("192.0.2.200"), kStart + std::chrono::seconds(61)))
      << "room was made by those that expired";
}

TEST(ProxyUrl, IsTakenApartAndCheckedWithoutShowingItsSecrets) {
  struct Case {
    const char* input;
    const char* want;  // kind host port user password, or nullptr
  };
  for (const Case& c : {Case{"http://proxy:3128", "http proxy 3128 - -"},
                        Case{"HTTP://proxy", "http proxy 80 - -"},
                        Case{"http://proxy/", "http proxy 80 - -"},
                        Case{"socks5://10.0.0.1", "socks5 10.0.0.1 1080 - -"},
                        Case{"socks5h://[::1]:9050", "socks5 ::1 9050 - -"},
                        Case{"http://u:p@proxy:1", "http proxy 1 u p"},
                        Case{"http://u@proxy:1", "http proxy 1 u -"},
                        Case{"http://a%3Ab:p%40ss@proxy:1", nullptr},
                        Case{"socks5://a%3Ab:p%40s:s@proxy:1", "socks5 proxy 1 a:b p@s:s"},
                        Case{"proxy:3128", nullptr},
                        Case{"https://proxy", nullptr},
                        Case{"http://", nullptr},
                        Case{"http://:80", nullptr},
                        Case{"http://proxy:0", nullptr},
                        Case{"http://proxy:65536", nullptr},
                        Case{"http://proxy:", nullptr},
                        Case{"http://proxy:8o", nullptr},
                        Case{"http://proxy/path", nullptr},
                        Case{"http://[proxy]:1", nullptr},
                        Case{"http://[::1", nullptr},
                        Case{"http://[::1]x", nullptr},
                        Case{"http://SECRET%zz:SECRET@proxy", nullptr},
                        Case{"http://:SECRET@proxy", nullptr}}) {
    SCOPED_TRACE(c.input);
    auto got = parse_proxy_url(c.input);
    ASSERT_EQ(got.has_value(), c.want != nullptr);
    if (!got) {
      EXPECT_EQ(got.error().code, ErrorCode::kConfig);
      EXPECT_EQ(got.error().detail.find("SECRET"), std::string::npos);
      continue;
    }
    auto shown = [](const Secret& secret) { return secret.empty() ? std::string("-") : std::string(secret.reveal()); };
    EXPECT_EQ((got->kind == ProxyUrl::Kind::kHttp ? "http " : "socks5 ") + got->host + " " + std::to_string(got->port) +
                  " " + shown(got->user) + " " + shown(got->password),
              c.want);
  }
}

}  // namespace
}  // namespace baton::net
