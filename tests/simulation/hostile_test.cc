// Hostile input through the whole relay: answers that could be read in two ways, bodies that could, event streams that
// are not as they should be. What clients send in their heads is a table of http/ and, over the wire, of
// system/framing_test; tests/hostile.md says which row stands where.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/simulation/checks.h"
#include "tests/simulation/world.h"

namespace baton::simulation {
namespace {

using namespace std::chrono_literals;
using namespace std::string_view_literals;
using model::AttemptResult;
using model::Ending;

constexpr std::string_view kMessage =
    R"({"id":"msg_1","type":"message","content":[],"stop_reason":"end_turn","usage":{"input_tokens":12,"output_tokens":3}})";

WorldOptions scripted(size_t accounts) { return {.accounts = accounts, .scripted = true}; }
Script call(bool stream) { return {.body = World::body(stream)}; }
Reply good(bool stream) { return stream ? Reply::stream(short_message()) : Reply::json(200, kMessage); }

std::string joined(const std::vector<std::string>& pieces) {
  std::string all;
  for (const auto& piece : pieces) all += piece;
  return all;
}

std::string raw_request(std::string_view body, std::string_view fields) {
  return "POST /v1/messages HTTP/1.1\r\nhost: 127.0.0.1\r\nx-api-key: any\r\n" + std::string(fields) +
         "content-length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

void expect_error(const Seen& seen, int status, std::string_view type) {
  EXPECT_EQ(seen.status, status) << seen.body;
  EXPECT_TRUE(seen.complete);
  EXPECT_TRUE(seen.body.starts_with(R"({"type":"error","error":{"type":")" + std::string(type) + "\"")) << seen.body;
  EXPECT_NE(seen.body.find("\"request_id\":\"brq_"), std::string::npos);
}

// -- The mirror of the table of malformed requests: what an upstream must not answer --

struct Answer {
  std::string_view name;
  std::string_view fields;  // of a 200, whole lines; or all of it, if it does not begin like a field
  std::string_view body;
  bool ends = false;  // the upstream closes behind it
  bool whole = false;
};

// $ stands for a chunk of good content, % for its size in hex.
const Answer kAnswers[] = {
    {"H02 length and chunked", "content-length: 3\r\ntransfer-encoding: chunked\r\n", "$0\r\n\r\n"},
    {"H03 two equal lengths", "content-length: 2\r\ncontent-length: 2\r\n", "{}"},
    {"H04 two different lengths", "content-length: 2\r\ncontent-length: 3\r\n", "{}"},
    {"H05 a list of lengths", "content-length: 2, 2\r\n", "{}"},
    {"H06 a length with a sign", "content-length: +2\r\n", "{}"},
    {"H08 a hexadecimal length", "content-length: 0x2\r\n", "{}"},
    {"H09 a length with an underscore", "content-length: 1_0\r\n", "0123456789"},
    {"H11 an empty length", "content-length: \r\n", "{}"},
    {"a length beyond 64 bits", "content-length: 18446744073709551617\r\n", "{}"},
    {"H12 a blank before the colon", "content-length : 2\r\n", "{}"},
    {"H14 chunked, then identity", "transfer-encoding: chunked, identity\r\n", "$0\r\n\r\n"},
    {"chunked twice", "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n", "$0\r\n\r\n"},
    {"H15 gzip, then chunked", "transfer-encoding: gzip, chunked\r\n", "$0\r\n\r\n"},
    {"H17 a vertical tab before chunked",
     "transfer-encoding: \x0b"
     "chunked\r\n",
     "$0\r\n\r\n"},
    {"H18 a folded transfer-encoding", "transfer-encoding:\r\n chunked\r\n", "$0\r\n\r\n"},
    {"H20 chunked in HTTP/1.0", "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "$0\r\n\r\n", false, true},
    {"H21 a chunk size with 0x", "transfer-encoding: chunked\r\n", "0x3\r\nabc\r\n0\r\n\r\n"},
    {"H22 a chunk size with a sign", "transfer-encoding: chunked\r\n", "+3\r\nabc\r\n0\r\n\r\n"},
    {"H23 a chunk size of 17 digits", "transfer-encoding: chunked\r\n", "00000000000000003\r\nabc\r\n0\r\n\r\n"},
    {"H24 a chunk size ended by LF", "transfer-encoding: chunked\r\n", "3\nabc\r\n0\r\n\r\n"},
    {"H25 chunk data ended by LF", "transfer-encoding: chunked\r\n", "3\r\nabc\n0\r\n\r\n"},
    {"H26 a chunk extension with LF", "transfer-encoding: chunked\r\n", "3;a\nb\r\nabc\r\n0\r\n\r\n"},
    {"H27 the last chunk ended by LF", "transfer-encoding: chunked\r\n", "0\n\r\n"},
    {"H28 the very end without CR", "transfer-encoding: chunked\r\n", "0\r\n\n"},
    {"a length in the trailers", "transfer-encoding: chunked\r\n", "0\r\ncontent-length: 3\r\n\r\n"},
    {"H29 lines ended by LF", "HTTP/1.1 200 OK\ncontent-length: 2\n\n", "{}", false, true},
    {"one line ended by LF", "x-a: a\ncontent-length: 2\r\n", "{}"},
    {"H30 a CR in a value", "x-a: a\rb\r\ncontent-length: 2\r\n", "{}"},
    {"H31 a NUL in a value", "x-a: a\0b\r\ncontent-length: 2\r\n"sv, "{}"},
    {"H35 a name that is no token", "x a: b\r\ncontent-length: 2\r\n", "{}"},
    {"H36 an empty name", ": b\r\ncontent-length: 2\r\n", "{}"},
    {"a line without a colon", "nonsense\r\ncontent-length: 2\r\n", "{}"},
    {"H38 a blank before the first field", "HTTP/1.1 200 OK\r\n x: a\r\n\r\n", "{}", false, true},
    {"H39 HTTP/1.32", "HTTP/1.32 200 OK\r\ncontent-length: 2\r\n\r\n", "{}", false, true},
    {"HTTP/2 in text", "HTTP/2 200\r\ncontent-length: 2\r\n\r\n", "{}", false, true},
    {"H40 http in lower case", "http/1.1 200 OK\r\ncontent-length: 2\r\n\r\n", "{}", false, true},
    {"H41 no status line", "<html>\r\n\r\n", "", false, true},
    {"H58 an empty line first", "\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n", "{}", false, true},
    {"H60 garbage", "\xde\xad\xbe\xef", "", false, true},
    {"H61 a TLS alert", "\x15\x03\x03\x00\x02", "", false, true},
    {"H64 a short body, then the end", "content-length: 99\r\n", "{}", true},
    {"a short chunk, then the end", "transfer-encoding: chunked\r\n", "ff\r\n{}", true},
    {"a status of four digits", "HTTP/1.1 2000 OK\r\ncontent-length: 2\r\n\r\n", "{}", false, true},
    {"a status below 100", "HTTP/1.1 099 OK\r\ncontent-length: 2\r\n\r\n", "{}", false, true},
    {"an upgrade nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nupgrade: foo\r\n\r\n", "", false, true},
};

std::string bytes_of(const Answer& answer, bool stream) {
  std::string all =
      answer.whole
          ? std::string(answer.fields)
          : "HTTP/1.1 200 OK\r\ncontent-type: " + std::string(stream ? "text/event-stream" : "application/json") +
                "\r\n" + std::string(answer.fields) + "\r\n";
  const std::string content = stream ? short_message()[0] : std::string(kMessage);
  for (const char c : answer.body) all += c == '$' ? chunk(content) : std::string(1, c);
  return all;
}

class HostileSimulation : public testing::TestWithParam<bool> {};  // streamed or not
INSTANTIATE_TEST_SUITE_P(Kinds, HostileSimulation, testing::Values(true, false),
                         [](const auto& kind) { return kind.param ? "streamed" : "unstreamed"; });

TEST_P(HostileSimulation, an_answer_that_could_be_read_in_two_ways_is_given_to_nobody) {
  for (const Answer& answer : kAnswers) {
    SCOPED_TRACE(answer.name);
    World world(scripted(2));
    Reply bad = Reply::bytes(bytes_of(answer, GetParam()));
    if (answer.ends) bad.acts.push_back({.what = Act::What::kEnd});
    for (size_t i = 0; i < 2; ++i) {
      world.upstreams.next(i, bad);
      world.upstreams.always(i, good(GetParam()));
    }
    Script script = call(GetParam());
    script.then = [&](const Seen&) {
      return raw_request(World::body(GetParam()),
                         "content-type: application/json\r\nanthropic-version: 2023-06-01\r\n");
    };
    int asked = 0;
    script.then = [&, next = script.then](const Seen& last) { return asked++ == 0 ? next(last) : std::nullopt; };
    const Seen seen = world.play(script);
    expect_error(seen, 502, "api_error");
    EXPECT_EQ(world.outcomes.at(0).attempts.size(), 2u) << "asked once more, elsewhere";
    // The fault is not the client's: its connection goes on, and nothing of the bad answers comes up in the next one.
    ASSERT_EQ(seen.then.size(), 1u);
    EXPECT_EQ(seen.then[0].status, 200);
    EXPECT_EQ(seen.then[0].body, GetParam() ? joined(short_message()) : std::string(kMessage));
    // Nor was it asked for on a connection that had given one.
    ASSERT_EQ(world.upstreams.asked.size(), 3u);
    EXPECT_NE(world.upstreams.asked[2].connection, world.upstreams.asked[0].connection);
    EXPECT_NE(world.upstreams.asked[2].connection, world.upstreams.asked[1].connection);
    world.check();
  }
}

// -- Bodies --

struct Body {
  std::string_view name;
  std::string body;
  int status = 400;  // 200: forwarded byte for byte
  std::string_view fields = "content-type: application/json\r\n";
};

std::string with(std::string_view more) {
  return R"({"model":"claude-sonnet-5-5","max_tokens":9,"messages":[])" + std::string(more) + "}";
}
std::string nested(size_t depth) { return with(",\"x\":" + std::string(depth, '[') + std::string(depth, ']')); }

std::vector<Body> bodies() {
  using namespace std::string_literals;
  const std::string plain = with("");
  return {
      {"J2 an array", "[]"},
      {"J2 a number", "1"},
      {"J2 a text", "\"x\""},
      {"J2 null", "null"},
      {"J2 nothing", ""},
      {"J3 model twice", with(R"(,"model":"b")")},
      {"J3 model twice, once escaped", with(R"(,"mod\u0065l":"b")")},
      {"J3 stream twice", R"({"stream":false,"stream":true})"},
      {"J3 messages twice", with(R"(,"messages":[1])")},
      {"J3 a key nobody knows, twice", with(R"(,"x":1,"x":1)")},
      {"J5 as deep as may be", nested(127), 200},
      {"J5 deeper", nested(128)},
      {"J5 much deeper", nested(10'000)},
      {"J5 objects", with(",\"x\":" +
                          [] {
                            std::string deep;
                            for (int i = 0; i < 10'000; ++i) deep += "{\"x\":";
                            return deep + "1" + std::string(10'000, '}');
                          }())},
      {"J8 numbers beyond a double", with(R"(,"a":1e400,"b":1e-400,"c":18446744073709551616,"d":-0)"), 200},
      {"J8 ten thousand digits", with(",\"a\":" + std::string(10'000, '7')), 200},
      {"J8 max_tokens beyond int64", R"({"model":"m","max_tokens":9223372036854775808,"messages":[]})", 200},
      {"J9 bytes that are no UTF-8", with(",\"a\":\"\xc3\x28\"")},
      {"J9 an overlong character", with(",\"a\":\"\xc0\xaf\"")},
      {"J9 a raw surrogate", with(",\"a\":\"\xed\xa0\x80\"")},
      {"J9 UTF-16", "\xff\xfe{\0}\0"s},
      {"J9 a byte order mark", "\xef\xbb\xbf" + plain},
      {"J9 an escaped lone surrogate", with(R"(,"a":"\ud800")"), 200},
      {"J11 no model", R"({"max_tokens":9,"messages":[]})", 200},
      {"J11 a model that is a number", R"({"model":5})"},
      {"J11 a model of 10 KB", R"({"model":")" + std::string(10'000, 'm') + "\"}"},
      {"J11 a model with a line end", R"({"model":"a\r\nb"})"},
      {"J11 a model with NUL", R"({"model":"a\u0000"})"},
      {"J11 a model like a path", R"({"model":"../../%00;{{","max_tokens":9,"messages":[]})", 200},
      {"J12 stream as text", with(R"(,"stream":"true")")},
      {"J12 stream as a number", with(R"(,"stream":1)")},
      {"J12 stream as null", with(R"(,"stream":null)")},
      {"J14 where to and with what",
       with(R"(,"api_base":"http://169.254.169.254","base_url":"http://evil.example","custom_llm_provider":"x",)"
            R"("proxies":{"http":"http://evil.example"},"extra_headers":{"host":"evil.example"},)"
            R"("metadata":{"user_api_key":"x"})"),
       200},
      {"J15 an image elsewhere",
       R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"image","source":)"
       R"({"type":"url","url":"http://0.0.0.0/x"}}]}]})",
       200},
      {"J17 an unknown coding", plain, 415, "content-type: application/json\r\ncontent-encoding: deflate\r\n"},
      {"J17 a nested coding", plain, 415, "content-type: application/json\r\ncontent-encoding: gzip, gzip\r\n"},
      {"J17 gzip that is none", plain, 400, "content-type: application/json\r\ncontent-encoding: gzip\r\n"},
      {"J17 zstd that is none", plain, 400, "content-type: application/json\r\ncontent-encoding: zstd\r\n"},
      {"J18 no type", plain, 415, ""},
      {"J18 text", plain, 415, "content-type: text/plain\r\n"},
      {"J18 UTF-16 by name", plain, 415, "content-type: application/json; charset=utf-16\r\n"},
      {"J18 a form", plain, 415, "content-type: multipart/form-data; boundary=x\r\n"},
      {"J18 UTF-8 by name", plain, 200, "content-type: application/json; charset=utf-8\r\n"},
      {"J20 a long prompt", with(",\"system\":\"" + std::string(500'000, 's') + "\""), 200},
  };
}

TEST(HostileBodySimulation, a_body_is_refused_with_its_status_or_forwarded_as_it_is_and_the_connection_goes_on) {
  World world(scripted(1));
  world.upstreams.always(0, Reply::json(200, kMessage));
  for (const Body& row : bodies()) {
    SCOPED_TRACE(row.name);
    const size_t before = world.upstreams.asked.size();
    Script script;
    script.raw = raw_request(row.body, std::string(row.fields) + "anthropic-version: 2023-06-01\r\n");
    int asked = 0;
    script.then = [&](const Seen&) -> std::optional<std::string> {
      if (asked++ > 0) return std::nullopt;
      return raw_request(with(""), "content-type: application/json\r\nanthropic-version: 2023-06-01\r\n");
    };
    const Seen seen = world.play(script);
    if (row.status == 200) {
      EXPECT_EQ(seen.status, 200) << seen.body;
      ASSERT_EQ(world.upstreams.asked.size(), before + 2);
      EXPECT_TRUE(world.upstreams.asked[before].body == row.body) << "its bytes have changed";
    } else {
      expect_error(seen, row.status, "invalid_request_error");
      EXPECT_EQ(world.upstreams.asked.size(), before + 1) << "it went on";
      EXPECT_EQ(seen.field("accept-encoding"), row.status == 415 ? "gzip, identity" : "");
      for (const std::string_view part : {"claude-sonnet", "evil.example", "mmmm"})
        EXPECT_EQ(seen.body.find(part), std::string::npos) << "it repeats what came: " << seen.body;
    }
    ASSERT_EQ(seen.then.size(), 1u);
    EXPECT_EQ(seen.then[0].status, 200) << "well-framed, so that the connection is still good";
  }
  world.check();
}

// -- Event streams --

// The order of events is the vendor's: nothing is repaired and nothing refused. Behind the first message_stop the
// stream is only waited for a little, so that what is behind it may pass or not.
TEST(HostileStreamSimulation, S13_events_out_of_order_pass_up_to_the_first_end) {
  const auto m = short_message();
  const std::string start = m[0], block = m[2], delta = m[3], usage = m[6], stop = m[7];
  struct Row {
    std::string_view name;
    std::vector<std::string> pieces;
    size_t forwarded;  // pieces
  };
  const Row rows[] = {
      {"two beginnings", {start, start, block, delta, m[5], usage, stop}, 7},
      {"a delta before the beginning", {delta, start, block, usage, stop}, 5},
      {"an index that jumps",
       {start, event("content_block_delta", R"({"type":"content_block_delta","index":7})"), usage, stop},
       4},
      {"the end twice", {start, block, delta, usage, stop, stop}, 5},
      {"more behind the end", {start, block, usage, stop, delta, ": and a comment\n\n"}, 4},
      {"an error behind the end",
       {start, block, usage, stop, event("error", R"({"type":"error","error":{"type":"overloaded_error"}})")},
       4},
  };
  for (const bool apart : {false, true}) {
    for (const Row& row : rows) {
      SCOPED_TRACE(std::string(row.name) + (apart ? ", apart" : ", at once"));
      WorldOptions options = scripted(1);
      options.cache.emplace();
      World world(options);
      world.upstreams.always(0, Reply::stream(row.pieces, apart ? 5ms : 0ms));
      Script script = call(true);
      script.fields = "baton-cache: on\r\n";
      const Seen seen = world.play(script);
      EXPECT_EQ(seen.status, 200);
      EXPECT_TRUE(seen.complete);
      const std::string all = joined(row.pieces);
      const std::string least =
          joined({row.pieces.begin(), row.pieces.begin() + static_cast<ptrdiff_t>(row.forwarded)});
      EXPECT_TRUE(seen.body.starts_with(least)) << seen.body;
      EXPECT_TRUE(all.starts_with(seen.body)) << seen.body;
      EXPECT_EQ(world.outcomes.at(0).ending, Ending::kComplete);
      world.check();
    }
  }
}

TEST(HostileStreamSimulation, S13_what_never_ends_behind_the_end_is_left) {
  for (const bool shared : {false, true}) {
    WorldOptions options = scripted(1);
    if (shared) options.cache.emplace();
    World world(options);
    std::vector<std::string> pieces = short_message();
    for (int i = 0; i < 1000; ++i) pieces.push_back(short_message()[3]);
    world.upstreams.always(0, Reply::stream(pieces, 100ms));
    Script script = call(true);
    if (shared) script.fields = "baton-cache: on\r\n";
    const Seen seen = world.play(script);
    EXPECT_TRUE(seen.complete);
    EXPECT_TRUE(seen.body.starts_with(joined(short_message())));
    EXPECT_TRUE(joined(pieces).starts_with(seen.body));
    EXPECT_LT(seen.total, 8s) << "five seconds behind the end";
    EXPECT_EQ(world.outcomes.at(0).ending, Ending::kComplete);
    EXPECT_EQ(world.upstreams.left.size(), 1u) << "the upstream is left";
    EXPECT_EQ(world.pool(0).idle(), 0u);
    world.check();
  }
}

TEST(HostileStreamSimulation, S16_a_stream_of_another_type_or_coding_passes_and_nothing_is_put_into_it) {
  const std::string content = joined(short_message());
  struct Row {
    std::string_view name, fields;
  };
  const Row rows[] = {
      {"another charset", "content-type: text/event-stream; charset=latin1\r\n"},
      {"no type", ""},
      {"a coding nobody asked for", "content-type: text/event-stream\r\ncontent-encoding: gzip\r\n"},
      {"a coding nobody knows", "content-type: text/event-stream\r\ncontent-encoding: x-mine\r\n"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    const std::string head = "HTTP/1.1 200 OK\r\n" + std::string(row.fields) + "transfer-encoding: chunked\r\n\r\n";
    World world(scripted(1));
    world.upstreams.next(0, Reply::bytes(head + chunk(content) + "0\r\n\r\n"));
    Seen seen = world.play(call(true));
    EXPECT_EQ(seen.status, 200);
    EXPECT_EQ(seen.body, content);
    // Silence in the middle is bridged where something may be said, which is never among bytes that cannot be read.
    const size_t half = content.find("event: content_block_stop");
    world.upstreams.next(0, {.acts = {{.bytes = head + chunk(content.substr(0, half))},
                                      {.after = 40s, .bytes = chunk(content.substr(half)) + "0\r\n\r\n"}}});
    seen = world.play(call(true));
    const Comparison silent = compare(seen.body, content);
    EXPECT_TRUE(silent.fits && silent.pings_stand_between_events) << seen.body;
    if (row.fields.contains("coding")) EXPECT_EQ(seen.body, content) << "a ping in it";
    // Cut in the middle it does not look complete, whatever can be said in it.
    Reply cut = Reply::bytes(head + chunk(content.substr(0, content.size() / 2)));
    cut.acts.push_back({.after = 1ms, .what = Act::What::kReset});
    world.upstreams.always(0, cut);
    seen = world.play(call(true));
    EXPECT_EQ(seen.body.find("event: message_stop"), std::string::npos);
    if (row.fields.contains("coding")) {
      EXPECT_EQ(seen.body, content.substr(0, content.size() / 2).substr(0, seen.body.size()))
          << "something was put into it";
      EXPECT_FALSE(seen.complete);
    }
    world.check();
  }
}

TEST(HostileStreamSimulation, S18_no_ping_stands_inside_an_event_too_large_to_be_held) {
  World world(scripted(1));
  const auto m = short_message();
  const std::string begun =
      joined({m[0], m[1], m[2]}) + "event: content_block_delta\ndata: " + std::string(1'200'000, 'a');
  const std::string rest = "\n\n" + joined({m[5], m[6], m[7]});
  world.upstreams.always(0, {.acts = {{.bytes = std::string(kStreamHead) + chunk(begun)},
                                      {.after = 60s, .bytes = chunk(rest) + "0\r\n\r\n"}}});
  Script script = call(true);
  script.read_bytes = 64 * kKiB;
  const Seen seen = world.play(script);
  EXPECT_TRUE(seen.body == begun + rest) << "something stands in it";
  EXPECT_TRUE(seen.complete);
  world.check();
}

}  // namespace
}  // namespace baton::simulation
