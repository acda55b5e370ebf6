// Prompts that are kept in the vendor's cache, through the whole relay on virtual time: the simulator keeps a cache for
// each account, and what was read and written there is what counts.
#include <gtest/gtest.h>

#include "ledger/budgets.h"
#include "tests/simulation/checks.h"
#include "tests/simulation/world.h"

namespace baton::simulation {
namespace {

using namespace std::chrono_literals;
using model::CacheUse;

constexpr std::string_view kMark = R"(,"cache_control":{"type":"ephemeral"})";

class KeepWarmSimulation : public testing::Test {
 protected:
  WorldOptions with(double share, size_t accounts = 1) {
    WorldOptions options;
    options.accounts = accounts;
    options.pool = {};
    options.sim.orgs.clear();
    for (size_t i = 0; i < accounts; ++i)
      options.sim.orgs.push_back({.id = "org_" + std::to_string(i), .keys = {{.key = World::key(i)}}});
    options.sim.output_tokens = 10;
    options.budgets = &budgets_;
    options.warmth = {.keep_warm_share = share};
    return options;
  }
  // A prompt of its own of about 10,000 tokens, used twice with this time between.
  static void use_twice(World& world, const std::string& name, Duration between, std::string fields = "") {
    world.play({call(name, 0s, fields), call(name, between, fields)});
  }
  static Script call(const std::string& name, Duration start = 0s, std::string fields = "",
                     std::string_view more = "") {
    return {.fields = std::move(fields),
            .body = R"({"model":"claude-sonnet-5-5","max_tokens":64,"stream":true,"system":[{"type":"text","text":")" +
                    name + std::string(40'000, 's') + "\"" + std::string(kMark) + "}]" + std::string(more) +
                    R"(,"messages":[{"role":"user","content":"hi"}]})",
            .start = start};
  }
  // So many prompts that come back after seven minutes, some hours apart.
  static void teach(World& world, int prompts, std::string fields = "") {
    for (int i = 0; i < prompts; ++i) {
      use_twice(world, "taught " + std::to_string(i), 7min, fields);
      pause(world, 1h);
    }
  }
  static void pause(World& world, Duration time) { world.play({.method = "GET", .path = "/v1/models", .start = time}); }
  static double results(const World& world, std::string_view result) {
    return world.metric("baton_keep_warm_total{result=\"" + std::string(result) + "\"}").value_or(0);
  }
  static size_t warm_calls(const World& world) {
    return static_cast<size_t>(
        std::ranges::count_if(world.outcomes, [](const auto& one) { return one.cache == CacheUse::kWarm; }));
  }

  ledger::Budgets budgets_{{}, std::make_shared<ledger::PriceTable>()};
};

TEST_F(KeepWarmSimulation, a_prompt_that_is_expected_back_is_read_and_not_written_again) {
  World world(with(0.5));
  teach(world, 30);
  const double before = results(world, "useful");
  use_twice(world, "kept", 7min);
  const auto& back = world.outcomes.back();
  EXPECT_GT(back.usage.cache_read_input_tokens, 9'000);
  EXPECT_EQ(back.usage.cache_creation_input_tokens, 0);
  EXPECT_EQ(results(world, "useful"), before + 1);
  const auto& asked = world.outcomes[world.outcomes.size() - 2];
  EXPECT_EQ(asked.cache, CacheUse::kWarm);
  EXPECT_EQ(asked.tags, "baton=keep-warm");
  EXPECT_EQ(asked.client, back.client);
  EXPECT_EQ(asked.status, 200);
  EXPECT_FALSE(asked.stream);
  EXPECT_EQ(asked.usage.output_tokens, 0) << "it costs no output";
  EXPECT_GT(asked.usage.cache_read_input_tokens, 9'000);
  EXPECT_GT(world.metric("baton_prompt_cache_dollars_total{what=\"warm_saved\"}").value_or(0),
            world.metric("baton_prompt_cache_dollars_total{what=\"warm_spent\"}").value_or(1));
  EXPECT_EQ(world.metric("baton_cache_calls_total{result=\"warm\"}"), static_cast<double>(warm_calls(world)));
  world.check();
  world.keep_warm().cut();
  EXPECT_EQ(world.warm_bytes.taken(), 0u);
}

TEST_F(KeepWarmSimulation, it_goes_to_the_account_that_holds_it) {
  World world(with(0.5, 4));
  teach(world, 40);
  ASSERT_GT(warm_calls(world), 5u);
  for (size_t i = 1; i < world.outcomes.size(); ++i) {
    if (world.outcomes[i].cache != CacheUse::kWarm) continue;
    ASSERT_EQ(world.outcomes[i].attempts.size(), 1u);
    EXPECT_EQ(world.outcomes[i].attempts[0].account, world.outcomes[i - 1].attempts.back().account);
    EXPECT_GT(world.outcomes[i].usage.cache_read_input_tokens, 9'000);
  }
  world.check();
}

TEST_F(KeepWarmSimulation, nobody_who_forbids_it_is_kept_warm) {
  for (const std::string fields : {"baton-cache: off\r\n", "cache-control: no-store\r\n"}) {
    World world(with(0.5));
    teach(world, 30, fields);
    EXPECT_EQ(warm_calls(world), 0u) << fields;
    world.check();
  }
}

TEST_F(KeepWarmSimulation, turned_off_or_without_money_it_asks_for_nothing) {
  World off(with(0));
  teach(off, 30);
  EXPECT_EQ(off.metrics_text().find("baton_keep_warm_total{"), std::string::npos);
  EXPECT_EQ(off.keep_warm().waiting(), 0u);
  World poor(with(1e-6));
  teach(poor, 30);
  EXPECT_EQ(warm_calls(poor), 0u);
  EXPECT_GT(results(poor, "no_money"), 3);
}

TEST_F(KeepWarmSimulation, a_budget_of_thinking_is_not_asked_for_without_output) {
  World world(with(0.5));
  teach(world, 30);
  const size_t before = warm_calls(world);
  world.play(call("thinks", 0s, "", R"(,"thinking":{"type":"enabled","budget_tokens":1024})"));
  pause(world, 10min);
  EXPECT_EQ(warm_calls(world), before);
}

TEST_F(KeepWarmSimulation, after_the_end_nothing_is_asked_for) {
  World world(with(0.5));
  teach(world, 30);
  world.play(call("last"));
  EXPECT_GE(world.keep_warm().waiting(), 1u);
  const size_t before = warm_calls(world);
  world.keep_warm().cut();
  EXPECT_EQ(world.keep_warm().waiting(), 0u);
  pause(world, 10min);
  EXPECT_EQ(warm_calls(world), before);
}

// A vendor that does not know max_tokens 0: then one token is asked for.
TEST_F(KeepWarmSimulation, where_no_output_is_refused_one_token_is_asked_for) {
  WorldOptions options = with(0.5);
  options.scripted = true;
  World world(options);
  const auto plain = [&](const std::string& name, Duration start = 0s) {
    Script script = call(name, start);
    script.body.replace(script.body.find("true"), 4, "false");
    return script;
  };
  const Reply good = Reply::json(200, R"({"type":"message","content":[],"stop_reason":"end_turn","usage":{)"
                                      R"("input_tokens":5,"cache_read_input_tokens":10000,"output_tokens":9}})");
  world.upstreams.always(0, good);
  for (int i = 0; i < 30; ++i) {
    world.play({plain("taught " + std::to_string(i)), plain("taught " + std::to_string(i), 7min)});
    pause(world, 1h);
  }
  world.play(plain("refused"));
  world.upstreams.always(0, Reply::json(400, R"({"type":"error","error":{"type":"invalid_request_error"}})"));
  pause(world, 10min);
  world.upstreams.always(0, good);
  world.play(plain("again"));
  pause(world, 10min);
  std::vector<std::string> most;
  for (const auto& asked : world.upstreams.asked) {
    const size_t at = asked.body.find(R"("max_tokens":)");
    if (at != std::string::npos) most.push_back(asked.body.substr(at + 13, asked.body.find(',', at) - at - 13));
  }
  ASSERT_GE(most.size(), 4u);
  const std::vector<std::string> last(most.end() - 4, most.end());
  EXPECT_EQ(last, (std::vector<std::string>{"64", "0", "64", "1"}));
}

}  // namespace
}  // namespace baton::simulation
