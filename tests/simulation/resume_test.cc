// Streams that a client may come back to, on virtual time: nothing is lost, nothing is asked twice, nothing stays.
#include <gtest/gtest.h>

#include "tests/simulation/checks.h"
#include "tests/simulation/world.h"

namespace baton::simulation {
namespace {

using namespace std::chrono_literals;
using model::Ending;

WorldOptions resuming(uint64_t seed = 1) {
  WorldOptions options;
  options.seed = seed;
  options.scripted = true;
  return options;
}

Script call(std::string fields = "baton-resume: on\r\n") {
  return {.fields = std::move(fields), .body = World::body(/*stream=*/true)};
}

std::string joined(const std::vector<std::string>& pieces) {
  std::string all;
  for (const auto& piece : pieces) all += piece;
  return all;
}

// The stream as a client that comes back sees it.
std::string numbered(const std::vector<std::string>& pieces) {
  std::string all;
  for (size_t i = 0; i < pieces.size(); ++i) all += "id: " + std::to_string(i + 1) + "\n" + pieces[i];
  return all;
}

// The last event that came whole, and the bytes up to its end.
struct Had {
  uint64_t id = 0;
  std::string bytes;
};
Had had(std::string_view body) {
  const size_t end = body.rfind("\n\n");
  if (end == body.npos) return {};
  Had had{.id = 0, .bytes = std::string(body.substr(0, end + 2))};
  const size_t id = had.bytes.rfind("id: ");
  had.id = std::stoull(had.bytes.substr(id + 4));
  return had;
}

Script back(const Seen& dropped, std::optional<uint64_t> last, Duration start = {}) {
  Script script{.method = "GET", .path = dropped.field("baton-resume"), .start = start};
  script.default_fields = false;
  script.fields = "host: relay\r\n";
  if (last) script.fields += "last-event-id: " + std::to_string(*last) + "\r\n";
  return script;
}

void check_after_grace(World& world) {
  world.play(Script{.method = "HEAD", .path = "/", .start = 62s});
  EXPECT_EQ(world.resumables().size(), 0u);
  EXPECT_EQ(world.metric("baton_resumable_streams"), 0);
  EXPECT_EQ(world.flights().bytes().taken(), 0u);
  world.check();
}

TEST(ResumeSimulation, without_a_drop_it_is_the_stream_with_numbers) {
  World world(resuming());
  world.upstreams.next(0, Reply::stream(short_message(), 10ms));
  const Seen seen = world.play(call());
  EXPECT_TRUE(seen.complete);
  EXPECT_EQ(seen.body, numbered(short_message()));
  EXPECT_TRUE(seen.field("baton-resume").starts_with("/baton/streams/"));
  EXPECT_EQ(seen.field("baton-resume").size(), std::string_view("/baton/streams/").size() + 32);
  EXPECT_EQ(world.outcomes.back().usage.input_tokens, 12);
  check_after_grace(world);
}

TEST(ResumeSimulation, without_the_wish_nothing_is_added) {
  World world(resuming());
  for (std::string_view fields : {"", "baton-resume: off\r\n"}) {
    world.upstreams.next(0, Reply::stream(short_message(), 10ms));
    const Seen seen = world.play(call(std::string(fields)));
    EXPECT_EQ(seen.body, joined(short_message()));
    EXPECT_EQ(seen.field("baton-resume"), "");
  }
  EXPECT_EQ(world.play(call("baton-resume: please\r\n")).status, 400);
  EXPECT_EQ(world.play(call("baton-resume: on\r\nbaton-resume: on\r\n")).status, 400);
  world.check();
}

TEST(ResumeSimulation, a_client_dropped_at_any_byte_misses_nothing_and_the_upstream_is_asked_once) {
  const auto pieces = short_message();
  const std::string want = numbered(pieces);
  size_t dropped_early = 0;
  for (size_t at = 400; at < want.size() + 400; at += 61) {
    World world(resuming(at));
    world.upstreams.next(0, Reply::stream(pieces, 100ms));
    Script script = call();
    script.leave_after_bytes = at;
    const Seen first = world.play(script);
    if (!first.left || first.field("baton-resume").empty()) continue;
    ++dropped_early;
    const Had before = had(first.body);
    const Seen rest = world.play(back(first, before.id == 0 ? std::nullopt : std::optional(before.id)));
    if (before.bytes.size() == want.size()) {
      EXPECT_EQ(rest.status, 204);
    } else {
      EXPECT_EQ(rest.status, 200) << rest.body;
      EXPECT_TRUE(rest.complete);
      EXPECT_EQ(before.bytes + rest.body, want) << "left at " << at;
    }
    EXPECT_EQ(world.upstreams.asked.size(), 1u);
    ASSERT_EQ(world.outcomes.size(), 2u);
    if (before.id + 1 < pieces.size()) EXPECT_EQ(world.outcomes[0].ending, Ending::kClientGone);
    EXPECT_EQ(world.outcomes[0].usage.input_tokens, 12) << "all of it, once";
    EXPECT_TRUE(world.outcomes[1].reused || !world.outcomes[1].usage.known) << "what it saved";
    EXPECT_TRUE(world.outcomes[1].attempts.empty());
    EXPECT_EQ(world.outcomes[1].client, world.outcomes[0].client);
    check_after_grace(world);
  }
  EXPECT_GT(dropped_early, 10u);
}

TEST(ResumeSimulation, it_may_come_back_while_the_reply_is_still_coming) {
  World world(resuming());
  const auto pieces = short_message();
  world.upstreams.next(0, Reply::stream(pieces, 1s));
  Script script = call();
  script.leave_after = 5500ms;
  // Two come back: one goes on, the other has seen nothing.
  const Seen first = world.play(script);
  EXPECT_TRUE(first.left);
  const Had before = had(first.body);
  ASSERT_GT(before.id, 0u);
  const auto rest = world.play({back(first, before.id), back(first, std::nullopt)});
  EXPECT_EQ(before.bytes + rest[0].body, numbered(pieces));
  EXPECT_EQ(rest[1].body, numbered(pieces));
  EXPECT_EQ(world.upstreams.asked.size(), 1u);
  EXPECT_TRUE(world.upstreams.left.empty());
  check_after_grace(world);
}

TEST(ResumeSimulation, who_does_not_come_back_is_not_waited_for_for_ever) {
  World world(resuming());
  auto reply = Reply::stream(short_message(), 100ms);
  reply.acts[reply.acts.size() - 3].after = 300s;
  world.upstreams.next(0, reply);
  Script script = call();
  script.leave_after = 2s;
  const Seen seen = world.play(script);
  EXPECT_TRUE(seen.left);
  ASSERT_EQ(world.upstreams.left.size(), 1u) << "given up after the grace";
  ASSERT_TRUE(world.settle_time);
  EXPECT_GE(*world.settle_time, 59s);
  EXPECT_LE(*world.settle_time, 62s);
  EXPECT_EQ(world.play(back(seen, 1)).status, 404);
  check_after_grace(world);
}

TEST(ResumeSimulation, what_is_not_known_is_not_found) {
  World world(resuming());
  world.upstreams.next(0, Reply::stream(short_message(), 10ms));
  const Seen seen = world.play(call());
  Script unknown = back(seen, std::nullopt);
  unknown.path.back() = unknown.path.back() == '0' ? '1' : '0';
  EXPECT_EQ(world.play(unknown).status, 404);
  EXPECT_EQ(world.play(back(seen, 999)).status, 404);
  Script odd = back(seen, std::nullopt);
  odd.fields += "last-event-id: x1\r\n";
  EXPECT_EQ(world.play(odd).status, 400);
  Script post = back(seen, std::nullopt);
  post.method = "POST";
  EXPECT_EQ(world.play(post).status, 405);
  EXPECT_EQ(world.play(back(seen, short_message().size())).status, 204) << "all of it has been seen";
  EXPECT_EQ(world.metric("baton_stream_resumes_total{result=\"unknown\"}"), 1);
  check_after_grace(world);
}

TEST(ResumeSimulation, another_tenants_credential_does_not_open_it) {
  WorldOptions options = resuming();
  options.auth.clients = {{.name = "ann", .key = Secret("ann-key-0123456789")},
                          {.name = "bob", .key = Secret("bob-key-0123456789")}};
  World world(std::move(options));
  world.upstreams.next(0, Reply::stream(short_message(), 10ms));
  Script script = call(
      "baton-resume: on\r\nhost: relay\r\ncontent-type: application/json\r\n"
      "anthropic-version: 2023-06-01\r\nx-api-key: ann-key-0123456789\r\n");
  script.default_fields = false;
  const Seen seen = world.play(script);
  EXPECT_EQ(seen.body, numbered(short_message()));
  struct {
    std::string_view field;
    int status;
  } const cases[] = {{"", 200},
                     {"x-api-key: ann-key-0123456789\r\n", 200},
                     {"x-api-key: bob-key-0123456789\r\n", 404},
                     {"x-api-key: nobodys-0123456789\r\n", 401}};
  for (const auto& one : cases) {
    Script again = back(seen, 1);
    again.fields += one.field;
    EXPECT_EQ(world.play(again).status, one.status) << one.field;
  }
  check_after_grace(world);
}

TEST(ResumeSimulation, beyond_the_bound_a_stream_is_an_ordinary_one) {
  WorldOptions options = resuming();
  options.resume.streams_max = 1;
  World world(std::move(options));
  world.upstreams.always(0, Reply::stream(short_message(), 10ms));
  EXPECT_NE(world.play(call()).field("baton-resume"), "");
  const Seen second = world.play(call());
  EXPECT_EQ(second.field("baton-resume"), "");
  EXPECT_EQ(second.body, joined(short_message()));
  EXPECT_EQ(world.metric("baton_resumable_refusals_total"), 1);
  check_after_grace(world);
}

TEST(ResumeSimulation, turned_off_it_costs_and_adds_nothing) {
  WorldOptions options = resuming();
  options.resume.grace = {};
  World world(std::move(options));
  world.upstreams.next(0, Reply::stream(short_message(), 10ms));
  const Seen seen = world.play(call());
  EXPECT_EQ(seen.body, joined(short_message()));
  EXPECT_EQ(seen.field("baton-resume"), "");
  world.check();
}

TEST(ResumeSimulation, what_is_kept_of_it_has_no_numbers) {
  WorldOptions options = resuming();
  options.cache = reuse::Config{};
  World world(std::move(options));
  world.upstreams.next(0, Reply::stream(short_message(), 10ms));
  EXPECT_EQ(world.play(call("baton-resume: on\r\nbaton-cache: on\r\n")).body, numbered(short_message()));
  const Seen hit = world.play(call("baton-cache: on\r\n"));
  EXPECT_EQ(hit.field("baton-cache"), "hit");
  EXPECT_EQ(hit.body, joined(short_message()));
  check_after_grace(world);
}

}  // namespace
}  // namespace baton::simulation
