// Single cases that once went wrong, each at the smallest scale that shows it.
#include <gtest/gtest.h>

#include <new>

#include "tests/simulation/world.h"

namespace baton::simulation {
namespace {

using namespace std::chrono_literals;
using runtime::ByteStream;
using runtime::IoResult;
using runtime::IoStatus;
using What = Act::What;

WorldOptions scripted(size_t accounts, uint64_t seed = 1) {
  WorldOptions options;
  options.seed = seed;
  options.accounts = accounts;
  options.scripted = true;
  return options;
}

constexpr std::string_view kMessage = R"({"id":"msg_1","type":"message","content":[],"usage":{"input_tokens":12,"output_tokens":3}})";

TEST(ReviewSimulation, an_object_named_in_a_head_is_found_after_the_body_made_the_head_move) {
  auto options = scripted(3);
  options.client_weather.piece_bytes_max = 300;
  World world(options);
  for (size_t i = 0; i < 3; ++i) world.upstreams.always(i, Reply::json(200, R"({"id":"msgbatch_1"})"));
  ASSERT_TRUE(world.bindings().bind("msgbatch_1", "account-2", store::ObjectKind::kBatch));
  for (int i = 0; i < 3; ++i) {
    world.play({.path = "/v1/messages/batches/msgbatch_1/cancel", .body = std::string(100'000, ' '), .chunked = true});
    EXPECT_EQ(world.upstreams.asked.back().account, 2u);
  }
  Script remove{.method = "DELETE", .path = "/v1/messages/batches/msgbatch_1", .body = std::string(400'000, ' ')};
  world.play(remove);
  EXPECT_EQ(world.upstreams.asked.back().account, 2u);
  auto owner = world.bindings().account_of("msgbatch_1");
  ASSERT_TRUE(owner);
  EXPECT_FALSE(owner->has_value());
  world.check();
}

}  // namespace
}  // namespace baton::simulation
