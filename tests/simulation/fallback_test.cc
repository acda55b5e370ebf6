// Another model that stands in, and what it must not touch: the key's rights, and what is kept for later.
#include <gtest/gtest.h>

#include "tests/simulation/world.h"

namespace baton::simulation {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kAllow = "baton-allow-model-fallback: 1\r\n";

Reply overloaded() { return Reply::json(529, R"({"type":"error"})"); }
Reply message(std::string_view model) {
  return Reply::json(200, std::string(R"({"id":"msg_1","type":"message","role":"assistant","model":")")
                              .append(model)
                              .append(R"(","content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn",)"
                                      R"("usage":{"input_tokens":12,"output_tokens":3}})"));
}

class FallbackSimulation : public testing::Test {
 protected:
  WorldOptions options() {
    WorldOptions options{.accounts = 1, .scripted = true, .keys = &ring_};
    options.pool.routes = {{.fallback_models = {"claude-opus-4-8", "claude-sonnet-5-5"}}};
    return options;
  }
  void give(const std::string& name, auth::Rights rights) {
    stored_.keys.push_back({.id = "key_" + name, .name = name, .rights = std::move(rights)});
    stored_.secrets.push_back({.digest = auth::keyed_digest(stored_.secret, secret(name)), .key_id = "key_" + name});
    ring_.replace(stored_);
  }
  static std::string secret(const std::string& name) { return "bk-secret-of-" + name; }
  static Script call(const std::string& name, std::string_view more) {
    return {.fields =
                "host: relay.example\r\ncontent-type: application/json\r\nanthropic-version: 2023-06-01\r\n"
                "x-api-key: " +
                secret(name) + "\r\n" + std::string(more),
            .body = R"({"model":"claude-opus-5-5","max_tokens":64,"temperature":0,)"
                    R"("messages":[{"role":"user","content":"hi"}]})",
            .default_fields = false};
  }

  auth::StoredKeys stored_;
  auth::KeyRing ring_;
};

TEST_F(FallbackSimulation, AKeyGetsNoModelThatItMayNotUse) {
  give("both", {});
  give("no-opus-4", {.models = {"claude-opus-5-5", "claude-sonnet-*"}});
  give("one", {.models = {"claude-opus-5-5"}});
  struct Row {
    const char* key;
    int status;
    std::string_view model;
  };
  for (const Row& row :
       {Row{"both", 200, "claude-opus-4-8"}, Row{"no-opus-4", 200, "claude-sonnet-5-5"}, Row{"one", 529, ""}}) {
    SCOPED_TRACE(row.key);
    World world(options());
    world.upstreams.next(0, overloaded());
    world.upstreams.always(0, row.status == 200 ? message(row.model) : overloaded());
    const Seen seen = world.play(call(row.key, kAllow));
    EXPECT_EQ(seen.status, row.status) << seen.body;
    EXPECT_EQ(seen.field("baton-model-fallback"), row.model);
    for (const Asked& asked : world.upstreams.asked) {
      const bool first = asked.body.find("claude-opus-5-5") != std::string::npos;
      EXPECT_TRUE(first || (!row.model.empty() && asked.body.find(row.model) != std::string::npos)) << asked.body;
    }
    world.check();
  }
}

TEST_F(FallbackSimulation, WhatAnotherModelSaidIsNotKeptAsTheAnswer) {
  give("both", {});
  WorldOptions with_cache = options();
  with_cache.cache = reuse::Config{.coalesce = false};  // a flight that others may read stays with the model
  World world(with_cache);
  const std::string fields = std::string(kAllow) + "baton-cache: on\r\n";
  world.upstreams.next(0, overloaded());
  world.upstreams.always(0, message("claude-opus-4-8"));
  const Seen other = world.play(call("both", fields));
  EXPECT_EQ(other.field("baton-model-fallback"), "claude-opus-4-8");
  EXPECT_EQ(world.outcomes.back().model, "claude-opus-4-8");
  // The model that was asked for is back: it is asked, and only its answer is kept.
  world.upstreams.always(0, message("claude-opus-5-5"));
  const Seen own = world.play(call("both", fields));
  EXPECT_EQ(own.field("baton-cache"), "miss");
  EXPECT_NE(own.body.find("claude-opus-5-5"), std::string::npos);
  const Seen kept = world.play(call("both", fields));
  EXPECT_EQ(kept.field("baton-cache"), "hit");
  EXPECT_EQ(kept.body, own.body);
  EXPECT_EQ(kept.field("baton-model-fallback"), "");
  world.check();
}

}  // namespace
}  // namespace baton::simulation
