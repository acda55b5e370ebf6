#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <thread>

#include "net/net_fixture.h"
#include "net/socket_stream.h"

namespace baton::net {
namespace {

using runtime::ByteStream;
using runtime::IoStatus;
using runtime::Task;

// A raw blocking client on loopback; what it does is done by the kernel, so that it never waits for the loop.
Fd connect_to(uint16_t port) {
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  SocketAddress to = socket_address(*IpAddress::parse("127.0.0.1"), port);
  EXPECT_EQ(::connect(fd.get(), to.get(), to.length), 0);
  return fd;
}

std::unique_ptr<SocketStream> client_stream(EpollPoller& poller, uint16_t port) {
  Fd fd = connect_to(port);
  fcntl(fd.get(), F_SETFL, O_NONBLOCK);
  return std::make_unique<SocketStream>(poller, std::move(fd), StreamOptions{});
}

Task<void> accept_into(TcpListener& listener, std::unique_ptr<ByteStream>& out) { out = co_await listener.accept(); }

class Tcp : public NetFixture {
 protected:
  // One connected pair: the accepted stream, and the client's descriptor.
  void connect_pair() {
    listener = listen();
    ASSERT_TRUE(listener);
    client = connect_to(listener->port());
    tasks.spawn(accept_into(*listener, server));
    ASSERT_TRUE(finish());
    ASSERT_TRUE(server);
  }
  std::unique_ptr<TcpListener> listener;
  std::unique_ptr<ByteStream> server;
  Fd client;
};

TEST_F(Tcp, ABoundPortIsToldAndThePeerShown) {
  connect_pair();
  EXPECT_NE(listener->port(), 0);
  EXPECT_EQ(server->peer_address(), "127.0.0.1");
}

TEST_F(Tcp, ADualStackListenerShowsIpv4PeersAsIpv4) {
  auto dual = listen({.address = "::"});
  ASSERT_TRUE(dual);
  Fd fd = connect_to(dual->port());
  tasks.spawn(accept_into(*dual, server));
  ASSERT_TRUE(finish());
  EXPECT_EQ(server->peer_address(), "127.0.0.1");
}

TEST_F(Tcp, ShortReadEndsReadinessAndTheNextBytesRestoreIt) {
  connect_pair();
  EXPECT_FALSE(server->can_read());
  ASSERT_EQ(::send(client.get(), "abc", 3, 0), 3);
  ASSERT_TRUE(run_until([&] { return server->can_read(); }));
  char buffer[8];
  auto got = server->try_read(buffer);
  EXPECT_EQ(got.status, IoStatus::kOk);
  EXPECT_EQ(std::string_view(buffer, got.bytes), "abc");
  EXPECT_FALSE(server->can_read());
  EXPECT_EQ(server->try_read(buffer).status, IoStatus::kBlocked);
  ASSERT_EQ(::send(client.get(), "d", 1, 0), 1);
  ASSERT_TRUE(run_until([&] { return server->can_read(); }));
  EXPECT_EQ(server->try_read(buffer).bytes, 1u);
}

TEST_F(Tcp, AFullReadLeavesTheStreamReadable) {
  connect_pair();
  ASSERT_EQ(::send(client.get(), "abcdef", 6, 0), 6);
  ASSERT_TRUE(run_until([&] { return server->can_read(); }));
  char buffer[4];
  EXPECT_EQ(server->try_read(buffer).bytes, 4u);
  EXPECT_TRUE(server->can_read());
  EXPECT_EQ(server->try_read(buffer).bytes, 2u);
  EXPECT_FALSE(server->can_read());
}

TEST_F(Tcp, AfterTheEndWasSignalledAShortReadKeepsReadinessUntilTheEndIsRead) {
  connect_pair();
  ASSERT_EQ(::send(client.get(), "abc", 3, 0), 3);
  ::shutdown(client.get(), SHUT_WR);
  ASSERT_TRUE(run_until([&] { return server->gone(); }));
  char buffer[8];
  EXPECT_EQ(server->try_read(buffer).bytes, 3u);
  ASSERT_TRUE(server->can_read());
  EXPECT_EQ(server->try_read(buffer).status, IoStatus::kEof);
  EXPECT_TRUE(server->can_read());
  // Half-closed only: the other direction still works.
  iovec part{buffer, 3};
  EXPECT_EQ(server->try_write({&part, 1}).bytes, 3u);
  char back[8];
  EXPECT_EQ(::recv(client.get(), back, sizeof back, 0), 3);
}

TEST_F(Tcp, OurShutWriteIsAnEndForThePeerWhileReadingGoesOn) {
  connect_pair();
  server->shut_write();
  char byte;
  EXPECT_EQ(::recv(client.get(), &byte, 1, 0), 0);
  ASSERT_EQ(::send(client.get(), "x", 1, 0), 1);
  ASSERT_TRUE(run_until([&] { return server->can_read(); }));
  EXPECT_EQ(server->try_read({&byte, 1}).bytes, 1u);
}

TEST_F(Tcp, APeersResetIsToldAsReset) {
  connect_pair();
  linger now{.l_onoff = 1, .l_linger = 0};
  setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  client.reset();
  ASSERT_TRUE(run_until([&] { return server->gone(); }));
  char buffer[8];
  EXPECT_EQ(server->try_read(buffer).status, IoStatus::kReset);
  iovec part{buffer, sizeof buffer};
  EXPECT_EQ(server->try_write({&part, 1}).status, IoStatus::kReset);
}

TEST_F(Tcp, CloseWithResetIsSeenAsResetAndWithoutAsEnd) {
  for (bool reset : {true, false}) {
    connect_pair();
    server->close(reset);
    char byte;
    errno = 0;
    EXPECT_EQ(::recv(client.get(), &byte, 1, 0), reset ? -1 : 0);
    EXPECT_EQ(errno, reset ? ECONNRESET : 0);
    EXPECT_EQ(server->try_read({&byte, 1}).status, IoStatus::kReset);
  }
}

Task<void> read_one(runtime::Loop& loop, ByteStream& stream, IoStatus& out) {
  ReadAll all = co_await read_all(loop, stream);
  out = all.end;
}

TEST_F(Tcp, ClosingWakesWhoeverWaits) {
  connect_pair();
  IoStatus seen = IoStatus::kOk;
  tasks.spawn(read_one(loop, *server, seen));
  ASSERT_EQ(tasks.size(), 1u);
  server->close(false);
  ASSERT_TRUE(finish());
  EXPECT_EQ(seen, IoStatus::kReset);
}

Task<void> echo(runtime::Loop& loop, TcpListener& listener, size_t at_a_time) {
  auto stream = co_await listener.accept();
  std::string buffer(at_a_time, '\0');
  for (;;) {
    co_await runtime::wait(loop, {.read = stream.get()});
    auto got = stream->try_read({buffer.data(), buffer.size()});
    if (got.status == IoStatus::kBlocked) continue;
    if (got.status != IoStatus::kOk) break;
    std::string copy = buffer.substr(0, got.bytes);
    if (!co_await write_all(loop, *stream, std::move(copy))) break;
  }
  stream->close(false);
}

Task<void> send_then_end(runtime::Loop& loop, ByteStream& stream, std::string bytes, size_t at_a_time) {
  EXPECT_TRUE(co_await write_all(loop, stream, std::move(bytes), at_a_time));
  stream.shut_write();
}

Task<void> expect_bytes(runtime::Loop& loop, ByteStream& stream, std::string want, size_t at_a_time, IoStatus end) {
  ReadAll got = co_await read_all(loop, stream, SIZE_MAX, at_a_time);
  EXPECT_EQ(got.end, end);
  EXPECT_TRUE(got.bytes == want) << got.bytes.size() << " bytes of " << want.size();
}

TEST_F(Tcp, EchoKeepsEveryByteWhateverTheSizes) {
  struct Case {
    const char* name;
    size_t bytes, write, echo, read;
  };
  for (const Case& c :
       {Case{"a byte at a time", 300, 1, 1, 1}, Case{"a byte at a time into large reads", 300, 1, 4096, 4096},
        Case{"large with back-pressure both ways", 8'000'000, SIZE_MAX, 70'000, 3'000},
        Case{"odd sizes", 1'000'000, 1'021, 4'093, 509}}) {
    SCOPED_TRACE(c.name);
    auto accepting = listen();
    auto stream = client_stream(poller, accepting->port());
    std::string bytes = pattern(c.bytes);
    tasks.spawn(echo(loop, *accepting, c.echo));
    tasks.spawn(send_then_end(loop, *stream, bytes, c.write));
    tasks.spawn(expect_bytes(loop, *stream, bytes, c.read, IoStatus::kEof));
    ASSERT_TRUE(finish());
  }
}

TEST_F(Tcp, ManyPartsAreWrittenInOneCallInOrder) {
  connect_pair();
  std::string text = pattern(3000);
  std::vector<iovec> parts;
  for (size_t i = 0; i < text.size(); i += 2) parts.push_back({text.data() + i, 2});
  auto put = server->try_write(parts);
  EXPECT_EQ(put.bytes, 2048u) << "1024 parts at most";
  std::string got(put.bytes, '\0');
  ASSERT_EQ(::recv(client.get(), got.data(), got.size(), MSG_WAITALL), static_cast<ssize_t>(got.size()));
  EXPECT_TRUE(got == text.substr(0, got.size()));
}

TEST_F(Tcp, AFullSendBufferEndsWritabilityUntilThePeerReads) {
  connect_pair();
  std::string block = pattern(1 << 20);
  iovec part{block.data(), block.size()};
  // What the kernel takes moves on to the peer's side meanwhile, so that it may take a little more for a few times.
  IoStatus status = IoStatus::kOk;
  for (int i = 0; i < 1000 && status == IoStatus::kOk; ++i) status = server->try_write({&part, 1}).status;
  EXPECT_EQ(status, IoStatus::kBlocked);
  EXPECT_FALSE(server->can_write());
  std::string sink(1 << 20, '\0');
  fcntl(client.get(), F_SETFL, O_NONBLOCK);
  ASSERT_TRUE(run_until([&] {
    while (::recv(client.get(), sink.data(), sink.size(), 0) > 0) {
    }
    return server->can_write();
  }));
}

TEST_F(Tcp, ClosingTheListenerEndsAccept) {
  listener = listen();
  server = client_stream(poller, listener->port());  // anything but null
  std::unique_ptr<ByteStream> first;
  tasks.spawn(accept_into(*listener, first));
  ASSERT_TRUE(finish());
  EXPECT_TRUE(first);
  tasks.spawn(accept_into(*listener, server));
  ASSERT_EQ(tasks.size(), 1u);
  listener->close();
  ASSERT_TRUE(finish());
  EXPECT_FALSE(server);
}

Task<void> accept_forever(TcpListener& listener, std::vector<std::unique_ptr<ByteStream>>& out) {
  for (;;) {
    auto stream = co_await listener.accept();
    if (!stream) co_return;
    out.push_back(std::move(stream));
  }
}

TEST_F(Tcp, MoreThanTheLimitWaitInTheBacklogUntilOneEnds) {
  std::atomic<size_t> open{0};
  std::vector<std::unique_ptr<ByteStream>> streams;
  listener = listen({.address = "127.0.0.1", .open_count = &open, .connections_max = 3});
  std::vector<Fd> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(connect_to(listener->port()));
  tasks.spawn(accept_forever(*listener, streams));
  ASSERT_TRUE(run_until([&] { return streams.size() == 3; }));
  uint64_t turns = loop.turns();
  ASSERT_TRUE(run_until([&] { return loop.turns() > turns + 3; }));
  EXPECT_EQ(streams.size(), 3u);
  EXPECT_EQ(open, 3u);
  streams.erase(streams.begin());
  ASSERT_TRUE(run_until([&] { return streams.size() == 3; }));
  listener->close();
  ASSERT_TRUE(finish());
  streams.clear();
  EXPECT_EQ(open, 0u);
}

TEST_F(Tcp, WithoutDescriptorsConnectionsAreDroppedAndTheLoopGoesOn) {
  listener = listen();
  std::vector<std::unique_ptr<ByteStream>> streams;
  std::vector<Fd> clients;
  for (int i = 0; i < 4; ++i) clients.push_back(connect_to(listener->port()));
  // The limit stands just above what is open, so that not one more fits.
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  Fd highest(::dup(clients.back().get()));
  rlimit tight{static_cast<rlim_t>(highest.get() + 1), before.rlim_max};
  std::vector<Fd> filled;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
  for (;;) {
    Fd more(::dup(highest.get()));
    if (!more) break;
    filled.push_back(std::move(more));
  }
  tasks.spawn(accept_forever(*listener, streams));
  bool dropped = run_until([&] { return listener->refused() == 4; });
  setrlimit(RLIMIT_NOFILE, &before);
  filled.clear();
  EXPECT_TRUE(dropped);
  EXPECT_TRUE(streams.empty());
  char byte;
  EXPECT_LE(::recv(clients[0].get(), &byte, 1, 0), 0);
  Fd late = connect_to(listener->port());
  EXPECT_TRUE(run_until([&] { return streams.size() == 1; }));
  listener->close();
  ASSERT_TRUE(finish());
}

TEST_F(Tcp, AnInheritedSocketGoesOnListening) {
  auto first = listen();
  uint16_t port = first->port();
  Fd inherited(fcntl(first->fd(), F_DUPFD_CLOEXEC, 0));
  first->close();
  auto second = adopt_listener(loop, poller, std::move(inherited), {});
  ASSERT_TRUE(second);
  EXPECT_EQ((*second)->port(), port);
  Fd fd = connect_to(port);
  tasks.spawn(accept_into(**second, server));
  ASSERT_TRUE(finish());
  EXPECT_TRUE(server);
  Fd plain(::socket(AF_INET, SOCK_STREAM, 0));
  auto refused = adopt_listener(loop, poller, std::move(plain), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kConfig);
}

TEST_F(Tcp, ReusePortLetsTwoListenersShareAPort) {
  auto first = listen({.address = "127.0.0.1", .reuse_port = true});
  auto second = listen({.address = "127.0.0.1", .port = first->port(), .reuse_port = true});
  ASSERT_TRUE(second);
  EXPECT_EQ(second->port(), first->port());
  auto third = listen_tcp(loop, poller, {.address = "127.0.0.1", .port = first->port()});
  ASSERT_FALSE(third);
  EXPECT_NE(third.error().detail.find("127.0.0.1"), std::string::npos);
  auto named = listen_tcp(loop, poller, {.address = "localhost"});
  ASSERT_FALSE(named);
  EXPECT_EQ(named.error().code, ErrorCode::kConfig);
}

TEST_F(Tcp, PostFromAnotherThreadWakesASleepingLoop) {
  bool posted = false;
  std::thread other([&] { loop.post([&] { posted = true; }); });
  EXPECT_TRUE(run_until([&] { return posted; }));
  other.join();
  bool again = false;
  std::thread second([&] { loop.post([&] { again = true; }); });
  EXPECT_TRUE(run_until([&] { return again; }));
  second.join();
}

}  // namespace
}  // namespace baton::net
