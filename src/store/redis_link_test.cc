#include "store/redis_link.h"

#include <gtest/gtest.h>

#include "runtime/wait.h"
#include "tests/simulation/scripted_redis.h"

namespace baton::store {
namespace {

using namespace std::chrono_literals;
using simulation::MemoryDialer;
using simulation::RedisData;
using simulation::ScriptedRedis;
using simulation::StreamPair;

class Link : public testing::Test {
 public:
  void begin(RedisLink::Options options = {}) {
    link = std::make_unique<RedisLink>(
        RedisLink::Parts{.loop = loop, .dialer = dialer, .random = random, .counts = counts}, options);
    tasks.spawn(link->run());
  }
  void run_for(Duration time) {
    const Instant until = loop.now() + time;
    tasks.spawn(sleep(loop, until));
    loop.run_until([&] { return loop.now() >= until; });
  }
  static runtime::Task<void> sleep(runtime::Loop& on, Instant until) { co_await runtime::sleep_until(on, until); }

  struct Asked {
    std::optional<Expected<std::vector<Resp>>> got;
    Duration took{0};
  };
  static runtime::Task<void> ask(Link& self, RedisCommands commands, Duration patience, Asked& out) {
    const Instant began = self.loop.now();
    out.got = co_await self.link->ask(std::move(commands), began + patience);
    out.took = self.loop.now() - began;
  }
  Asked ask(std::initializer_list<std::string_view> words, Duration patience = 2ms) {
    Asked out;
    tasks.spawn(ask(*this, RedisCommands().add(words), patience, out));
    loop.run_until([&] { return out.got.has_value(); });
    return out;
  }
  ~Link() override {
    if (link) link->stop();
    redis.still = false;
    loop.run_until([&] { return tasks.size() == 0 && redis.settled(); });
  }

  runtime::VirtualClock clock;
  simulation::VirtualPoller poller{clock};
  runtime::Loop loop{clock, poller};
  runtime::Random random{7};
  simulation::Weather weather;
  RedisData data;
  ScriptedRedis redis{loop, data};
  MemoryDialer dialer{random, weather, [this](StreamPair& pair) { redis.adopt(std::move(pair.b)); }};
  metrics::RedisCounts counts;
  runtime::TaskGroup tasks;
  std::unique_ptr<RedisLink> link;
};

TEST_F(Link, answers_come_to_who_asked_however_many_are_under_way) {
  redis.password = "secret";
  begin({.user = "baton", .password = Secret("secret"), .database = 3});
  run_for(1ms);
  ASSERT_TRUE(link->up());
  EXPECT_EQ(counts.connections, 1);
  std::vector<Asked> all(50);
  for (size_t i = 0; i < all.size(); ++i) {
    const std::string n = std::to_string(i);
    ASSERT_TRUE(link->tell(RedisCommands().add({"SET", "k" + n, std::string(i * 300, 'v')})));
    RedisCommands two;
    two.add({"GET", "k" + n}).add({"GET", "none"});
    tasks.spawn(ask(*this, std::move(two), 50ms, all[i]));
  }
  loop.run_until([&] { return std::ranges::all_of(all, [](const Asked& one) { return one.got.has_value(); }); });
  for (size_t i = 0; i < all.size(); ++i) {
    ASSERT_TRUE(*all[i].got) << i;
    EXPECT_EQ((**all[i].got)[0].text, std::string(i * 300, 'v')) << i;
    EXPECT_EQ((**all[i].got)[1].kind, Resp::Kind::kNil) << i;
  }
  EXPECT_EQ(redis.connections, 1u);
}

TEST_F(Link, a_wrong_password_and_a_server_that_loads_keep_it_down) {
  redis.password = "right";
  begin({.password = Secret("wrong")});
  run_for(1s);
  EXPECT_FALSE(link->up());
  EXPECT_GT(redis.connections, 1u);
  EXPECT_LT(redis.connections, 6u) << "each pause is longer than the one before";
  EXPECT_EQ((*ask({"GET", "a"}).got).error().code, ErrorCode::kStore);
}

TEST_F(Link, silence_costs_each_its_time_until_the_breaker_opens_and_then_nothing) {
  begin();
  run_for(1ms);
  redis.still = true;
  for (uint32_t i = 0; i < RedisBreaker::kFailuresMax; ++i) {
    const Asked asked = ask({"GET", "a"});
    EXPECT_EQ((*asked.got).error().code, ErrorCode::kTimeout) << i;
    EXPECT_GE(asked.took, 2ms);
    EXPECT_LT(asked.took, 4ms);
  }
  const Asked after = ask({"GET", "a"});
  EXPECT_EQ((*after.got).error().code, ErrorCode::kStore);
  EXPECT_EQ(after.took, 0ms);
  EXPECT_FALSE(link->tell(RedisCommands().add({"SET", "a", "b"})));
  EXPECT_EQ(counts.timeouts, RedisBreaker::kFailuresMax);
  EXPECT_EQ(counts.connections, 0);
  run_for(2s);
  EXPECT_FALSE(link->up()) << "a connection that is taken and not answered is none";
  redis.still = false;
  run_for(5s);
  EXPECT_TRUE(link->up());
  EXPECT_TRUE(*ask({"GET", "a"}).got);
}

TEST_F(Link, silence_behind_what_nobody_waits_for_is_seen_too) {
  begin();
  run_for(1ms);
  redis.still = true;
  ASSERT_TRUE(link->tell(RedisCommands().add({"SET", "a", "b"})));
  run_for(RedisLink::kSilenceMax / 2);
  EXPECT_TRUE(link->up());
  run_for(RedisLink::kSilenceMax);
  EXPECT_FALSE(link->up());
}

TEST_F(Link, nonsense_and_answers_to_nothing_drop_the_connection_and_all_who_wait) {
  const std::string nonsense[] = {"HTTP/1.1 400 Bad Request\r\n\r\n", "$536870912\r\n", "+OK\r\n+OK\r\n",
                                  "$3\r\nabcdef", "*3\r\n*2\r\n*1\r\n*1\r\n"};
  begin();
  for (const std::string& said : nonsense) {
    run_for(10s);
    ASSERT_TRUE(link->up()) << said;
    const size_t before = redis.connections;
    redis.instead = [&](const std::vector<std::string>& words) -> std::optional<std::string> {
      if (words[0] != "GET") return std::nullopt;
      return said;
    };
    (void)ask({"GET", "a"}, 1s);
    run_for(1ms);
    EXPECT_FALSE(link->up()) << said;
    redis.instead = nullptr;
    run_for(10s);
    EXPECT_EQ(redis.connections, before + 1) << said;
  }
  EXPECT_GE(counts.errors, std::size(nonsense));
}

TEST_F(Link, errors_in_a_row_open_the_breaker) {
  begin();
  run_for(1ms);
  redis.instead = [](const std::vector<std::string>& words) -> std::optional<std::string> {
    if (words[0] != "GET") return std::nullopt;
    return "-READONLY You can't write against a read only replica.\r\n";
  };
  for (uint32_t i = 0; i < RedisBreaker::kFailuresMax; ++i) {
    ASSERT_TRUE(link->up()) << i;
    (void)ask({"GET", "a"});
  }
  EXPECT_FALSE(link->up());
}

TEST_F(Link, no_more_waits_than_its_bounds) {
  begin();
  run_for(1ms);
  redis.still = true;
  const std::string value(4 * kMiB, 'v');
  size_t taken = 0;
  while (link->tell(RedisCommands().add({"SET", "a", value}))) ++taken;
  EXPECT_LE(taken * value.size(), RedisLink::kUnsentBytesMax);
  EXPECT_GE(taken, 3u);
  EXPECT_EQ(counts.refused, 1u);
  taken = 0;
  while (link->tell(RedisCommands().add({"GET", "a"}))) ++taken;
  EXPECT_LT(taken, RedisLink::kOutstandingMax);
  EXPECT_GT(taken, RedisLink::kOutstandingMax - 10);
  EXPECT_EQ((*ask({"GET", "a"}).got).error().code, ErrorCode::kOverloaded);
}

TEST_F(Link, a_server_that_is_not_there_is_looked_for_with_pauses) {
  dialer.refuse = true;
  begin();
  run_for(10s);
  EXPECT_FALSE(link->up());
  EXPECT_GE(counts.opened, 4u);
  EXPECT_LE(counts.opened, 10u);
  dialer.refuse = false;
  run_for(10s);
  EXPECT_TRUE(link->up());
}

}  // namespace
}  // namespace baton::store
