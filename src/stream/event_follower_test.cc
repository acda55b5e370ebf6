#include "stream/event_follower.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace baton::stream {
namespace {

class Follower : public testing::Test {
 protected:
  TapRoom room;
  Config config;
  EventFollower make(http::Coding coding = http::Coding::kIdentity) { return EventFollower(config, coding, room); }
};

const std::string kStream =
    "event: message_start\ndata: "
    "{\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":7,\"output_tokens\":1}}}\n\n"
    ": a comment\n\n"
    "event: content_block_delta\r\ndata: {\"type\":\"content_block_delta\",\"text\":\"\xe4\xbd\xa0\xe5\xa5\xbd "
    "\xf0\x9f\x91\x8b\"}\r\n\r\n"
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"usage\":{\"output_tokens\":12}}\n\n"
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

TEST_F(Follower, bytes_and_usage_are_the_same_wherever_the_stream_is_cut) {
  for (size_t first = 0; first <= kStream.size(); ++first) {
    for (size_t second : {first, std::min(first + 1, kStream.size()), std::min(first + 40, kStream.size())}) {
      EventFollower follower = make();
      std::string out;
      size_t begin = 0;
      for (size_t end : {first, second, kStream.size()}) {
        out.append(follower.feed(std::string_view(kStream).substr(begin, end - begin)));
        follower.settle();
        // What has gone out ends between two events, so that one of our own may follow.
        EXPECT_TRUE(follower.may_speak());
        begin = end;
      }
      ASSERT_EQ(out, kStream) << first << " " << second;
      EXPECT_EQ(follower.events(), 4u);
      EXPECT_EQ(follower.facts().usage.input_tokens, 7);
      EXPECT_EQ(follower.facts().usage.output_tokens, 12);
      EXPECT_TRUE(follower.facts().message_stop);
    }
  }
}

TEST_F(Follower, an_event_that_is_not_whole_waits_and_is_given_up_with_the_stream) {
  EventFollower follower = make();
  const std::string whole = "event: ping\ndata: {}\n\n";
  EXPECT_EQ(follower.feed(whole + "event: content_blo"), whole);
  EXPECT_TRUE(follower.may_speak());
  EXPECT_EQ(follower.rest(), "event: content_blo");
  EXPECT_EQ(follower.feed("ck_delta\ndata: 1\n\n: c"), "event: content_block_delta\ndata: 1\n\n");
  EXPECT_EQ(follower.feed("omment\n\n"), ": comment\n\n");
  EXPECT_TRUE(follower.may_speak());
}

TEST_F(Follower, an_endless_event_passes_through_and_nothing_is_put_into_it) {
  EventFollower follower = make();
  std::string in = "data: ";
  std::string out(follower.feed(in));
  for (int i = 0; i < 100; ++i) {
    std::string more(1000, 'x');
    in += more;
    out += follower.feed(more);
    EXPECT_LE(in.size() - out.size(), kTailBytesMax + 1000);
    EXPECT_EQ(follower.may_speak(), out.empty());
  }
  EXPECT_FALSE(follower.may_speak());
  out += follower.feed("\n\nevent: ping\ndata: {}\n\n");
  EXPECT_EQ(out, in + "\n\nevent: ping\ndata: {}\n\n");
  EXPECT_TRUE(follower.may_speak());
}

TEST_F(Follower, the_opening_is_told_from_content_and_errors) {
  struct Row {
    const char* name;
    const char* bytes;
    bool opened;
    bool with_error;
  };
  const Row rows[] = {
      {"nothing", "", false, false},
      {"start and ping", "event: message_start\ndata: {}\n\nevent: ping\ndata: {}\n\n", false, false},
      {"half an event", "event: message_start\ndata: {}\n\nevent: content", false, false},
      {"content", "event: message_start\ndata: {}\n\nevent: content_block_start\ndata: {}\n\n", true, false},
      {"an error first", "event: error\ndata: {\"type\":\"error\"}\n\n", true, true},
      {"an error after the start", "event: message_start\ndata: {}\n\nevent: error\ndata: {}\n\n", true, true},
      {"an error after content", "event: content_block_start\ndata: {}\n\nevent: error\ndata: {}\n\n", true, false},
      {"an event of a new kind", "event: novelty\ndata: {}\n\n", true, false},
  };
  for (const Row& row : rows) {
    EventFollower follower = make();
    follower.feed(row.bytes);
    EXPECT_EQ(follower.opened(), row.opened) << row.name;
    EXPECT_EQ(follower.opened_with_error(), row.with_error) << row.name;
  }
}

TEST_F(Follower, encoded_streams_pass_as_they_are_and_never_hold_or_speak) {
  // Not gzip at all: it passes, and nothing is read from it.
  EventFollower broken = make(http::Coding::kGzip);
  EXPECT_EQ(broken.feed("event: ping\ndata: {}\n\n"), "event: ping\ndata: {}\n\n");
  EXPECT_TRUE(broken.unreadable());
  EXPECT_FALSE(broken.may_speak());
  EventFollower unknown = make(http::Coding::kUnknown);
  EXPECT_EQ(unknown.feed("event: pi"), "event: pi");
  EXPECT_FALSE(unknown.may_speak());
  // Encoded though nobody said so.
  EventFollower silent = make();
  EXPECT_EQ(silent.feed("\x1f\x8b\x08"), "\x1f\x8b\x08");
  EXPECT_TRUE(silent.encoded());
  EXPECT_FALSE(silent.may_speak());
  // The same, a byte at a time.
  EventFollower slow = make();
  EXPECT_EQ(slow.feed("\x1f"), "");
  EXPECT_EQ(slow.feed("\x8b"), "\x1f\x8b");
  EXPECT_TRUE(slow.encoded());
  EventFollower other = make();
  EXPECT_EQ(other.feed("\x1f"), "");
  EXPECT_EQ(other.feed("x\n\n"), "\x1fx\n\n");
  EXPECT_FALSE(other.encoded());
}

TEST_F(Follower, every_fixture_passes_unchanged_in_pieces_of_any_size) {
  const std::filesystem::path folder = std::filesystem::path(BATON_SOURCE_DIR) / "tests/fixtures";
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".sse") continue;
    ++files;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), {});
    for (size_t piece : {1u, 2u, 3u, 7u, 64u, 1000u}) {
      EventFollower follower = make();
      std::string out;
      for (size_t at = 0; at < bytes.size(); at += piece)
        out.append(follower.feed(std::string_view(bytes).substr(at, piece)));
      EXPECT_EQ(out, bytes.substr(0, out.size())) << entry.path();
      EXPECT_TRUE(follower.may_speak()) << entry.path();
      EXPECT_EQ(out + std::string(follower.rest()), bytes) << entry.path();
      EXPECT_GT(follower.events(), 0u) << entry.path();
    }
  }
  EXPECT_GT(files, 10u);
}

}  // namespace
}  // namespace baton::stream
