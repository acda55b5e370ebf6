// What keys may do, through the whole relay: accounts, tokens a minute, reuse, addresses behind a proxy, priority.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/simulation/world.h"

namespace baton::simulation {
namespace {

using namespace std::chrono_literals;

class RightsSimulation : public testing::Test {
 protected:
  void give(std::string name, auth::Rights rights, std::string team = "") {
    const std::string id = "key_" + name;
    stored_.keys.push_back({.id = id, .name = name, .team = std::move(team), .rights = std::move(rights)});
    stored_.secrets.push_back({.digest = auth::keyed_digest(stored_.secret, secret(name)), .key_id = id});
    ring_.replace(stored_);
  }
  static std::string secret(const std::string& name) { return "bk-secret-of-" + name; }
  static Script call(const std::string& name, std::string body = World::body(false), std::string more = "") {
    return {
        .fields =
            "host: relay.example\r\ncontent-type: application/json\r\nanthropic-version: 2023-06-01\r\nx-api-key: " +
            secret(name) + "\r\n" + more,
        .body = std::move(body),
        .default_fields = false};
  }

  auth::StoredKeys stored_;
  auth::KeyRing ring_;
};

TEST_F(RightsSimulation, AKeyIsServedByItsAccountsOnly) {
  give("b", {.accounts = {"account-1"}});
  give("none", {.accounts = {"elsewhere-*"}});
  give("all", {.accounts = {"account-*"}});
  World world({.accounts = 3, .keys = &ring_});
  for (int i = 0; i < 12; ++i) EXPECT_EQ(world.play(call("b")).status, 200);
  for (const model::Outcome& outcome : world.outcomes) {
    ASSERT_EQ(outcome.attempts.size(), 1u);
    EXPECT_EQ(outcome.attempts[0].account, "account-1");
  }
  const Seen refused = world.play(call("none"));
  EXPECT_EQ(refused.status, 503) << refused.body;
  EXPECT_EQ(world.outcomes.back().attempts.size(), 0u);
  std::set<std::string> used;
  for (int i = 0; i < 12; ++i) {
    EXPECT_EQ(world.play(call("all")).status, 200);
    used.insert(world.outcomes.back().attempts[0].account);
  }
  EXPECT_EQ(used.size(), 3u);
  world.check();
}

TEST_F(RightsSimulation, AKeyIsServedByItsGroupsOnly) {
  give("near", {.groups = {"near"}});
  give("either", {.accounts = {"account-0"}, .groups = {"f*"}});
  give("none", {.groups = {"elsewhere"}});
  std::vector<accounts::AccountConfig> configs(3);
  for (size_t i = 0; i < configs.size(); ++i) {
    configs[i].name = "account-" + std::to_string(i);
    configs[i].group = i == 2 ? "far" : "near";
  }
  World world({.account_configs = configs, .keys = &ring_});
  const auto used_by = [&](const std::string& name) {
    std::set<std::string> used;
    for (int i = 0; i < 12; ++i) {
      EXPECT_EQ(world.play(call(name)).status, 200);
      used.insert(world.outcomes.back().attempts[0].account);
    }
    return used;
  };
  EXPECT_EQ(used_by("near"), (std::set<std::string>{"account-0", "account-1"}));
  EXPECT_EQ(used_by("either"), (std::set<std::string>{"account-0", "account-2"}));
  EXPECT_EQ(world.play(call("none")).status, 503);
  world.check();
}

TEST_F(RightsSimulation, AFailingAccountIsNotLeftForOneThatIsNotAllowed) {
  give("a", {.accounts = {"account-0"}});
  World world({.accounts = 2, .scripted = true, .keys = &ring_});
  for (size_t i = 0; i < 2; ++i) world.upstreams.always(i, Reply::json(500, "{}"));
  EXPECT_EQ(world.play(call("a")).status, 500);
  for (const auto& attempt : world.outcomes.back().attempts) EXPECT_EQ(attempt.account, "account-0");
}

TEST_F(RightsSimulation, TokensAMinuteAreTakenBeforeAndPutRightAfterwards) {
  give("ci", {.tokens_per_minute = 400});
  World world({.keys = &ring_});
  int served = 0;
  Seen last;
  for (int i = 0; i < 50; ++i) {
    last = world.play(call("ci"));
    if (last.status != 200) break;
    ++served;
  }
  EXPECT_EQ(last.status, 429) << last.body;
  EXPECT_NE(last.body.find("tokens a minute"), std::string::npos) << last.body;
  EXPECT_NE(last.field("retry-after"), "");
  EXPECT_GE(served, 2);
  int64_t used = 0;
  for (const auto& outcome : world.outcomes)
    used += outcome.usage.input_tokens + outcome.usage.cache_creation_input_tokens + outcome.usage.output_tokens;
  EXPECT_LE(used, 400 + 100) << "at most the last call goes beyond";
  Script later = call("ci");
  later.start = 60s;
  EXPECT_EQ(world.play(later).status, 200);
  world.check();
}

TEST_F(RightsSimulation, ManyAtOnceKeepToTheTokensThatTheyReserve) {
  give("ci", {.tokens_per_minute = 1000});
  World world({.keys = &ring_});
  const std::vector<Script> many(100, call("ci"));
  int served = 0;
  for (const Seen& seen : world.play(many)) served += seen.status == 200;
  EXPECT_GE(served, 1);
  EXPECT_LT(served, 50);
  world.check();
}

TEST_F(RightsSimulation, WhetherRepliesAreReusedIsTheKeysUnlessTheCallSays) {
  give("plain", {});
  give("on", {.cache = auth::CachePolicy::kOn});
  give("off", {.cache = auth::CachePolicy::kOff});
  World world({.keys = &ring_, .cache = reuse::Config{}});
  struct {
    std::string_view key;
    std::string more;
    model::CacheUse second;
  } const cases[] = {{"plain", "", model::CacheUse::kOff}, {"plain", "baton-cache: on\r\n", model::CacheUse::kHit},
                     {"on", "", model::CacheUse::kHit},    {"on", "baton-cache: off\r\n", model::CacheUse::kOff},
                     {"off", "", model::CacheUse::kOff},   {"off", "baton-cache: on\r\n", model::CacheUse::kOff}};
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.key) + " " + c.more);
    const Script script =
        call(std::string(c.key), World::body(false, c.more.empty() ? "one" : c.more.substr(13, 2)), c.more);
    EXPECT_EQ(world.play(script).status, 200);
    EXPECT_EQ(world.play(script).status, 200);
    EXPECT_EQ(world.outcomes.back().cache, c.second);
  }
}

TEST_F(RightsSimulation, PriorityIsAShareOfTheQueue) {
  give("high", {.priority = auth::Priority::kHigh});
  give("low", {.priority = auth::Priority::kLow});
  WorldOptions options{.keys = &ring_};
  options.pool = {};
  options.pool.queue.max_wait = 5min;
  options.sim.orgs = {
      {.id = "org_0", .keys = {{.key = World::key(0), .workspace = "default"}}, .requests_per_minute = 12}};
  World world(options);
  std::vector<Script> scripts;
  for (int i = 0; i < 60; ++i) {
    scripts.push_back(call(i % 2 == 0 ? "low" : "high"));
    scripts.back().start = i < 13 ? 0s : 1s;  // what the account gives at once is gone before the rest comes
  }
  world.play(scripts);
  std::map<std::string, int> of_the_first;
  for (size_t i = 13; i < 33 && i < world.outcomes.size(); ++i) ++of_the_first[world.outcomes[i].client];
  EXPECT_GE(of_the_first["high"], 14) << "16 to 1 where both wait";
  EXPECT_GE(of_the_first["low"], 1) << "and nobody starves";
  world.check();
}

// One team's batch job has filled the queue when another team's call and the team's own urgent ones come.
TEST_F(RightsSimulation, OfATeamsCallsTheUrgentGoFirstAndNoneIsPassedForEver) {
  give("job", {.priority = auth::Priority::kLow}, "web");
  give("page", {.priority = auth::Priority::kHigh}, "web");
  give("other", {}, "data");
  WorldOptions options{.keys = &ring_};
  options.pool = {};
  options.pool.queue.max_wait = 30min;
  options.sim.orgs = {
      {.id = "org_0", .keys = {{.key = World::key(0), .workspace = "default"}}, .requests_per_minute = 12}};
  World world(options);
  std::vector<Script> scripts;
  const auto add = [&](const char* who, int count, Duration at) {
    for (int i = 0; i < count; ++i) {
      scripts.push_back(call(who));
      scripts.back().start = at;
    }
  };
  add("job", 13 + 8, 0s);  // 13 are served at once
  add("page", 40, 1s);
  add("other", 1, 2s);
  world.play(scripts);
  ASSERT_EQ(world.outcomes.size(), scripts.size());
  std::string order;
  for (size_t i = 13; i < world.outcomes.size(); ++i) order += world.outcomes[i].client[0];
  EXPECT_LE(order.find('o'), 8u) << "another team's call is no later for it: " << order;
  // The job's first call may have been the next already; then sixteen pass each of them.
  EXPECT_GE(order.find('j', 1), 15u) << order;
  EXPECT_LE(order.find('j', 1), 18u) << order;
  EXPECT_LT(order.rfind('j'), order.rfind('p')) << "nobody is passed by all: " << order;
  world.check();
}

TEST_F(RightsSimulation, AddressesAreThoseThatATrustedProxyStates) {
  give("office", {.addresses = {"198.51.100.0/24"}});
  World world({.auth = {.trusted_proxies = {"127.0.0.0/8"}}, .keys = &ring_});
  EXPECT_EQ(world.play(call("office", World::body(false), "x-forwarded-for: 198.51.100.7\r\n")).status, 200);
  EXPECT_EQ(world.play(call("office", World::body(false), "x-forwarded-for: 198.51.100.7, 203.0.113.1\r\n")).status,
            403)
      << "what stands left of a stranger anyone can have written";
  EXPECT_EQ(world.play(call("office")).status, 403);
}

}  // namespace
}  // namespace baton::simulation
