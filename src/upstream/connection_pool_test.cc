// Kept and warm connections over real TLS: what an upstream does to an idle one, and that sessions are resumed.
#include "upstream/connection_pool.h"

#include <array>
#include <vector>

#include "metrics/relay_metrics.h"
#include "net/dialer.h"
#include "net/net_fixture.h"
#include "net/test_certificates.h"
#include "net/tls_context.h"
#include "net/tls_stream.h"

namespace baton::upstream {
namespace {

using runtime::Task;

class LocalResolver final : public net::Resolver {
 public:
  Task<Expected<std::vector<net::IpAddress>>> resolve(std::string, runtime::Cancellation&) override {
    co_return std::vector<net::IpAddress>{*net::IpAddress::parse("127.0.0.1")};
  }
};

class TlsPoolTest : public net::NetFixture {
 protected:
  TlsPoolTest() {
    const auto leaf = authority.leaf();
    server = std::move(*net::TlsServerContext::make({.cert_file = leaf.cert_file, .key_file = leaf.key_file}));
    client = std::move(*net::TlsClientContext::make({.ca_file = authority.file()}));
    listener = listen({.address = "127.0.0.1", .tls = server.get()});
    dialer = net::make_tcp_dialer(loop, poller, resolver,
                                  {.target = {.host = "localhost", .port = listener->port(), .tls = true},
                                   .tls = client.get(),
                                   .allow_private = true});
    pool = std::make_unique<ConnectionPool>(loop, *dialer, config, metrics.shard(0), Warming{.tasks = &tasks});
  }
  ~TlsPoolTest() override {
    taken.clear();
    pool->close_idle();
    finish();
  }
  // Accepts one, and reads until something has come.
  Task<void> accept() {
    auto stream = co_await listener->accept();
    if (!stream) co_return;
    far.push_back(std::move(stream));
    runtime::ByteStream& mine = *far.back();
    std::array<char, 64> bytes;
    while (mine.try_read(bytes).status == runtime::IoStatus::kBlocked) co_await runtime::wait(loop, {.read = &mine});
  }
  Task<void> acquire() {
    auto got = co_await pool->acquire(cancel, false);
    EXPECT_TRUE(got) << (got ? "" : got.error().detail);
    if (!got) co_return;
    std::string request = "x";
    EXPECT_TRUE(co_await net::write_all(loop, (*got)->stream(), request));
    taken.push_back(std::move(*got));
  }
  void connect() {
    tasks.spawn(accept());
    tasks.spawn(acquire());
    ASSERT_TRUE(finish());
    ASSERT_EQ(taken.size(), 1u);
  }

  net::TestAuthority authority;
  LocalResolver resolver;
  std::unique_ptr<net::TlsServerContext> server;
  std::unique_ptr<net::TlsClientContext> client;
  std::unique_ptr<net::TcpListener> listener;
  std::unique_ptr<runtime::Dialer> dialer;
  metrics::RelayMetrics metrics{{.accounts = {"a"}, .loops = 1, .version = "test"}};
  Config config{.warm_connections_max = 0};
  runtime::Cancellation cancel;
  std::unique_ptr<ConnectionPool> pool;
  std::vector<std::unique_ptr<runtime::ByteStream>> far;
  std::vector<std::unique_ptr<Connection>> taken;
};

TEST_F(TlsPoolTest, an_idle_connection_on_which_close_notify_comes_is_not_used_again) {
  connect();
  pool->give_back(std::move(taken[0]));
  taken.clear();
  ASSERT_EQ(pool->idle(), 1u);
  far.back()->shut_write();  // close_notify: the socket itself stays open
  EXPECT_TRUE(run_until([this] { return pool->idle() == 0; }));
  connect();
  EXPECT_FALSE(taken[0]->reused());
}

TEST_F(TlsPoolTest, session_tickets_that_come_while_it_is_idle_do_no_harm_and_the_next_one_resumes) {
  connect();
  pool->give_back(std::move(taken[0]));
  taken.clear();
  runtime::Timer timer;
  const Instant until = clock.now() + std::chrono::milliseconds(50);
  loop.timers().arm(timer, until);
  run_until([&] { return clock.now() >= until; });
  EXPECT_EQ(pool->idle(), 1u) << "a ticket is no content";
  pool->close_idle();
  connect();
  auto* stream = dynamic_cast<net::TlsStream*>(&taken[0]->stream());
  ASSERT_NE(stream, nullptr);
  EXPECT_TRUE(stream->resumed());
}

}  // namespace
}  // namespace baton::upstream
