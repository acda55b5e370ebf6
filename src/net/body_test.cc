// Bodies read and written over a stream in memory: any framing, any pieces.
#include <gtest/gtest.h>

#include "net/body_reader.h"
#include "net/body_writer.h"
#include "runtime/clock.h"
#include "tests/simulation/memory_net.h"

namespace baton::net {
namespace {

using Status = BodyReader::Status;

struct Read {
  std::string content;
  Status last = Status::kMore;
  std::string surplus;
};

Read read_all(BodyReader& reader, runtime::ByteStream& stream) {
  Read read;
  while (read.last == Status::kMore) {
    auto got = reader.try_read(stream, read_scratch());
    read.content.append(got.data);
    read.last = got.status;
    read.surplus = reader.surplus();
  }
  return read;
}

class Bodies : public testing::Test {
 protected:
  runtime::Random random{3};
  simulation::Weather weather;
  simulation::StreamPair pair;
  void connect(size_t piece = 4096, size_t window = 1 << 20) {
    weather.piece_bytes_max = piece;
    weather.window_bytes = window;
    pair = simulation::make_pair(random, weather, "a", "b");
  }
  void send(std::string_view bytes) {
    iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    ASSERT_EQ(pair.a->try_write(std::span<const iovec>(&part, 1)).bytes, bytes.size());
  }
};

TEST_F(Bodies, what_a_writer_frames_a_reader_takes_out_in_any_pieces) {
  for (size_t piece : {1u, 2u, 5u, 100u, 5000u}) {
    for (auto framing : {http::Framing::kChunked, http::Framing::kLength, http::Framing::kUntilClose}) {
      connect(piece);
      BodyWriter writer(*pair.a, framing);
      std::string sent;
      for (size_t i = 0; i < 20; ++i) {
        std::string part(1 + random.below(300), static_cast<char>('a' + i));
        sent += part;
        ASSERT_TRUE(writer.write({}, part, i == 19));
      }
      EXPECT_TRUE(writer.finished());
      EXPECT_EQ(writer.content_bytes(), sent.size());
      EXPECT_EQ(writer.pending(), 0u);
      if (framing == http::Framing::kUntilClose) pair.a->shut_write();
      BodyReader reader(framing, sent.size());
      Read read = read_all(reader, *pair.b);
      EXPECT_EQ(read.content, sent);
      EXPECT_EQ(read.last, Status::kEnd);
      EXPECT_TRUE(reader.done());
    }
  }
}

TEST_F(Bodies, what_the_peer_does_not_take_is_kept_and_sent_in_order) {
  connect(50, 100);
  BodyWriter writer(*pair.a, http::Framing::kChunked);
  std::string sent;
  for (int i = 0; i < 50; ++i) {
    std::string part = std::to_string(i) + std::string(60, '.');
    sent += part;
    ASSERT_TRUE(writer.write({}, part, i == 49));
  }
  EXPECT_GT(writer.pending(), 1000u);
  BodyReader reader(http::Framing::kChunked, 0);
  std::string content;
  while (!reader.done()) {
    auto got = reader.try_read(*pair.b, read_scratch());
    ASSERT_NE(got.status, Status::kMalformed);
    content.append(got.data);
    ASSERT_TRUE(writer.flush());
  }
  EXPECT_EQ(content, sent);
  EXPECT_EQ(writer.pending(), 0u);
}

TEST_F(Bodies, bytes_behind_the_end_are_surplus) {
  connect();
  send("5\r\nhello\r\n0\r\n\r\nHTTP/1.1 200 OK");
  BodyReader chunked(http::Framing::kChunked, 0);
  Read read = read_all(chunked, *pair.b);
  EXPECT_EQ(read.content, "hello");
  EXPECT_EQ(read.surplus, "HTTP/1.1 200 OK");
  connect();
  send("hello, and more");
  BodyReader length(http::Framing::kLength, 5);
  read = read_all(length, *pair.b);
  EXPECT_EQ(read.content, "hello");
  EXPECT_EQ(read.surplus, ", and more");
}

TEST_F(Bodies, an_end_before_the_end_is_told_from_the_end) {
  struct Row {
    const char* name;
    http::Framing framing;
    const char* bytes;
    bool reset;
    Status want;
  };
  const Row rows[] = {
      {"a length cut", http::Framing::kLength, "1234", false, Status::kTruncated},
      {"chunks cut", http::Framing::kChunked, "5\r\nhell", false, Status::kTruncated},
      {"chunks without the last", http::Framing::kChunked, "5\r\nhello\r\n", false, Status::kTruncated},
      {"until close", http::Framing::kUntilClose, "hello", false, Status::kEnd},
      {"a reset", http::Framing::kLength, "", true, Status::kReset},
      {"no chunk", http::Framing::kChunked, "zz\r\n", false, Status::kMalformed},
  };
  for (const Row& row : rows) {
    connect();
    send(row.bytes);
    pair.a->close(row.reset);
    BodyReader reader(row.framing, 10);
    EXPECT_EQ(read_all(reader, *pair.b).last, row.want) << row.name;
  }
}

TEST_F(Bodies, nothing_there_is_blocked_and_a_message_without_content_is_at_its_end) {
  connect();
  BodyReader reader(http::Framing::kLength, 3);
  EXPECT_EQ(reader.try_read(*pair.b, read_scratch()).status, Status::kBlocked);
  BodyReader none(http::Framing::kNone, 0);
  EXPECT_TRUE(none.done());
  BodyReader zero(http::Framing::kLength, 0);
  EXPECT_TRUE(zero.done());
}

TEST_F(Bodies, a_writer_to_a_peer_that_has_gone_is_broken) {
  connect();
  pair.b->close(true);
  BodyWriter writer(*pair.a, http::Framing::kChunked);
  EXPECT_FALSE(writer.write("head", "content", false));
  EXPECT_TRUE(writer.broken());
  EXPECT_FALSE(writer.write({}, "more", true));
}

}  // namespace
}  // namespace baton::net
