// Random pools: a seed decides the accounts, their groups and endpoints, what each answers in turn, which of the pool's
// features are on and what a crowd of clients does; what a pool must never do is checked while it runs and after.
// BATON_SIM_SEEDS and BATON_SIM_SEED as in random_test.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

#include "base/ascii.h"
#include "tests/simulation/seeds.h"
#include "tests/simulation/world.h"

namespace baton::simulation {
namespace {

using namespace std::chrono_literals;
using model::AttemptResult;

constexpr size_t kAnswers = 300;  // an account's, before it is well for good

Reply message() {
  return Reply::json(200, R"({"id":"msg_1","type":"message","content":[],"stop_reason":"end_turn",)"
                          R"("usage":{"input_tokens":12,"output_tokens":3}})");
}

// What an account says in turn.
struct Answer {
  Reply reply = message();
  uint64_t retry_after_s = 0;  // of a 429 that comes at once
};

struct Plan {
  WorldOptions options;
  std::vector<std::vector<Answer>> answers;  // by account
  std::vector<Script> scripts;
  bool leaving = false;
  bool one_address = true;  // each account has one endpoint
};

class Planner {
 public:
  explicit Planner(uint64_t seed) : random_(seed * 0x9e3779b97f4a7c15ull + 3), seed_(seed) {}

  Plan plan() {
    Plan plan;
    WorldOptions& options = plan.options;
    options.seed = seed_;
    options.scripted = true;
    options.pool = {};
    const size_t accounts = 1 + random_.below(6);
    const bool groups = random_.chance(0.3);
    const bool endpoints = random_.chance(0.25);
    for (size_t i = 0; i < accounts; ++i) {
      auto& one = options.account_configs.emplace_back(accounts::AccountConfig{
          .name = "account-" + std::to_string(i), .weight = 1 + static_cast<uint32_t>(random_.below(3))});
      if (groups) one.group = i % 2 == 0 ? "near" : "far";
      if (endpoints && random_.chance(0.5)) {
        one.endpoints.push_back({.name = "second", .url = "http://second-" + std::to_string(i) + ".example"});
        plan.one_address = false;
      }
    }
    if (groups && accounts > 1) options.pool.routes = {{.groups = {"near", "far"}}};
    if (random_.chance(0.3)) options.pool.queue.max_wait = Duration(1ms) * (1 + random_.below(60'000));
    if (random_.chance(0.2)) options.pool.queue.length_max = 1 + static_cast<uint32_t>(random_.below(20));
    options.pool.hedge.enabled = random_.chance(0.25);
    options.pool.concurrency.adaptive = random_.chance(0.25);
    if (random_.chance(0.3)) options.pool.affinity.policy = random_.chance(0.5) ? "session" : "round_robin";
    if (random_.chance(0.3)) options.pool.health.failures = 1 + static_cast<uint32_t>(random_.below(3));
    options.pool.health.ejection_base = Duration(1s) * (1 + random_.below(30));
    if (random_.chance(0.2)) options.cache = reuse::Config{};
    const double ill = random_.chance(0.2) ? 0 : random_.unit() * 0.6;
    for (size_t i = 0; i < accounts; ++i) plan.answers.push_back(answers(random_.chance(0.3) ? 0 : ill));
    plan.leaving = random_.chance(0.4);
    const size_t calls = 40 + random_.below(160);
    for (size_t i = 0; i < calls; ++i) plan.scripts.push_back(script(plan.leaving));
    return plan;
  }

 private:
  std::vector<Answer> answers(double ill) {
    std::vector<Answer> all;
    while (all.size() < kAnswers) {
      // What is bad is so for a while.
      const bool bad = random_.chance(ill);
      const uint64_t kind = random_.below(9);
      for (uint64_t n = 1 + random_.below(6); n > 0 && all.size() < kAnswers; --n)
        all.push_back(bad ? failure(kind) : Answer{});
    }
    return all;
  }

  Answer failure(uint64_t kind) {
    constexpr std::string_view kError = R"({"type":"error","error":{"type":"x","message":"no"}})";
    switch (kind) {
      case 0: {
        const uint64_t wait = 1 + random_.below(20);
        return {Reply::json(429, kError, "retry-after: " + std::to_string(wait) + "\r\n"), wait};
      }
      case 1: return {Reply::json(429, kError)};
      case 2: return {Reply::json(529, kError)};
      case 3: return {Reply::json(500, kError)};
      case 4: return {Reply::json(503, kError)};
      case 5: return {Reply{{{.what = Act::What::kReset}}}};
      case 6: return {Reply::json(400, kError)};
      case 7: return {Reply::stream(short_message()).cut(60 + random_.below(900), Act::What::kReset)};
      default: {
        Reply slow = message();
        slow.acts.front().after = Duration(1ms) * random_.below(20'000);
        return {slow};
      }
    }
  }

  Script script(bool leaving) {
    static constexpr std::string_view kTexts[] = {"one", "two", "three"};
    Script script{.body = World::body(random_.chance(0.4), kTexts[random_.below(3)])};
    if (random_.chance(0.5))
      script.fields += "x-claude-code-session-id: session-" + std::to_string(random_.below(12)) + "\r\n";
    if (random_.chance(0.3)) script.fields += "baton-deadline: " + std::to_string(1 + random_.below(40)) + "s\r\n";
    if (random_.chance(0.2)) script.fields += "baton-cache: on\r\n";
    script.start = Duration(1ms) * random_.below(60'000);
    if (leaving && random_.chance(0.3)) {
      script.leave_after = Duration(1ms) * random_.below(10'000);
      script.leave_by_reset = random_.chance(0.5);
    }
    return script;
  }

  runtime::Random random_;
  uint64_t seed_;
};

// Looks at the pool before every turn of the loop.
class Watch {
 public:
  explicit Watch(World& world) : world_(world) {
    world.on_turn = [this] {
      if (++turn_ % 16 == 0) look();
    };
  }
  ~Watch() { world_.on_turn = nullptr; }

 private:
  void look() {
    const Instant now = world_.clock.now();
    const auto states = world_.accounts().states(now);
    const auto ejected = std::ranges::count_if(states, [&](const auto& one) { return one.ejected_until > now; });
    EXPECT_LE(2 * static_cast<size_t>(ejected), states.size()) << "more than half are ejected";
    if (states.size() == 1) EXPECT_EQ(ejected, 0) << "the only one is ejected";
    for (const auto& one : states) EXPECT_GE(one.in_flight, 0) << one.name;
  }
  World& world_;
  uint64_t turn_ = 0;
};

void check_outcomes(const World& world, const Plan& plan) {
  std::set<std::string> ids;
  for (const auto& outcome : world.outcomes) {
    SCOPED_TRACE(outcome.request_id);
    EXPECT_TRUE(ids.insert(outcome.request_id).second) << "two outcomes of one call";
    const size_t hedges = plan.options.pool.hedge.enabled ? 1 : 0;
    const size_t groups = plan.options.pool.routes.empty() ? 1 : 2;
    EXPECT_LE(outcome.attempts.size(), 3 * groups + hedges);
    size_t perhaps_processed = 0;
    for (size_t i = 0; i < outcome.attempts.size(); ++i) {
      const auto& attempt = outcome.attempts[i];
      const bool last = i + 1 == outcome.attempts.size();
      perhaps_processed += attempt.may_have_been_processed || attempt.result == AttemptResult::kOk;
      if (attempt.result == AttemptResult::kClientError && hedges == 0)
        EXPECT_TRUE(last) << "the client's own mistake was sent elsewhere";
      if (attempt.result == AttemptResult::kOk && hedges == 0) EXPECT_TRUE(last) << "repeated after an answer";
    }
    EXPECT_LE(perhaps_processed, 2 + hedges);
  }
  if (!plan.leaving) EXPECT_EQ(world.outcomes.size(), plan.scripts.size());
  EXPECT_LE(world.outcomes.size(), plan.scripts.size());
}

// Nothing was asked of an account between a 429 of it and the end of the time that this named.
void check_arrivals(const World& world, const Plan& plan) {
  struct Closed {
    Instant from, until;
  };
  std::map<size_t, std::vector<Closed>> closed;
  std::map<size_t, size_t> number;
  for (const Asked& asked : world.upstreams.asked) {
    for (const Closed& one : closed[asked.account]) {
      EXPECT_FALSE(asked.at > one.from && asked.at < one.until)
          << "account " << asked.account << " was asked inside a Retry-After";
    }
    const size_t n = number[asked.account]++;
    if (n >= plan.answers[asked.account].size()) continue;
    const uint64_t wait = plan.answers[asked.account][n].retry_after_s;
    if (wait > 0) closed[asked.account].push_back({asked.at, asked.at + std::chrono::seconds(wait)});
  }
}

void check_clients(const Plan& plan, const std::vector<Seen>& seen) {
  for (size_t i = 0; i < seen.size(); ++i) {
    const Seen& one = seen[i];
    SCOPED_TRACE("client " + std::to_string(i) + " " + plan.scripts[i].fields);
    EXPECT_FALSE(one.malformed) << one.head << one.body;
    if (plan.scripts[i].leave_after) continue;
    EXPECT_NE(one.status, 0) << "no answer";
    // Waiting is bounded: for an account, then for at most a few answers of at most 20 s.
    EXPECT_LE(one.total, Duration(plan.options.pool.queue.max_wait + 90s));
    if (one.status == 429 && one.field("retry-after").empty() && one.field("request-id").empty())
      ADD_FAILURE() << "refused without saying when to come again";
    if (one.status == 200 && one.complete && !one.events.empty() && one.events.back() != "error")
      EXPECT_EQ(std::ranges::count(one.events, "message_start"), 1) << "two answers in one";
  }
}

void run(uint64_t seed) {
  Plan plan = Planner(seed).plan();
  World world(plan.options);
  for (size_t account = 0; account < plan.answers.size(); ++account) {
    for (const Answer& answer : plan.answers[account]) world.upstreams.next(account, answer.reply);
    world.upstreams.always(account, message());
  }
  std::vector<Seen> seen;
  {
    Watch watch(world);
    seen = world.play(plan.scripts);
  }
  check_outcomes(world, plan);
  // Of several endpoints each has its own answers; those are not told apart here.
  if (plan.one_address) check_arrivals(world, plan);
  check_clients(plan, seen);
  world.check();
}

TEST(RandomPoolSimulation, pools_from_seeds_never_do_what_a_pool_must_not) { play_seeds(150, run); }

}  // namespace
}  // namespace baton::simulation
