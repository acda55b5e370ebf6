// Connections that are made before a call needs them.
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "runtime/wait.h"
#include "tests/simulation/memory_net.h"
#include "tests/simulation/world.h"

namespace baton::simulation {
namespace {

using namespace std::chrono_literals;
using runtime::Task;
using upstream::Connection;

class WarmTest : public testing::Test {
 protected:
  ~WarmTest() override {
    taken.clear();
    pool->close_idle();
    settle();
  }
  Task<void> acquire() {
    auto got = co_await pool->acquire(cancel, false);
    EXPECT_TRUE(got);
    if (got) taken.push_back(std::move(*got));
  }
  void take(size_t count) {
    for (size_t i = 0; i < count; ++i) tasks.spawn(acquire());
    settle();
  }
  void give_all() {
    for (auto& one : taken) pool->give_back(std::move(one));
    taken.clear();
    settle();
  }
  // Whatever is ready runs; then a millisecond passes, and no more: virtual time goes on to the next timer.
  void settle() { pass(std::chrono::milliseconds(1)); }
  void pass(Duration time) {
    runtime::Timer timer;
    const Instant until = clock.now() + time;
    loop.timers().arm(timer, until);
    loop.run_until([&] { return clock.now() >= until; });
  }
  double metric(const char* state) {
    const std::string name = "baton_upstream_preconnects_total{state=\"" + std::string(state) + "\"} ";
    const std::string text = metrics.text();
    return std::stod(text.substr(text.find(name) + name.size()));
  }

  runtime::VirtualClock clock;
  VirtualPoller poller{clock};
  runtime::Loop loop{clock, poller};
  runtime::Random random{1};
  Weather weather;
  std::vector<std::unique_ptr<runtime::ByteStream>> far;  // the upstream's ends
  MemoryDialer dialer{random, weather, [this](StreamPair& pair) { far.push_back(std::move(pair.b)); }};
  metrics::RelayMetrics metrics{{.accounts = {"a"}, .loops = 1, .version = "test"}};
  upstream::Config config{.warm_connections_max = 2};
  runtime::Cancellation cancel;
  runtime::TaskGroup tasks;
  std::unique_ptr<upstream::ConnectionPool> pool = std::make_unique<upstream::ConnectionPool>(
      loop, dialer, config, metrics.shard(0), upstream::Warming{.tasks = &tasks});
  std::vector<std::unique_ptr<Connection>> taken;
};

TEST_F(WarmTest, one_call_at_a_time_needs_none_in_advance) {
  for (int i = 0; i < 5; ++i) {
    take(1);
    give_all();
  }
  EXPECT_EQ(dialer.dialled, 1u);
  EXPECT_EQ(metric("made"), 0);
}

TEST_F(WarmTest, while_calls_grow_connections_stand_ready_in_front_of_them) {
  take(2);
  EXPECT_EQ(dialer.dialled, 3u);
  EXPECT_EQ(pool->idle(), 1u);
  take(1);
  EXPECT_EQ(metric("used"), 1);
  EXPECT_TRUE(taken.back()->reused()) << "it may have been closed meanwhile";
  EXPECT_EQ(pool->idle(), 1u);
  take(20);
  EXPECT_LE(pool->idle(), 2u) << "never more than the setting";
  EXPECT_EQ(metric("made") - metric("used"), static_cast<double>(pool->idle()));
}

TEST_F(WarmTest, what_an_upstream_closed_is_made_again_while_it_is_likely_to_be_used) {
  take(1);
  taken.clear();  // an upstream that closes behind each reply
  settle();
  EXPECT_EQ(pool->idle(), 1u);
  take(1);
  EXPECT_EQ(metric("used"), 1);
  EXPECT_EQ(dialer.dialled, 2u) << "the second call did not wait for a connection";
}

TEST_F(WarmTest, a_dead_one_is_never_used) {
  take(2);
  ASSERT_EQ(pool->idle(), 1u);
  for (auto how : {0, 1, 2}) {
    ASSERT_EQ(pool->idle(), 1u);
    runtime::ByteStream& end = *far.back();
    if (how == 0) end.close(/*reset=*/true);
    if (how == 1) end.shut_write();  // half closed
    if (how == 2) {
      std::string late = "HTTP/1.1 408 Request Timeout\r\n\r\n";
      iovec part{late.data(), late.size()};
      EXPECT_EQ(end.try_write({&part, 1}).bytes, late.size());
    }
    tasks.spawn(acquire());  // in the very turn in which it comes
    settle();
    EXPECT_FALSE(taken.back()->reused()) << how;
    EXPECT_FALSE(taken.back()->stream().gone()) << how;
    taken.pop_back();
    pass(upstream::ConnectionPool::kWarmPauseMax);
    take(2);
  }
  EXPECT_GE(metric("wasted"), 3);
}

TEST_F(WarmTest, an_upstream_that_does_not_take_them_is_left_alone_for_longer_and_longer) {
  take(2);
  int lost = 0;
  const Instant end = clock.now() + 5min;
  while (clock.now() < end) {
    if (pool->idle() > 0) {
      ++lost;
      far.back()->close(true);
      settle();
    }
    pass(100ms);
    taken.pop_back();
    take(1);
  }
  EXPECT_GE(lost, 3);
  EXPECT_LE(lost, 12);
}

TEST_F(WarmTest, an_unused_one_is_given_up_after_half_a_minute) {
  take(2);
  ASSERT_EQ(pool->idle(), 1u);
  pass(upstream::ConnectionPool::kWarmIdle + 1s);
  EXPECT_EQ(metric("wasted"), 1);
}

TEST_F(WarmTest, an_upstreams_own_keep_alive_time_is_believed) {
  take(1);
  taken[0]->keep_idle_for(5s);
  give_all();
  EXPECT_EQ(pool->idle(), 1u);
  pass(3900ms);
  EXPECT_EQ(pool->idle(), 1u);
  pass(200ms);
  EXPECT_EQ(pool->idle(), 0u) << "a second before the upstream would close it";
  pass(10min);
  take(1);
  taken[0]->keep_idle_for(1s);
  give_all();
  EXPECT_EQ(pool->idle(), 0u);
}

TEST_F(WarmTest, none_is_made_after_the_end_was_announced) {
  pool->close_idle();
  take(5);
  EXPECT_EQ(metric("made"), 0);
}

// Through the whole relay, with an upstream that closes behind each reply.
TEST(WarmSimulation, a_call_finds_its_connection_made) {
  World world({.seed = 3, .scripted = true, .warm = true});
  Reply reply =
      Reply::json(200, R"({"type":"message","usage":{"input_tokens":1,"output_tokens":1}})", "connection: close\r\n");
  reply.acts.push_back({.what = Act::What::kEnd});
  world.upstreams.always(0, reply);
  std::vector<Script> scripts;
  for (int i = 0; i < 10; ++i) scripts.push_back({.body = World::body(false), .start = 1s * i});
  for (const Seen& seen : world.play(scripts)) EXPECT_EQ(seen.status, 200);
  EXPECT_GE(world.metric("baton_upstream_preconnects_total{state=\"used\"}").value_or(0), 8);
  world.check();
}

TEST(WarmSimulation, a_stated_keep_alive_time_reaches_the_connection) {
  World world({.seed = 4, .scripted = true});
  world.upstreams.always(0, Reply::json(200, "{}", "keep-alive: timeout=5, max=100\r\n"));
  std::vector<Script> scripts{{.body = World::body(false)},
                              {.body = World::body(false), .start = 2s},
                              {.body = World::body(false), .start = 30s}};
  world.play(scripts);
  EXPECT_EQ(world.dialers[0]->dialled, 2u);
  world.check();
}

}  // namespace
}  // namespace baton::simulation
