#include "net/prober.h"

#include "net/net_fixture.h"

namespace baton::net {
namespace {

using namespace std::chrono_literals;
using runtime::Task;

class FixedResolver final : public Resolver {
 public:
  explicit FixedResolver(std::string_view address) : address_(*IpAddress::parse(address)) {}
  Task<Expected<std::vector<IpAddress>>> resolve(std::string, runtime::Cancellation&) override {
    co_return std::vector<IpAddress>{address_};
  }

 private:
  IpAddress address_;
};

class ProberTest : public NetFixture {
 protected:
  Task<void> run(Prober& prober, runtime::DialTarget target, bool allow_private) {
    got = co_await prober.probe(target, allow_private, cancel);
  }
  Expected<Probed> probe(ProbeOptions options, uint16_t port, bool allow_private = true) {
    auto prober = make_prober(loop, poller, resolver, options);
    tasks.spawn(run(*prober, {.host = "here", .port = port}, allow_private));
    if (cancel_at_once) cancel.cancel(runtime::CancelReason::kClientGone);
    EXPECT_TRUE(finish());
    return got;
  }
  // Whether this process may send echoes at all depends on the machine.
  static bool may_echo() {
    Fd ping(::socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP));
    Fd raw(::socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
    return ping || raw;
  }
  FixedResolver resolver{"127.0.0.1"};
  runtime::Cancellation cancel;
  bool cancel_at_once = false;
  Expected<Probed> got = fail(ErrorCode::kInternal, Fault::kUs, "nothing came");
};

TEST_F(ProberTest, an_echo_is_tried_first_and_a_connection_where_none_may_be_sent) {
  auto listener = listen();
  auto result = probe({}, listener->port());
  ASSERT_TRUE(result) << result.error().detail;
  EXPECT_EQ(result->way, may_echo() ? ProbeWay::kEcho : ProbeWay::kConnect);
  EXPECT_GT(result->round_trip, 0ns);
  EXPECT_LT(result->round_trip, 2s);
}

TEST_F(ProberTest, without_echo_the_connections_time_counts) {
  auto listener = listen();
  auto result = probe({.echo = false}, listener->port());
  ASSERT_TRUE(result) << result.error().detail;
  EXPECT_EQ(result->way, ProbeWay::kConnect);
  EXPECT_GT(result->round_trip, 0ns);
}

TEST_F(ProberTest, nobody_there_is_an_error) {
  uint16_t port = 0;
  {
    auto listener = listen();
    port = listener->port();
    listener->close();
  }
  auto result = probe({.echo = false}, port);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kConnect);
}

TEST_F(ProberTest, a_private_address_is_not_probed_unless_it_is_allowed) {
  auto listener = listen();
  auto result = probe({}, listener->port(), /*allow_private=*/false);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kConnect);
}

TEST_F(ProberTest, a_probe_ends_when_it_is_cancelled) {
  // 192.0.2.0/24 answers to nobody.
  resolver = FixedResolver("192.0.2.1");
  cancel_at_once = true;
  auto result = probe({.timeout = 20s}, 9);
  ASSERT_FALSE(result);
}

}  // namespace
}  // namespace baton::net
