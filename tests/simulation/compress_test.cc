// Packed request bodies through the whole relay: what the upstream gets, and what happens when it does not take them.
#include <gtest/gtest.h>

#include "http/encode.h"
#include "tests/simulation/world.h"

namespace baton::simulation {
namespace {

constexpr std::string_view kMessage =
    R"({"id":"msg_1","type":"message","content":[],"stop_reason":"end_turn","usage":{"input_tokens":12,"output_tokens":3}})";

std::string large_text() {
  std::string text;
  for (int i = 0; text.size() < 60'000; ++i) text += "line " + std::to_string(i) + " of a long prompt. ";
  return text;
}

Script call(std::string body, std::string fields = "") {
  return {.fields = std::move(fields), .body = std::move(body)};
}

std::string decoded(http::Coding coding, std::string_view bytes) {
  auto plain = http::decode_whole(coding, bytes, {.output_bytes_max = 1 * kMiB});
  EXPECT_TRUE(plain.has_value());
  return plain ? *plain : std::string();
}

TEST(CompressSimulation, a_large_body_goes_up_packed_and_a_small_one_as_it_is) {
  World world({.scripted = true, .compress = true});
  world.upstreams.always(0, Reply::json(200, kMessage));
  const std::string large = World::body(false, large_text());
  EXPECT_EQ(world.play(call(large)).status, 200);
  EXPECT_EQ(world.play(call(World::body(false))).status, 200);
  ASSERT_EQ(world.upstreams.asked.size(), 2u);
  const Asked& packed = world.upstreams.asked[0];
  EXPECT_NE(packed.head.find("content-encoding: gzip\r\n"), std::string::npos) << packed.head;
  EXPECT_NE(packed.head.find("content-length: " + std::to_string(packed.body.size()) + "\r\n"), std::string::npos);
  EXPECT_LT(packed.body.size(), large.size() / 4);
  EXPECT_EQ(decoded(http::Coding::kGzip, packed.body), large);
  EXPECT_EQ(world.upstreams.asked[1].head.find("content-encoding"), std::string::npos);
  EXPECT_EQ(world.upstreams.asked[1].body, World::body(false));
  EXPECT_EQ(world.metric("baton_requests_packed_total"), 1);
  EXPECT_EQ(world.metric("baton_request_bytes_saved_total"), static_cast<double>(large.size() - packed.body.size()));
  world.check();
}

TEST(CompressSimulation, a_refusal_costs_one_attempt_and_no_call) {
  for (const Reply& refusal :
       {Reply::json(415, "{}"), Reply::json(400, R"({"error":{"message":"bad Content-Encoding"}})")}) {
    World world({.scripted = true, .compress = true});
    world.upstreams.next(0, refusal);
    world.upstreams.always(0, Reply::json(200, kMessage));
    const std::string large = World::body(false, large_text());
    EXPECT_EQ(world.play(call(large)).status, 200);
    ASSERT_EQ(world.upstreams.asked.size(), 2u);
    EXPECT_EQ(world.upstreams.asked[1].head.find("content-encoding"), std::string::npos);
    EXPECT_EQ(world.upstreams.asked[1].body, large);
    ASSERT_EQ(world.outcomes[0].attempts.size(), 2u);
    EXPECT_EQ(world.outcomes[0].attempts[0].result, model::AttemptResult::kClientError);
    EXPECT_EQ(world.outcomes[0].attempts[1].result, model::AttemptResult::kOk);
    // It is remembered.
    EXPECT_EQ(world.play(call(large)).status, 200);
    EXPECT_EQ(world.upstreams.asked.size(), 3u);
    EXPECT_EQ(world.metric("baton_request_codings_refused_total"), 1);
    EXPECT_EQ(world.metric("baton_retry_budget_refusals_total").value_or(0), 0);
    world.check();
  }
}

TEST(CompressSimulation, an_error_of_the_call_itself_passes_as_it_is) {
  World world({.scripted = true, .compress = true});
  world.upstreams.always(0, Reply::json(400, R"({"error":{"message":"max_tokens: field required"}})"));
  EXPECT_EQ(world.play(call(World::body(false, large_text()))).status, 400);
  EXPECT_EQ(world.upstreams.asked.size(), 1u);
  world.check();
}

TEST(CompressSimulation, what_a_client_has_packed_passes_as_it_came) {
  World world({.scripted = true, .compress = true});
  world.upstreams.always(0, Reply::json(200, kMessage));
  const std::string packed = *http::encode_whole(http::Coding::kGzip, World::body(false, large_text()));
  EXPECT_EQ(world.play(call(packed, "content-encoding: gzip\r\n")).status, 200);
  EXPECT_EQ(world.upstreams.asked[0].body, packed);
  EXPECT_EQ(world.metric("baton_requests_packed_total"), 0);
  world.check();
}

TEST(CompressSimulation, between_two_batons_it_is_zstd) {
  World world({.scripted = true, .compress = true});
  world.upstreams.always(0, Reply::json(200, kMessage, "baton-request-id: brq_other\r\n"));
  const std::string large = World::body(false, large_text());
  EXPECT_EQ(world.play(call(large)).status, 200);
  EXPECT_EQ(world.play(call(large)).status, 200);
  ASSERT_EQ(world.upstreams.asked.size(), 2u);
  EXPECT_NE(world.upstreams.asked[0].head.find("content-encoding: gzip\r\n"), std::string::npos);
  EXPECT_NE(world.upstreams.asked[1].head.find("content-encoding: zstd\r\n"), std::string::npos);
  EXPECT_EQ(decoded(http::Coding::kZstd, world.upstreams.asked[1].body), large);
  world.check();
}

TEST(CompressSimulation, the_second_baton_unpacks_what_the_vendor_may_not_take) {
  World world({.scripted = true});
  world.upstreams.always(0, Reply::json(200, kMessage));
  const std::string large = World::body(false, large_text());
  const std::string packed = *http::encode_whole(http::Coding::kZstd, large);
  EXPECT_EQ(world.play(call(packed, "content-encoding: zstd\r\n")).status, 200);
  ASSERT_EQ(world.upstreams.asked.size(), 1u);
  EXPECT_EQ(world.upstreams.asked[0].head.find("content-encoding"), std::string::npos);
  EXPECT_EQ(world.upstreams.asked[0].body, large);
  EXPECT_EQ(world.play(call("no zstd", "content-encoding: zstd\r\n")).status, 400);
  world.check();
}

}  // namespace
}  // namespace baton::simulation
