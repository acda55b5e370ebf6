// The fault matrix: what the relay does when the other side of it fails, a row each. Rows are named as in the tests'
// README.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "dialect/error_reply.h"
#include "tests/simulation/checks.h"
#include "tests/simulation/world.h"

namespace baton::simulation {
namespace {

using namespace std::chrono_literals;
using model::AttemptResult;
using model::Ending;
using What = Act::What;

WorldOptions scripted(size_t accounts, uint64_t seed = 1) {
  WorldOptions options;
  options.seed = seed;
  options.accounts = accounts;
  options.scripted = true;
  return options;
}

Script call(bool stream) { return {.body = World::body(stream)}; }
Script faulty(bool stream, std::string_view control) {
  return {.fields = "baton-sim: " + std::string(control) + "\r\n", .body = World::body(stream)};
}

Reply good_stream() { return Reply::stream(short_message()); }
std::string good_content() {
  std::string all;
  for (const auto& piece : short_message()) all += piece;
  return all;
}
constexpr std::string_view kMessage =
    R"({"id":"msg_1","type":"message","content":[],"stop_reason":"end_turn","usage":{"input_tokens":12,"output_tokens":3}})";
Reply good(bool stream) { return stream ? good_stream() : Reply::json(200, kMessage); }
std::string good_body(bool stream) { return stream ? good_content() : std::string(kMessage); }

std::vector<AttemptResult> results(const World& world) {
  std::vector<AttemptResult> out;
  for (const auto& attempt : world.outcomes.back().attempts) out.push_back(attempt.result);
  return out;
}

// The relay's own error as a whole reply.
void expect_error(const Seen& seen, int status, std::string_view type) {
  EXPECT_EQ(seen.status, status) << seen.body;
  EXPECT_TRUE(seen.complete);
  EXPECT_TRUE(seen.body.starts_with(R"({"type":"error","error":{"type":")" + std::string(type) + "\"")) << seen.body;
  EXPECT_NE(seen.body.find("\"request_id\":\"brq_"), std::string::npos);
}

class FaultSimulation : public testing::TestWithParam<bool> {};  // streamed or not
INSTANTIATE_TEST_SUITE_P(Kinds, FaultSimulation, testing::Values(true, false),
                         [](const auto& kind) { return kind.param ? "streamed" : "unstreamed"; });

TEST_P(FaultSimulation, F01_a_refused_connection_moves_to_the_next_account) {
  World world({.accounts = 2});
  for (size_t i = 0; i < 4; ++i) {
    world.dialers[i % 2]->refuse = true;
    world.dialers[(i + 1) % 2]->refuse = false;
    Seen seen = world.play(call(GetParam()));
    EXPECT_EQ(seen.status, 200);
    EXPECT_TRUE(seen.complete);
    EXPECT_LE(world.outcomes.back().attempts.size(), 2u);
    EXPECT_EQ(world.outcomes.back().attempts.back().result, AttemptResult::kOk);
    world.pool(0).close_idle();
    world.pool(1).close_idle();
  }
  world.check();
}

TEST_P(FaultSimulation, F01_when_every_account_refuses_the_client_gets_502) {
  for (size_t accounts : {1u, 2u, 3u}) {
    World world({.accounts = accounts});
    for (auto& dialer : world.dialers) dialer->refuse = true;
    Seen seen = world.play(call(GetParam()));
    expect_error(seen, 502, "api_error");
    EXPECT_EQ(results(world), std::vector<AttemptResult>(accounts, AttemptResult::kConnectFailed));
    for (const auto& attempt : world.outcomes[0].attempts) EXPECT_FALSE(attempt.may_have_been_processed);
    world.check();
  }
}

// F7, F9, F10, F11, F18: the upstream's answer ends at every byte, by reset and by a clean end, with one account and
// with two.
class CutSimulation : public testing::TestWithParam<std::tuple<bool, What, size_t>> {};
INSTANTIATE_TEST_SUITE_P(Kinds, CutSimulation,
                         testing::Combine(testing::Values(true, false), testing::Values(What::kReset, What::kEnd),
                                          testing::Values(1u, 2u)),
                         [](const auto& kind) {
                           return std::string(std::get<0>(kind.param) ? "streamed" : "unstreamed") +
                                  (std::get<1>(kind.param) == What::kReset ? "_reset" : "_end") + "_accounts_" +
                                  std::to_string(std::get<2>(kind.param));
                         });

TEST_P(CutSimulation, F07_F09_F10_F11_a_reply_cut_at_every_byte_is_repeated_once_or_ends_in_an_error) {
  const auto [stream, then, accounts] = GetParam();
  const Reply whole = good(stream);
  const std::string written = whole.all();
  const std::string content = good_body(stream);
  size_t repeated = 0, cut_open = 0;
  for (size_t offset = 0; offset < written.size(); ++offset) {
    SCOPED_TRACE("cut behind byte " + std::to_string(offset));
    auto options = scripted(accounts, offset + 1);
    options.upstream_weather.piece_bytes_max = offset % 3 == 0 ? 1 : 4096;
    World world(options);
    for (size_t i = 0; i < accounts; ++i) world.upstreams.next(i, whole.cut(offset, then));
    for (size_t i = 0; i < accounts; ++i) world.upstreams.always(i, whole);
    // With two accounts the first to be asked is cut, and so is the other: the third answer would be whole.
    Seen seen = world.play(call(stream));
    const auto& outcome = world.outcomes.at(0);
    ASSERT_FALSE(seen.malformed);
    ASSERT_LE(world.upstreams.asked.size(), 2u) << "repeated more than once";
    ASSERT_EQ(outcome.attempts.size(), world.upstreams.asked.size());
    if (seen.status == 502) {
      expect_error(seen, 502, "api_error");
    } else {
      ASSERT_EQ(seen.status, 200);
      Comparison same = compare(seen.body, content);
      ASSERT_TRUE(same.fits) << seen.body;
      if (same.forwarded_bytes == content.size()) {
        ASSERT_EQ(outcome.ending, Ending::kComplete);
        ASSERT_TRUE(seen.complete);
      } else {
        ASSERT_TRUE(same.error_event || seen.reset) << "looks complete: " << seen.body;
        ASSERT_TRUE(same.error_event || !stream);
        ASSERT_EQ(std::count(seen.events.begin(), seen.events.end(), "message_stop"), 0);
        ASSERT_EQ(outcome.ending, Ending::kUpstreamCut);
        ASSERT_EQ(outcome.attempts.size(), accounts == 1 ? outcome.attempts.size() : 1u);
        ++cut_open;
      }
    }
    if (outcome.attempts.size() == 2) ++repeated;
    for (const auto& attempt : outcome.attempts) {
      if (attempt.result != AttemptResult::kOk) EXPECT_TRUE(attempt.may_have_been_processed);
    }
    world.check();
  }
  EXPECT_GT(repeated + cut_open, written.size() / 2);
  if (!stream) EXPECT_EQ(cut_open, 0u);
}

TEST(FaultSimulationStream, F11_once_the_client_had_a_byte_nothing_is_asked_again) {
  const Reply whole = good_stream();
  const std::string written = whole.all();
  const size_t opened = written.find("event: content_block_start");
  const size_t opened_end = written.find("\n\n", opened) + 2;
  for (size_t offset = opened_end; offset < written.size(); ++offset) {
    World world(scripted(2, offset));
    for (size_t i = 0; i < 2; ++i)
      world.upstreams.always(i, whole.cut(offset, offset % 2 == 0 ? What::kReset : What::kEnd));
    Seen seen = world.play(call(true));
    ASSERT_EQ(seen.status, 200);
    ASSERT_EQ(world.upstreams.asked.size(), 1u) << offset;
    ASSERT_EQ(world.outcomes[0].attempts.size(), 1u);
    ASSERT_TRUE(world.outcomes[0].attempts[0].usage.known);
    ASSERT_EQ(world.outcomes[0].usage.input_tokens, 12);
    world.check();
  }
}

// -- F8, F19, F20: connections that are kept --

TEST_P(FaultSimulation, F08_a_pooled_connection_closed_at_its_reuse_is_replaced_unseen) {
  for (What then : {What::kReset, What::kEnd}) {
    World world(scripted(1));
    world.upstreams.next(0, good(GetParam()));
    world.upstreams.next(0, {.acts = {{.what = then}}});
    world.upstreams.next(0, good(GetParam()));
    EXPECT_EQ(world.play(call(GetParam())).body, good_body(GetParam()));
    Seen seen = world.play(call(GetParam()));
    EXPECT_EQ(seen.body, good_body(GetParam()));
    // Nobody knows whether the first was read: it is booked.
    const auto& attempts = world.outcomes.at(1).attempts;
    ASSERT_EQ(attempts.size(), 2u);
    EXPECT_EQ(attempts[0].result, model::AttemptResult::kReset);
    EXPECT_TRUE(attempts[0].may_have_been_processed);
    EXPECT_TRUE(attempts[0].reused_connection);
    EXPECT_EQ(attempts[1].result, model::AttemptResult::kOk);
    ASSERT_EQ(world.upstreams.asked.size(), 3u);
    EXPECT_EQ(world.upstreams.asked[1].connection, 0u);
    EXPECT_EQ(world.upstreams.asked[2].connection, 1u);
    world.check();
  }
}

TEST_P(FaultSimulation, F08_what_was_sent_again_on_a_fresh_connection_is_not_repeated_once_more) {
  World world(scripted(2));
  const Reply dead{.acts = {{.what = What::kReset}}};
  for (size_t i = 0; i < 2; ++i) world.upstreams.next(i, good(GetParam()));
  for (int i = 0; i < 2; ++i) world.play(call(GetParam()));
  ASSERT_EQ(world.pool(0).idle() + world.pool(1).idle(), 2u);
  for (size_t i = 0; i < 2; ++i) world.upstreams.always(i, dead);
  const size_t before = world.upstreams.asked.size();
  expect_error(world.play(call(GetParam())), 502, "api_error");
  EXPECT_LE(world.upstreams.asked.size() - before, 2u) << "may have been processed three times";
  world.check();
}

TEST_P(FaultSimulation, F19_bytes_behind_a_reply_never_reach_the_next_one) {
  const std::string poison = Reply::json(200, R"({"poison":true})").all();
  for (std::string surplus : {poison, std::string("garbage"), std::string("\r\n")}) {
    for (size_t piece : {1u, 4096u}) {
      auto options = scripted(1);
      options.upstream_weather.piece_bytes_max = piece;
      World world(options);
      Reply poisoned = good(GetParam());
      poisoned.acts.back().bytes += surplus;
      world.upstreams.next(0, poisoned);
      world.upstreams.next(0, good(GetParam()));
      EXPECT_EQ(world.play(call(GetParam())).body, good_body(GetParam()));
      EXPECT_EQ(world.play(call(GetParam())).body, good_body(GetParam()));
      ASSERT_EQ(world.upstreams.asked.size(), 2u);
      EXPECT_NE(world.upstreams.asked[0].connection, world.upstreams.asked[1].connection);
      world.check();
    }
  }
}

TEST_P(FaultSimulation, F20_what_comes_on_an_idle_connection_is_given_to_nobody) {
  World world(scripted(1));
  world.upstreams.after_reply = Reply::json(200, R"({"poison":true})").all();
  world.upstreams.after_reply_pause = 50ms;
  world.upstreams.always(0, good(GetParam()));
  EXPECT_EQ(world.play(call(GetParam())).body, good_body(GetParam()));
  Script later = call(GetParam());
  later.start = 1s;
  EXPECT_EQ(world.play(later).body, good_body(GetParam()));
  EXPECT_EQ(world.upstreams.asked.at(1).connection, 1u);
  EXPECT_GE(world.pool(0).unsolicited(), 1u);
  world.check();
}

// The watch of an idle connection is told in the next turn of the loop; who takes the connection in this one must see
// it for himself.
runtime::Task<void> take_twice(upstream::ConnectionPool& pool, std::vector<std::unique_ptr<runtime::ByteStream>>& far,
                               bool& another, bool ended) {
  runtime::Cancellation cancel;
  auto first = co_await pool.acquire(cancel, false);
  pool.give_back(std::move(*first));
  const std::string poison = "HTTP/1.1 200 OK\r\n\r\n";
  iovec part{const_cast<char*>(poison.data()), poison.size()};
  if (ended) {
    far[0]->close(false);
  } else {
    far[0]->try_write(std::span<const iovec>(&part, 1));
  }
  auto second = co_await pool.acquire(cancel, false);
  another = far.size() == 2 && !(*second)->reused();
}

TEST(FaultSimulationOther, F20_not_even_to_a_call_that_takes_the_connection_in_the_same_turn) {
  for (bool ended : {true, false}) {
    World world(scripted(1));
    runtime::Random random(1);
    const Weather weather;
    std::vector<std::unique_ptr<runtime::ByteStream>> far;
    MemoryDialer dialer(random, weather, [&](StreamPair& pair) { far.push_back(std::move(pair.b)); });
    metrics::RelayMetrics metrics({.accounts = {"a"}, .loops = 1, .version = "test"});
    const upstream::Config config;
    upstream::ConnectionPool pool(world.loop(), dialer, config, metrics.shard(0));
    bool another = false;
    runtime::TaskGroup tasks;
    tasks.spawn(take_twice(pool, far, another, ended));
    EXPECT_EQ(tasks.size(), 0u);
    EXPECT_TRUE(another);
    EXPECT_EQ(dialer.dialled, 2u);
  }
}

TEST_P(FaultSimulation, F19_a_wrong_length_is_a_cut) {
  // Longer than what comes: never complete. Both framings at once: not acceptable at all.
  World world(scripted(2));
  for (size_t i = 0; i < 2; ++i) {
    world.upstreams.always(
        i, {.acts = {
                {.bytes = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{\"a\":1}"},
                {.what = What::kEnd}}});
  }
  expect_error(world.play(call(false)), 502, "api_error");
  EXPECT_EQ(world.outcomes.back().attempts.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    world.upstreams.always(
        i, Reply::bytes(
               "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"));
  }
  expect_error(world.play(call(GetParam())), 502, "api_error");
  EXPECT_EQ(results(world), (std::vector<AttemptResult>{AttemptResult::kBadReply, AttemptResult::kBadReply}));
  world.check();
}

// -- F12 to F15: silence and endless replies --

std::vector<std::string> opening() {
  auto all = short_message();
  all.resize(4);
  return all;
}
Reply stalled(std::vector<std::string> pieces) {
  Reply reply = Reply::stream(pieces);
  reply.acts.back() = {.what = What::kStall};
  return reply;
}

TEST(FaultSimulationStream, F12_silence_brings_a_ping_every_15_s_and_at_last_an_error_event) {
  World world(scripted(2));
  for (size_t i = 0; i < 2; ++i) world.upstreams.always(i, stalled(opening()));
  const Instant began = world.clock.now();
  Seen seen = world.play(call(true));
  std::string sent;
  for (const auto& piece : opening()) sent += piece;
  Comparison same = compare(seen.body, sent);
  EXPECT_TRUE(same.fits && same.error_event && same.pings_stand_between_events) << seen.body;
  EXPECT_EQ(same.forwarded_bytes, sent.size());
  EXPECT_EQ(same.pings, 59u);  // at 15 s, 30 s, ... 885 s
  EXPECT_EQ(world.outcomes[0].pings_sent, 59u);
  EXPECT_EQ(world.outcomes[0].ending, Ending::kTimedOut);
  EXPECT_NE(seen.body.find("timeout_error"), std::string::npos);
  for (size_t i = 0; i < same.pings; ++i) {
    const Duration at = seen.arrival(sent.size() + i * dialect::kPingEvent.size());
    EXPECT_NEAR(seconds(at), 15.0 * static_cast<double>(i + 1), 0.5);
  }
  ASSERT_EQ(world.upstreams.left.size(), 1u);
  EXPECT_NEAR(seconds(world.upstreams.left[0].at - began), 900, 1);
  EXPECT_EQ(world.upstreams.asked.size(), 1u);
  world.check();
}

TEST(FaultSimulationStream, F12_silence_inside_an_event_is_bridged_too_and_the_event_stays_whole) {
  const std::string content = good_content();
  const size_t border = content.find("event: content_block_stop");
  for (size_t inside : {size_t{1}, size_t{7}, size_t{20}, size_t{40}}) {
    World world(scripted(1));
    world.upstreams.always(0,
                           {.acts = {{.bytes = std::string(kStreamHead) + chunk(content.substr(0, border + inside))},
                                     {.after = 100s, .bytes = chunk(content.substr(border + inside)) + "0\r\n\r\n"}}});
    Seen seen = world.play(call(true));
    Comparison same = compare(seen.body, content);
    EXPECT_TRUE(same.fits && same.pings_stand_between_events) << seen.body;
    EXPECT_EQ(same.forwarded_bytes, content.size());
    EXPECT_EQ(same.pings, 6u);
    EXPECT_TRUE(seen.complete);
    world.check();
  }
}

TEST(FaultSimulationStream, F12_no_ping_stands_before_message_start_or_behind_the_end) {
  World world(scripted(1));
  const std::string content = good_content();
  world.upstreams.always(0, {.acts = {{.after = 60s, .bytes = std::string(kStreamHead)},
                                      {.bytes = chunk(content)},
                                      {.after = 60s, .bytes = "0\r\n\r\n"}}});
  Seen seen = world.play(call(true));
  EXPECT_EQ(seen.body, content);
  EXPECT_TRUE(seen.complete);
  EXPECT_LT(seen.total, 70s) << "an end that is only announced late is not waited for";
  world.check();
}

TEST_P(FaultSimulation, F13_no_head_in_time_is_504) {
  World world(scripted(2));
  for (size_t i = 0; i < 2; ++i) world.upstreams.always(i, {.acts = {{.what = What::kStall}}});
  Seen seen = world.play(call(GetParam()));
  expect_error(seen, 504, "timeout_error");
  EXPECT_NEAR(seconds(seen.total), GetParam() ? 120 : 600, 1);
  EXPECT_EQ(results(world), std::vector<AttemptResult>{AttemptResult::kTimeout});
  EXPECT_EQ(world.outcomes[0].ending, Ending::kTimedOut);
  EXPECT_EQ(world.upstreams.left.size(), 1u);
  world.check();
}

TEST(FaultSimulationStream, F13_a_head_without_any_event_is_504_too) {
  World world(scripted(2));
  for (size_t i = 0; i < 2; ++i) world.upstreams.always(i, stalled({}));
  Seen seen = world.play(call(true));
  expect_error(seen, 504, "timeout_error");
  EXPECT_NEAR(seconds(seen.total), 120, 1);
  EXPECT_EQ(world.upstreams.left.size(), 1u);
  world.check();
}

TEST(FaultSimulationStream, F14_a_trickle_ends_at_the_total_limit) {
  auto options = scripted(1);
  options.upstream.total_timeout = 600s;
  World world(options);
  Reply reply{.acts = {{.bytes = std::string(kStreamHead)}}};
  for (const auto& piece : opening()) reply.acts.push_back({.bytes = chunk(piece)});
  const std::string endless(2000, 'x');
  reply.acts.push_back({.bytes = "7d0\r\n"});
  for (char c : endless) reply.acts.push_back({.after = 1s, .bytes = std::string(1, c)});
  world.upstreams.always(0, reply);
  Seen seen = world.play(call(true));
  std::string sent;
  for (const auto& piece : opening()) sent += piece;
  Comparison same = compare(seen.body, sent + endless);
  EXPECT_TRUE(same.fits && same.error_event) << seen.body;
  EXPECT_GE(same.pings, 35u) << "the client must see that it is alive";
  EXPECT_NEAR(seconds(seen.total), 600, 1);
  EXPECT_EQ(world.outcomes[0].ending, Ending::kTimedOut);
  EXPECT_EQ(world.upstreams.left.size(), 1u);
  world.check();
}

TEST(FaultSimulationStream, F15_endless_events_end_at_the_total_limit) {
  auto options = scripted(1);
  options.upstream.total_timeout = 300s;
  World world(options);
  auto pieces = opening();
  for (int i = 0; i < 1000; ++i) pieces.push_back(opening()[3]);
  world.upstreams.always(0, Reply::stream(pieces, 1s));
  std::string sent;
  for (const auto& piece : pieces) sent += piece;
  Seen seen = world.play(call(true));
  Comparison same = compare(seen.body, sent);
  EXPECT_TRUE(same.fits && same.error_event) << seen.body;
  EXPECT_EQ(same.pings, 0u);
  EXPECT_NEAR(seconds(seen.total), 300, 1);
  EXPECT_EQ(world.upstreams.left.size(), 1u);
  world.check();
}

// -- F16, F17, F18, F21, F22, F23: bytes that are not as they should be --

// How much of a reply the relay holds: read from the upstream, not yet written towards the client.
struct HeldMeter {
  std::shared_ptr<Pipe> upstream;
  std::shared_ptr<Pipe> client;
  uint64_t peak = 0;
  explicit HeldMeter(World& world) {
    world.on_dial = [this](StreamPair& pair, size_t) { upstream = pair.b_to_a; };
    world.on_client = [this](StreamPair& pair, size_t) { client = pair.b_to_a; };
    world.on_turn = [this] {
      if (!upstream || !client) return;
      const uint64_t read = upstream->moved - upstream->waiting();
      if (read > client->moved) peak = std::max(peak, read - client->moved);
    };
  }
};

TEST(FaultSimulationStream, F16_a_line_of_5_MB_passes_without_being_held) {
  World world(scripted(1));
  HeldMeter held(world);
  auto pieces = opening();
  pieces.push_back("data: ");
  for (int i = 0; i < 320; ++i) pieces.push_back(std::string(16 * kKiB, static_cast<char>('a' + i % 26)));
  pieces.push_back("\n\n");
  for (size_t i = 5; i < 8; ++i) pieces.push_back(short_message()[i]);
  std::string sent;
  for (const auto& piece : pieces) sent += piece;
  world.upstreams.always(0, Reply::stream(pieces));
  Script script = call(true);
  script.read_bytes = 64 * kKiB;
  Seen seen = world.play(script);
  EXPECT_TRUE(seen.body == sent);
  EXPECT_TRUE(seen.complete);
  EXPECT_LE(held.peak, 256 * kKiB + 16 * kKiB);
  EXPECT_EQ(world.outcomes[0].usage.output_tokens, 3);
  world.check();
}

TEST(FaultSimulationStream, F16_a_cut_inside_such_a_line_cannot_look_complete) {
  World world(scripted(1));
  auto pieces = opening();
  pieces.push_back("data: " + std::string(100 * kKiB, 'a'));
  Reply reply = Reply::stream(pieces);
  reply.acts.back() = {.what = What::kReset};
  world.upstreams.always(0, reply);
  Seen seen = world.play(call(true));
  EXPECT_EQ(seen.status, 200);
  EXPECT_FALSE(seen.complete);
  EXPECT_EQ(world.outcomes[0].ending, Ending::kUpstreamCut);
  world.check();
}

TEST_P(FaultSimulation, F17_too_large_a_head_is_502) {
  std::string many = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 10'000; ++i) many += "x-field-" + std::to_string(i) + ": value\r\n";
  std::string narrow = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 201; ++i) narrow += "x: y\r\n";
  const std::string large = "HTTP/1.1 200 OK\r\nx-field: " + std::string(70 * 1024, 'v') + "\r\n";
  const std::string endless = "HTTP/1.1 200 OK\r\nx-field: " + std::string(1 * kMiB, 'v');
  for (const std::string& head : {many, narrow, large, endless}) {
    World world(scripted(2));
    HeldMeter held(world);
    for (size_t i = 0; i < 2; ++i) world.upstreams.always(i, Reply::bytes(head + "content-length: 0\r\n\r\n"));
    expect_error(world.play(call(GetParam())), 502, "api_error");
    EXPECT_EQ(results(world), (std::vector<AttemptResult>{AttemptResult::kBadReply, AttemptResult::kBadReply}));
    EXPECT_LE(held.peak, 192 * kKiB);
    world.check();
  }
}

TEST(FaultSimulationStream, F18_garbage_in_the_chunking) {
  struct Row {
    std::string name, bytes;
  };
  const Row rows[] = {
      {"no hex", "zz\r\n"},    {"no CRLF behind the data", "3\r\nabcX"},   {"overflow", "fffffffffffffffff\r\n"},
      {"negative", "-1\r\n"},  {"blank before the size", " 3\r\nabc\r\n"}, {"bare LF", "3\nabc\n"},
      {"0x", "0x3\r\nabc\r\n"}};
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    World before(scripted(2));
    for (size_t i = 0; i < 2; ++i) before.upstreams.always(i, Reply::bytes(std::string(kStreamHead) + row.bytes));
    expect_error(before.play(call(true)), 502, "api_error");
    EXPECT_EQ(before.upstreams.asked.size(), 2u);
    before.check();

    World after(scripted(2));
    Reply reply = Reply::stream(opening(), 1ms);
    reply.acts.back() = {.after = 1ms, .bytes = row.bytes};
    for (size_t i = 0; i < 2; ++i) after.upstreams.always(i, reply);
    Seen seen = after.play(call(true));
    std::string sent;
    for (const auto& piece : opening()) sent += piece;
    Comparison same = compare(seen.body, sent);
    EXPECT_TRUE(same.fits && same.error_event) << seen.body;
    EXPECT_EQ(same.forwarded_bytes, sent.size());
    EXPECT_EQ(after.upstreams.asked.size(), 1u);
    EXPECT_EQ(after.pool(0).idle() + after.pool(1).idle(), 0u);
    after.check();
  }
}

TEST(FaultSimulationStream, F21_odd_event_streams_pass_byte_for_byte) {
  const std::string start = short_message()[0];
  const std::string stop = short_message()[7];
  struct Row {
    std::string name, middle;
  };
  const Row rows[] = {
      {"comments", ": hello\n\n:\n: again\n\n"},
      {"no name", "data: {\"a\":1}\n\n"},
      {"no space", "event:content_block_delta\ndata:{\"a\":1}\n\n"},
      {"CR LF", "event: content_block_delta\r\ndata: {\"a\":1}\r\n\r\n"},
      {"CR", "event: content_block_delta\rdata: {\"a\":1}\r\r"},
      {"many data lines", "event: x\ndata: a\ndata: b\ndata\n\n"},
      {"fields nobody knows", "id: 7\nretry: 10\nfoo: bar\nevent: x\ndata: 1\n\n"},
      {"no JSON", "event: content_block_delta\ndata: {{{{\n\n"},
      {"no UTF-8", "event: x\ndata: \xff\xfe\x80\n\n"},
      {"zero bytes", std::string("event: x\ndata: a\0b\n\n", 20)},
      {"CJK and emoji", "event: x\ndata: {\"t\":\"\u6f22\u5b57\U0001F600\"}\n\n"},
      {"a data field twice named like an end", "event: message_delta\ndata: {\"usage\":null}\n\n"},
      {"blank lines", "\n\n\n\nevent: x\ndata: 1\n\n\n\n"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    const std::string content = start + row.middle + stop;
    // Cut into two chunks at every byte.
    for (size_t at = 0; at <= content.size(); ++at) {
      World world(scripted(1, at + 1));
      std::vector<std::string> pieces;
      if (at > 0) pieces.push_back(content.substr(0, at));
      if (at < content.size()) pieces.push_back(content.substr(at));
      world.upstreams.always(0, Reply::stream(pieces, 1ms));
      Seen seen = world.play(call(true));
      ASSERT_EQ(seen.body, content) << at;
      ASSERT_TRUE(seen.complete);
      ASSERT_EQ(world.outcomes[0].ending, Ending::kComplete) << at;
      ASSERT_EQ(world.outcomes[0].usage.input_tokens, 12);
      world.check();
    }
  }
}

TEST_P(FaultSimulation, F22_interim_answers_are_borne_up_to_ten) {
  for (int interim : {1, 10, 11, 1000}) {
    World world(scripted(1));
    std::string all;
    for (int i = 0; i < interim; ++i)
      all += i % 2 == 0 ? "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" : "HTTP/1.1 100 Continue\r\n\r\n";
    Reply reply = good(GetParam());
    reply.acts[0].bytes.insert(0, all);
    world.upstreams.always(0, reply);
    Seen seen = world.play(call(GetParam()));
    if (interim <= 10) {
      EXPECT_EQ(seen.body, good_body(GetParam()));
    } else {
      expect_error(seen, 502, "api_error");
    }
    world.check();
  }
}

TEST(FaultSimulationStream, F23_a_stream_that_ends_before_it_began_is_asked_for_elsewhere) {
  for (const std::vector<std::string>& pieces : {std::vector<std::string>{},
                                                 {short_message()[0]},
                                                 {short_message()[0], short_message()[1]},
                                                 {": comment\n\n"}}) {
    World world(scripted(2));
    world.upstreams.always(0, Reply::stream(pieces));
    world.upstreams.always(1, Reply::stream(pieces));
    Seen seen = world.play(call(true));
    expect_error(seen, 502, "api_error");
    EXPECT_EQ(world.upstreams.asked.size(), 2u);
    world.upstreams.always(0, good_stream());
    world.upstreams.always(1, good_stream());
    EXPECT_EQ(world.play(call(true)).body, good_content());
    world.check();
  }
}

TEST(FaultSimulationStream, F23_another_type_than_asked_for_passes_as_it_is) {
  World world(scripted(1));
  world.upstreams.next(0, Reply::json(200, kMessage));
  EXPECT_EQ(world.play(call(true)).body, kMessage);
  world.upstreams.next(
      0, Reply::bytes("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 13\r\n\r\n<html></html>"));
  Seen seen = world.play(call(true));
  EXPECT_EQ(seen.body, "<html></html>");
  EXPECT_EQ(seen.field("content-type"), "text/html");
  world.check();
}

// -- F24 to F29: the upstream says no --

TEST_P(FaultSimulation, F24_F28_errors_move_once_to_each_account_and_the_last_answer_passes_unmodified) {
  struct Row {
    int status;
    AttemptResult result;
    size_t tries_max;  // with as many accounts
    bool processed;
  };
  const Row rows[] = {{429, AttemptResult::kRateLimited, 3, false},  {529, AttemptResult::kOverloaded, 3, false},
                      {401, AttemptResult::kUnauthorized, 3, false}, {402, AttemptResult::kUnauthorized, 3, false},
                      {403, AttemptResult::kForbidden, 3, false},    {500, AttemptResult::kServerError, 2, true},
                      {502, AttemptResult::kServerError, 2, true},   {503, AttemptResult::kServerError, 2, true},
                      {504, AttemptResult::kServerError, 2, true},   {400, AttemptResult::kClientError, 1, false},
                      {404, AttemptResult::kClientError, 1, false},  {413, AttemptResult::kClientError, 1, false},
                      {422, AttemptResult::kClientError, 1, false},  {302, AttemptResult::kBadReply, 1, false}};
  for (const Row& row : rows) {
    for (size_t accounts = 1; accounts <= 4; ++accounts) {
      SCOPED_TRACE(std::to_string(row.status) + " with " + std::to_string(accounts) + " accounts");
      World world(scripted(accounts, accounts));
      auto body = [&](size_t account) {
        return R"({"type": "error",  "error":{"type":"x_error","message":"account )" + std::to_string(account) + "\"}}";
      };
      for (size_t i = 0; i < accounts; ++i) {
        world.upstreams.always(
            i, Reply::json(row.status, body(i), "retry-after: 7\r\nx-account: " + std::to_string(i) + "\r\n"));
      }
      Seen seen = world.play(call(GetParam()));
      const size_t tries = std::min({accounts, row.tries_max, size_t{3}});
      ASSERT_EQ(world.upstreams.asked.size(), tries);
      std::set<size_t> distinct;
      for (const auto& asked : world.upstreams.asked) distinct.insert(asked.account);
      EXPECT_EQ(distinct.size(), tries);
      const size_t last = world.upstreams.asked.back().account;
      EXPECT_EQ(seen.status, row.status);
      EXPECT_EQ(seen.body, body(last));
      EXPECT_EQ(seen.field("retry-after"), "7");
      EXPECT_EQ(seen.field("x-account"), std::to_string(last));
      EXPECT_EQ(results(world), std::vector<AttemptResult>(tries, row.result));
      for (const auto& attempt : world.outcomes[0].attempts) EXPECT_EQ(attempt.may_have_been_processed, row.processed);
      world.check();

      // And where another account answers, its answer is the call's.
      if (accounts < 2 || row.tries_max < 2) continue;
      World better(scripted(accounts, accounts));
      better.upstreams.always(0, Reply::json(row.status, body(0)));
      for (size_t i = 1; i < accounts; ++i) better.upstreams.always(i, good(GetParam()));
      for (size_t i = 0; i < accounts; ++i) EXPECT_EQ(better.play(call(GetParam())).body, good_body(GetParam()));
      better.check();
    }
  }
}

TEST_P(FaultSimulation, F24_the_last_upstream_answer_is_kept_when_what_follows_gives_none) {
  // One account is rate limited, the other one dead: the client learns the former.
  for (size_t limited : {0u, 1u}) {
    World world(scripted(2));
    world.upstreams.always(limited, Reply::json(429, "{\"limited\":1}", "retry-after: 3\r\n"));
    world.dialers[1 - limited]->refuse = true;
    Seen seen = world.play(call(GetParam()));
    EXPECT_EQ(seen.status, 429);
    EXPECT_EQ(seen.body, "{\"limited\":1}");
    EXPECT_EQ(world.outcomes[0].attempts.size(), 2u);
    world.check();
  }
}

TEST(FaultSimulationOther, F24_F28_what_creates_something_is_sent_once) {
  for (std::string_view path : {"/v1/messages/batches", "/v1/files", "/v1/unknown"}) {
    for (int status : {429, 529, 500, 401}) {
      World world(scripted(3));
      for (size_t i = 0; i < 3; ++i) world.upstreams.always(i, Reply::json(status, "{}"));
      Seen seen = world.play({.path = std::string(path), .body = "{\"requests\":[]}"});
      EXPECT_EQ(seen.status, status);
      EXPECT_EQ(world.upstreams.asked.size(), 1u) << path;
      world.check();
    }
    // A connection that was never made has processed nothing.
    World world(scripted(3));
    for (size_t i = 0; i < 3; ++i) world.upstreams.always(i, Reply::json(200, "{}"));
    world.dialers[0]->refuse = world.dialers[2]->refuse = true;
    for (int i = 0; i < 3; ++i) {
      Seen seen = world.play({.path = std::string(path), .body = "{\"requests\":[]}"});
      EXPECT_EQ(seen.status, 200) << path;
    }
    EXPECT_EQ(world.upstreams.asked.size(), 3u);
    EXPECT_EQ(world.upstreams.asked[0].body, "{\"requests\":[]}");
    world.check();
    // A reset in the middle may have.
    World cut(scripted(3));
    Seen seen = cut.play({.path = std::string(path), .body = "{\"requests\":[]}"});
    expect_error(seen, 502, "api_error");
    EXPECT_EQ(cut.upstreams.asked.size(), 1u) << path;
    cut.check();
  }
}

TEST(FaultSimulationStream, F29_an_early_error_event_moves_and_a_late_one_passes) {
  const std::string failed =
      event("error", R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})");
  const auto whole = short_message();
  // Early: nothing but message_start and pings before it.
  for (const std::vector<std::string>& early :
       {std::vector<std::string>{failed}, {whole[0], failed}, {whole[0], whole[1], failed}}) {
    World world(scripted(2));
    world.upstreams.next(0, Reply::stream(early));
    world.upstreams.next(1, Reply::stream(early));
    for (size_t i = 0; i < 2; ++i) world.upstreams.always(i, good_stream());
    std::string sent;
    for (const auto& piece : early) sent += piece;
    // Both fail early: the last upstream answer passes as it was.
    Seen seen = world.play(call(true));
    EXPECT_EQ(seen.status, 200);
    EXPECT_EQ(seen.body, sent);
    EXPECT_EQ(results(world), (std::vector<AttemptResult>{AttemptResult::kEarlyError, AttemptResult::kEarlyError}));
    EXPECT_NE(world.outcomes[0].ending, Ending::kComplete);
    EXPECT_EQ(world.outcomes[0].error, "stream_error");
    // One of them does: the client does not see it.
    world.upstreams.next(0, Reply::stream(early));
    for (int i = 0; i < 2; ++i) EXPECT_EQ(world.play(call(true)).body, good_content());
    world.check();
    // The other account gives no answer at all: the early error is the last upstream answer.
    World alone(scripted(2));
    for (size_t i = 0; i < 2; ++i) alone.upstreams.always(i, Reply::stream(early));
    alone.dialers[1]->refuse = true;
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(alone.play(call(true)).body, sent);
      EXPECT_EQ(alone.outcomes.back().ending, Ending::kUpstreamCut);
      EXPECT_EQ(alone.outcomes.back().error, "stream_error");
    }
    alone.check();
  }
  for (size_t before = 3; before < 7; ++before) {
    World world(scripted(2));
    std::vector<std::string> late(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(before));
    late.push_back(failed);
    for (size_t i = 0; i < 2; ++i) world.upstreams.always(i, Reply::stream(late));
    std::string sent;
    for (const auto& piece : late) sent += piece;
    Seen seen = world.play(call(true));
    EXPECT_EQ(seen.body, sent);
    EXPECT_EQ(world.upstreams.asked.size(), 1u);
    EXPECT_EQ(world.outcomes[0].ending, Ending::kUpstreamCut);
    world.check();
  }
}

// -- F37 to F40: the client --

TEST_P(FaultSimulation, F37_a_client_that_leaves_at_any_byte_ends_the_upstream_within_100_ms) {
  Reply slow = good(GetParam());
  if (GetParam()) {
    slow = Reply::stream(short_message(), 50ms);
  } else {
    const std::string all = slow.all();
    slow.acts.clear();
    for (size_t at = 0; at < all.size(); at += 40) slow.acts.push_back({.after = 50ms, .bytes = all.substr(at, 40)});
  }
  const Script usual = call(GetParam());
  std::vector<Script> scripts;
  for (uint64_t sent = 0; sent < 330; sent += 3) {
    scripts.push_back(usual);
    scripts.back().leave_after_sent = sent;
  }
  for (uint64_t got = 1; got < 1300; got += 3) {
    scripts.push_back(usual);
    scripts.back().leave_after_bytes = got;
  }
  for (Duration after = 0ms; after < 700ms; after += 7ms) {
    scripts.push_back(usual);
    scripts.back().leave_after = after;
  }
  size_t cut = 0;
  for (size_t i = 0; i < scripts.size(); ++i) {
    SCOPED_TRACE(i);
    scripts[i].leave_by_reset = i % 2 == 0;
    World world(scripted(1, i + 1));
    world.upstreams.always(0, slow);
    const Instant began = world.clock.now();
    Seen seen = world.play(scripts[i]);
    const Instant gone = began + seen.total;
    ASSERT_LE(world.upstreams.left.size(), 1u);
    for (const auto& left : world.upstreams.left) {
      ASSERT_LE(left.at - gone, 100ms);
      ++cut;
    }
    ASSERT_TRUE(world.settle_time);
    ASSERT_LE(*world.settle_time, 100ms);
    ASSERT_LE(world.outcomes.size(), 1u);
    if (!world.outcomes.empty() && !world.upstreams.left.empty())
      ASSERT_EQ(world.outcomes[0].ending, Ending::kClientGone);
    if (!world.outcomes.empty() && GetParam() && seen.body.size() > 200) ASSERT_TRUE(world.outcomes[0].usage.known);
    world.check();
  }
  EXPECT_GT(cut, GetParam() ? scripts.size() / 4 : 25);
}

TEST_P(FaultSimulation, F37_a_client_that_leaves_while_accounts_are_tried_ends_the_trying) {
  for (Duration after = 5ms; after < 600ms; after += 10ms) {
    World world(scripted(3));
    for (size_t i = 0; i < 3; ++i) {
      Reply no = Reply::json(429, "{\"a\":1}");
      const std::string all = no.all();
      no.acts = {{.after = 60ms, .bytes = all.substr(0, 20)},
                 {.after = 60ms, .bytes = all.substr(20, all.size() - 24)},
                 {.after = 60ms, .bytes = all.substr(all.size() - 4)}};
      world.upstreams.always(i, no);
    }
    Script script = call(GetParam());
    script.leave_after = after;
    Seen seen = world.play(script);
    ASSERT_LE(*world.settle_time, 100ms);
    if (seen.left) ASSERT_EQ(world.outcomes.at(0).ending, Ending::kClientGone);
    world.check();
  }
}

TEST(FaultSimulationOther, F37_a_client_that_leaves_in_the_middle_of_an_upload_leaves_nothing_behind) {
  for (bool chunked : {true, false}) {
    for (uint64_t sent = 100; sent < 40'000; sent += 997) {
      World world(scripted(2, sent));
      for (size_t i = 0; i < 2; ++i) world.upstreams.always(i, Reply::json(200, R"({"id":"file_1"})"));
      Script script{.path = "/v1/files", .body = std::string(40'000, 'b'), .chunked = chunked};
      script.leave_after_sent = sent;
      script.leave_by_reset = sent % 2 == 0;
      script.send_piece_bytes = 1000;
      script.send_pause = 1ms;
      world.play(script);
      ASSERT_LE(*world.settle_time, 3s);  // in order, 400 may be said first
      ASSERT_LE(world.upstreams.asked.size(), 1u);
      for (const auto& asked : world.upstreams.asked)
        ASSERT_FALSE(asked.whole) << "a cut upload must not look complete";
      world.check();
    }
  }
}

TEST_P(FaultSimulation, F38_a_half_close_behind_the_request_means_gone) {
  World world(scripted(1));
  world.upstreams.always(0, {.acts = {{.what = What::kStall}}});
  Script script = call(GetParam());
  script.shut_after_request = true;
  Seen seen = world.play(script);
  EXPECT_EQ(seen.received, 0u);
  EXPECT_EQ(world.outcomes.at(0).ending, Ending::kClientGone);
  EXPECT_LE(seen.total, 100ms);
  EXPECT_LE(world.upstreams.left.size() + world.upstreams.asked.size(), 2u);
  world.check();
}

TEST(FaultSimulationOther, F38_a_half_close_before_the_body_is_complete_is_400) {
  for (std::string_view path : {"/v1/messages", "/v1/messages/batches"}) {
    World world(scripted(1));
    world.upstreams.always(0, Reply::json(200, "{}"));
    Script script;
    script.raw = "POST " + std::string(path) +
                 " HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{\"a\":";
    script.shut_after_request = true;
    Seen seen = world.play(script);
    expect_error(seen, 400, "invalid_request_error");
    EXPECT_EQ(seen.field("connection"), "close");
    world.check();
  }
}

TEST(FaultSimulationStream, F39_a_reader_that_stops_holds_256_KB_and_is_cut_after_120_s) {
  World world(scripted(1));
  HeldMeter held(world);
  auto pieces = opening();
  for (int i = 0; i < 20'000; ++i) pieces.push_back(opening()[3]);
  world.upstreams.always(0, Reply::stream(pieces));
  Script script = call(true);
  script.stop_reading_after = 2000;
  const Instant began = world.clock.now();
  Seen seen = world.play(script);
  EXPECT_TRUE(seen.reset);
  EXPECT_NEAR(seconds(seen.total), 120, 2);
  EXPECT_LE(held.peak, 256 * kKiB + 16 * kKiB);
  EXPECT_GE(held.upstream->waiting(), 60 * kKiB) << "the upstream's window must be full";
  ASSERT_EQ(world.upstreams.left.size(), 1u);
  EXPECT_NEAR(seconds(world.upstreams.left[0].at - began), 120, 2);
  EXPECT_EQ(world.outcomes[0].ending, Ending::kClientGone);
  world.check();
}

TEST(FaultSimulationOther, F39_the_same_for_a_reply_without_events) {
  for (std::string_view path : {"/v1/files/file_1/content", "/v1/models"}) {
    World world(scripted(1));
    HeldMeter held(world);
    const std::string content(8 * kMiB, 'c');
    world.upstreams.always(
        0, Reply::bytes("HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: " +
                        std::to_string(content.size()) + "\r\n\r\n" + content));
    Script script{.method = "GET", .path = std::string(path)};
    script.stop_reading_after = 2000;
    Seen seen = world.play(script);
    EXPECT_TRUE(seen.reset);
    EXPECT_NEAR(seconds(seen.total), 120, 2);
    if (path.ends_with("content")) EXPECT_LE(held.peak, 256 * kKiB + 16 * kKiB);
    if (!path.ends_with("content"))
      EXPECT_GE(world.peak_reply_bytes, content.size()) << "what is held whole is charged";
    EXPECT_EQ(world.outcomes[0].ending, Ending::kClientGone);
    world.check();
  }
}

TEST(FaultSimulationStream, F39_a_slow_reader_gets_everything) {
  World world(scripted(1));
  HeldMeter held(world);
  auto pieces = opening();
  for (int i = 0; i < 4000; ++i) pieces.push_back(opening()[3]);
  for (size_t i = 5; i < 8; ++i) pieces.push_back(short_message()[i]);
  std::string sent;
  for (const auto& piece : pieces) sent += piece;
  world.upstreams.always(0, Reply::stream(pieces));
  Script script = call(true);
  script.read_bytes = 1500;
  script.read_pause = 2s;
  Seen seen = world.play(script);
  EXPECT_TRUE(seen.complete);
  EXPECT_TRUE(seen.body == sent);
  EXPECT_LE(held.peak, 256 * kKiB + 16 * kKiB);
  EXPECT_EQ(world.outcomes[0].pings_sent, 0u);
  world.check();
}

TEST(FaultSimulationOther, F40_slow_heads_and_bodies_are_408) {
  struct Row {
    std::string name;
    Script script;
    double seconds_max;
  };
  Script head{.body = World::body(false)};
  head.send_piece_bytes = 1;
  head.send_pause = 1s;
  Script body{.body = World::body(false, std::string(100'000, 'x'))};
  body.send_piece_bytes = 250;
  body.send_pause = 1s;
  Script silent;
  silent.raw =
      "POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
  Script upload{.path = "/v1/files", .body = std::string(100'000, 'x')};
  upload.send_piece_bytes = 250;
  upload.send_pause = 1s;
  for (const Row& row : {Row{"slow head", head, 12}, Row{"slow body", body, 25}, Row{"silent body", silent, 32},
                         Row{"slow upload", upload, 25}}) {
    SCOPED_TRACE(row.name);
    World world(scripted(1));
    world.upstreams.always(0, Reply::json(200, "{}"));
    Seen seen = world.play(row.script);
    expect_error(seen, 408, "invalid_request_error");
    EXPECT_LE(seconds(seen.first_byte), row.seconds_max);
    for (const auto& asked : world.upstreams.asked) EXPECT_FALSE(asked.whole);
    world.check();
  }
}

TEST(FaultSimulationOther, F10_a_reply_too_large_to_be_held_passes_and_cannot_look_complete_when_cut) {
  const std::string content = "{\"text\":\"" + std::string(11 * kMiB, 't') + "\"}";
  const std::string head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
  const std::string framings[] = {head + "content-length: " + std::to_string(content.size()) + "\r\n\r\n" + content,
                                  head + "transfer-encoding: chunked\r\n\r\n" + chunk(content) + "0\r\n\r\n"};
  for (const std::string& all : framings) {
    for (bool whole : {true, false}) {
      auto options = scripted(2);
      options.client_weather = options.upstream_weather = {.piece_bytes_max = 64 * kKiB, .window_bytes = 256 * kKiB};
      World world(options);
      for (size_t i = 0; i < 2; ++i) {
        world.upstreams.always(i, whole ? Reply::bytes(all) : Reply::bytes(all).cut(all.size() - 100, What::kReset));
      }
      Script script = call(false);
      script.read_bytes = 64 * kKiB;
      Seen seen = world.play(script);
      EXPECT_EQ(seen.status, 200);
      EXPECT_EQ(seen.complete, whole);
      EXPECT_TRUE(content.starts_with(seen.body));
      EXPECT_EQ(seen.body.size() == content.size(), whole);
      EXPECT_EQ(world.upstreams.asked.size(), 1u);
      EXPECT_EQ(world.outcomes[0].ending, whole ? Ending::kComplete : Ending::kUpstreamCut);
      world.check();
    }
  }
}

TEST(FaultSimulationOther, an_answer_before_the_request_has_been_read_passes) {
  for (std::string_view path : {"/v1/messages", "/v1/files"}) {
    for (bool chunked : {true, false}) {
      World world(scripted(1));
      Reply early = Reply::json(413, R"({"too":"large"})");
      early.before_body = true;
      early.acts.push_back({.what = What::kStall});
      world.upstreams.next(0, early);
      world.upstreams.always(0, Reply::json(200, kMessage));
      Script script{
          .path = std::string(path), .body = World::body(false, std::string(3 * kMiB, 'x')), .chunked = chunked};
      Seen seen = world.play(script);
      EXPECT_EQ(seen.status, 413);
      EXPECT_EQ(seen.body, R"({"too":"large"})");
      EXPECT_EQ(world.pool(0).idle(), 0u) << "what is left of the request must not be taken for another one";
      EXPECT_EQ(world.play(call(false)).body, kMessage);
      world.check();
    }
  }
}

// -- P8, P14 --

TEST(FaultSimulationOther, P08_request_bodies_share_one_budget) {
  auto options = scripted(1);
  options.request_bytes_max = 1 * kMiB;
  World world(options);
  world.upstreams.always(0, Reply::json(200, kMessage));
  std::vector<Script> scripts(12, {.body = World::body(false, std::string(300 * kKiB, 'x'))});
  for (size_t i = 0; i < scripts.size(); ++i) scripts[i].chunked = i % 2 == 0;
  for (const Seen& seen : world.play(scripts)) EXPECT_TRUE(seen.status == 200 || seen.status == 529) << seen.status;
  EXPECT_LE(world.peak_request_bytes, 1 * kMiB);
  EXPECT_GT(world.peak_request_bytes, 600 * kKiB);
  world.check();
}

TEST(FaultSimulationStream, P14_the_end_of_a_drain_gives_each_open_stream_an_error_event) {
  World world(scripted(1));
  world.upstreams.always(0, stalled(opening()));
  std::string sent;
  for (const auto& piece : opening()) sent += piece;
  bool cut = false;
  const Instant began = world.clock.now();
  world.on_turn = [&] {
    if (!cut && world.clock.now() - began > 20s) {
      cut = true;
      world.server().cut();
    }
  };
  Seen seen = world.play(call(true));
  Comparison same = compare(seen.body, sent);
  EXPECT_TRUE(same.fits && same.error_event) << seen.body;
  EXPECT_EQ(same.forwarded_bytes, sent.size());
  EXPECT_EQ(world.outcomes[0].ending, Ending::kDrained);
  EXPECT_EQ(world.upstreams.left.size(), 1u);
  world.check();
}

// -- The simulator's own faults, through the relay --

TEST(FaultSimulationStream, the_simulators_faults_each_end_as_they_should) {
  struct Row {
    std::string control;
    bool whole;
    bool error_event;
  };
  const Row rows[] = {{"fault=reset;at=2000", false, true},
                      {"fault=close;at=2000", false, true},
                      {"fault=stall;at=2000", false, true},
                      {"fault=slow", true, false},
                      {"fault=garbage_chunk;at=2000", false, true},
                      {"fault=no_stop", false, true},
                      {"framing=crlf", true, false},
                      {"framing=cr", true, false},
                      {"framing=nospace", true, false},
                      {"framing=comments", true, false},
                      {"chunk=1", true, false},
                      {"chunk=7;gap=1ms", true, false},
                      {"encoding=gzip", true, false},
                      {"encoding=br", true, false},
                      {"encoding=zstd;chunk=5", true, false}};
  for (const Row& row : rows) {
    SCOPED_TRACE(row.control);
    World world({.accounts = 2});
    Seen seen = world.play(faulty(true, row.control));
    std::vector<UpstreamReply> replies;
    for (const auto& written : world.upstream_replies) {
      for (auto& reply : read_replies(*written)) replies.push_back(reply);
    }
    ASSERT_EQ(replies.size(), 1u);
    Comparison same = compare(seen.body, replies[0].content);
    EXPECT_TRUE(same.fits && same.pings_stand_between_events) << seen.body;
    EXPECT_EQ(same.error_event, row.error_event);
    EXPECT_EQ(world.outcomes.at(0).ending == Ending::kComplete, row.whole);
    if (row.whole)
      EXPECT_EQ(world.outcomes[0].usage.output_tokens, static_cast<int64_t>(world.simulator().books().output_tokens));
    world.check();
  }
}

TEST(FaultSimulationStream, an_encoded_stream_nobody_declared_is_left_alone) {
  // gzip of a stream, without content-encoding; split at every place.
  World source({.accounts = 1});
  source.play(faulty(true, "encoding=gzip"));
  auto replies = read_replies(*source.upstream_replies.at(0));
  ASSERT_EQ(replies.size(), 1u);
  const std::string encoded = replies[0].content;
  for (size_t at = 1; at < encoded.size(); at += at < 20 ? 1 : 97) {
    World world(scripted(1));
    world.upstreams.always(0, Reply::stream({encoded.substr(0, at), encoded.substr(at)}, 1ms));
    Seen seen = world.play(call(true));
    ASSERT_TRUE(seen.body == encoded) << at;
    ASSERT_TRUE(seen.complete);
    ASSERT_EQ(world.outcomes[0].ending, Ending::kComplete);
    ASSERT_TRUE(world.outcomes[0].usage.known) << at;
    world.check();
  }
}

}  // namespace
}  // namespace baton::simulation
