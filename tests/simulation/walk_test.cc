// The walk of a request through the whole relay, on virtual time.
#include <gtest/gtest.h>

#include "tests/simulation/world.h"

namespace baton::simulation {
namespace {

TEST(WalkSimulation, a_streamed_call_arrives_event_by_event) {
  World world({.seed = 1});
  Seen seen = world.play({.body = World::body(true)});
  EXPECT_EQ(seen.status, 200);
  EXPECT_TRUE(seen.complete);
  ASSERT_GE(seen.events.size(), 5u);
  EXPECT_EQ(seen.events.front(), "message_start");
  EXPECT_EQ(seen.events.back(), "message_stop");
  EXPECT_TRUE(seen.field("baton-request-id").starts_with("brq_"));
  ASSERT_EQ(world.outcomes.size(), 1u);
  EXPECT_EQ(world.outcomes[0].status, 200);
  EXPECT_EQ(world.outcomes[0].ending, model::Ending::kComplete);
  EXPECT_EQ(world.outcomes[0].events, seen.events.size());
  world.check();
}

TEST(WalkSimulation, an_unstreamed_call_arrives_whole) {
  World world({.seed = 2});
  Seen seen = world.play({.body = World::body(false)});
  EXPECT_EQ(seen.status, 200);
  EXPECT_TRUE(seen.complete);
  EXPECT_TRUE(seen.body.starts_with("{\"")) << seen.body;
  world.check();
}

}  // namespace
}  // namespace baton::simulation
