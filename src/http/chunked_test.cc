#include "http/chunked.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include "fuzz/chunked_twin.h"

namespace baton::http {
namespace {

using namespace std::string_view_literals;
using Outcome = fuzz::ChunkedOutcome;
using fuzz::read_chunked;

// Feeds `bytes` in pieces of `piece_bytes`.
Outcome decode(std::string_view bytes, size_t piece_bytes) {
  ChunkedDecoder decoder;
  Outcome outcome;
  size_t at = 0;
  while (at < bytes.size() && !decoder.done() && !decoder.failed()) {
    // In a block of its own, so that a sanitizer sees any read beyond it.
    const std::string piece(bytes.substr(at, piece_bytes));
    std::string_view rest = piece;
    while (!rest.empty() && !decoder.done()) {
      const ChunkedDecoder::Step step = decoder.step(rest);
      EXPECT_EQ(step.error, decoder.failed());
      if (step.error) break;
      EXPECT_GT(step.consumed, 0u);
      if (step.consumed == 0) break;
      if (!step.data.empty()) {
        EXPECT_GE(step.data.data(), rest.data());
        EXPECT_LE(step.data.data() + step.data.size(), rest.data() + step.consumed);
      }
      outcome.content += step.data;
      rest.remove_prefix(step.consumed);
      at += step.consumed;
    }
  }
  outcome.done = decoder.done();
  outcome.failed = decoder.failed();
  if (outcome.done) outcome.consumed = at;
  return outcome;
}

// Whole, byte by byte, and in every two pieces.
Outcome decode_every_way(std::string_view bytes) {
  const Outcome whole = decode(bytes, bytes.size() + 1);
  for (size_t piece = 1; piece < bytes.size(); ++piece) EXPECT_EQ(decode(bytes, piece), whole) << "pieces of " << piece;
  return whole;
}

struct Case {
  std::string_view name;
  std::string_view bytes;
  std::string_view content;
  bool done = false;
  bool failed = false;
};

const Case kCases[] = {
    {"the empty body", "0\r\n\r\n", "", true},
    {"one chunk", "5\r\nhello\r\n0\r\n\r\n", "hello", true},
    {"two chunks, hex in both cases", "a\r\n0123456789\r\nA\r\nabcdefghij\r\n0\r\n\r\n", "0123456789abcdefghij", true},
    {"content that looks like framing", "7\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n\r\n", true},
    {"leading zeros", "0005\r\nhello\r\n000\r\n\r\n", "hello", true},
    {"16 digits", "0000000000000005\r\nhello\r\n0000000000000000\r\n\r\n", "hello", true},
    {"extensions", "5;a\r\nhello\r\n0;b=c;d=\"e;\\\"f\t\";g\r\n\r\n", "hello", true},
    {"trailers", "0\r\nDigest: a\r\nX-Empty:\r\nContent-Length-Of-Old: 3\r\nHosts: a\r\n\r\n", "", true},
    {"bytes behind the body stay", "1\r\na\r\n0\r\n\r\nHTTP/1.1 200 OK", "a", true},
    {"a body that is not complete", "5\r\nhel", "hel"},
    {"no end", "5\r\nhello\r\n", "hello"},
    {"half of the last line", "0\r\n\r", ""},
    {"nothing", "", ""},

    {"H21 size 0x3", "0x3\r\nabc\r\n0\r\n\r\n", "", false, true},
    {"H22 size with a plus", "+3\r\nabc\r\n0\r\n\r\n", "", false, true},
    {"size with a minus", "-1\r\nabc\r\n0\r\n\r\n", "", false, true},
    {"size with an underscore", "1_0\r\nabc\r\n0\r\n\r\n", "", false, true},
    {"size empty", "\r\nabc\r\n0\r\n\r\n", "", false, true},
    {"size of an extension alone", ";a\r\nabc\r\n0\r\n\r\n", "", false, true},
    {"size not hex", "g\r\nabc\r\n0\r\n\r\n", "", false, true},
    {"blank before the size", " 3\r\nabc\r\n0\r\n\r\n", "", false, true},
    {"blank behind the size", "3 \r\nabc\r\n0\r\n\r\n", "", false, true},
    {"tab behind the size", "3\t\r\nabc\r\n0\r\n\r\n", "", false, true},
    {"NUL behind the size", "3\0\r\nabc\r\n0\r\n\r\n"sv, "", false, true},
    {"H23 17 hex digits", "00000000000000003\r\nabc\r\n0\r\n\r\n", "", false, true},
    {"H23 17 digits that overflow", "10000000000000003\r\nabc\r\n0\r\n\r\n", "", false, true},
    {"the largest size there is", "ffffffffffffffff\r\nabc", "abc"},
    {"H24 bare LF behind the size", "3\nabc\r\n0\r\n\r\n", "", false, true},
    {"bare CR behind the size", "3\rabc\r\n0\r\n\r\n", "", false, true},
    {"two CR behind the size", "3\r\r\nabc\r\n0\r\n\r\n", "", false, true},
    {"H25 bare LF behind the data", "3\r\nabc\n0\r\n\r\n", "abc", false, true},
    {"no line end behind the data", "3\r\nabc0\r\n\r\n", "abc", false, true},
    {"data longer than said", "3\r\nabcd\r\n0\r\n\r\n", "abc", false, true},
    {"data shorter than said", "4\r\nabc\r\n0\r\n\r\n", "abc\r", false, true},
    {"CR and no LF behind the data", "3\r\nabc\rx0\r\n\r\n", "abc", false, true},
    {"H26 extension with a bare LF", "3;a\nb\r\nabc\r\n0\r\n\r\n", "", false, true},
    {"extension with a bare CR", "3;a\rb\r\nabc\r\n0\r\n\r\n", "", false, true},
    {"line end in a quoted extension", "3;a=\"b\r\nabc\"\r\n0\r\n\r\n", "", false, true},
    {"escaped line end in a quoted extension", "3;a=\"b\\\r\nabc\"\r\n0\r\n\r\n", "", false, true},
    {"NUL in a quoted extension", "3;a=\"\0\"\r\nabc\r\n0\r\n\r\n"sv, "", false, true},
    {"something behind a quoted extension", "3;a=\"b\"c\r\nabc\r\n0\r\n\r\n", "", false, true},
    {"extension without a name", "3;\r\nabc\r\n0\r\n\r\n", "", false, true},
    {"extension without a value", "3;a=\r\nabc\r\n0\r\n\r\n", "", false, true},
    {"extension with a blank", "3; a\r\nabc\r\n0\r\n\r\n", "", false, true},
    {"H27 last chunk with a bare LF", "0\n\r\n", "", false, true},
    {"H28 bare LF at the very end", "0\r\n\n", "", false, true},
    {"CR and no LF at the very end", "0\r\n\rx", "", false, true},
    {"trailer with a bare LF", "0\r\nA: b\n\r\n", "", false, true},
    {"trailer without a colon", "0\r\nA\r\n\r\n", "", false, true},
    {"G15 a length in the trailers", "0\r\nContent-Length: 3\r\n\r\n", "", false, true},
    {"G15 a coding in the trailers", "0\r\nA: b\r\ntransfer-ENCODING: chunked\r\n\r\n", "", false, true},
    {"G15 a host in the trailers", "0\r\nHost: b\r\n\r\n", "", false, true},
    {"trailer without a name", "0\r\n: b\r\n\r\n", "", false, true},
    {"trailer with a blank before the colon", "0\r\nA : b\r\n\r\n", "", false, true},
    {"trailer that is folded", "0\r\nA: b\r\n c\r\n\r\n", "", false, true},
    {"trailer with NUL", "0\r\nA: \0\r\n\r\n"sv, "", false, true},
    {"a second body instead of the end", "0\r\nHTTP/1.1 200 OK\r\n\r\n", "", false, true},
};

TEST(Chunked, BodiesWholeAndInPieces) {
  for (const Case& row : kCases) {
    SCOPED_TRACE(row.name);
    const Outcome outcome = decode_every_way(row.bytes);
    EXPECT_EQ(outcome.content, row.content);
    EXPECT_EQ(outcome.done, row.done);
    EXPECT_EQ(outcome.failed, row.failed);
    EXPECT_EQ(outcome, read_chunked(row.bytes));
  }
}

TEST(Chunked, BytesBehindTheBodyAreNotConsumed) {
  EXPECT_EQ(decode_every_way("1\r\na\r\n0\r\n\r\nHTTP").consumed, 11u);
  ChunkedDecoder decoder;
  ASSERT_EQ(decoder.step("0\r\n\r\nrest").consumed, 5u);
  EXPECT_TRUE(decoder.done());
  const ChunkedDecoder::Step step = decoder.step("rest");
  EXPECT_EQ(step.consumed, 0u);
  EXPECT_FALSE(step.error);
}

TEST(Chunked, AnErrorStays) {
  ChunkedDecoder decoder;
  EXPECT_TRUE(decoder.step("x").error);
  EXPECT_TRUE(decoder.failed());
  const ChunkedDecoder::Step step = decoder.step("0\r\n\r\n");
  EXPECT_TRUE(step.error);
  EXPECT_EQ(step.consumed, 0u);
  EXPECT_FALSE(decoder.done());
}

TEST(Chunked, ContentComesInPiecesOfTheInputWithoutBeingHeldBack) {
  ChunkedDecoder decoder;
  const std::string_view input = "5\r\nhello\r\n5\r\nworld";
  const ChunkedDecoder::Step first = decoder.step(input);
  EXPECT_EQ(first.data, "hello");
  EXPECT_EQ(first.data.data(), input.data() + 3);
  EXPECT_EQ(first.consumed, 10u);
  const ChunkedDecoder::Step second = decoder.step(input.substr(first.consumed));
  EXPECT_EQ(second.data, "world");
  EXPECT_EQ(first.consumed + second.consumed, input.size());
}

TEST(Chunked, AnExtensionMayBeAsLongAsItsBoundAndNotLonger) {
  const auto body = [](std::string_view begin, size_t bytes, std::string_view end) {
    return "1" + std::string(begin) + std::string(bytes - begin.size() - end.size(), 'x') + std::string(end) +
           "\r\na\r\n0\r\n\r\n";
  };
  for (const auto& [begin, end] : {std::pair(";", ""), std::pair(";a=", ""), std::pair(";a=\"", "\"")}) {
    EXPECT_TRUE(decode_every_way(body(begin, 256, end)).done) << begin;
    EXPECT_TRUE(decode_every_way(body(begin, 257, end)).failed) << begin;
  }
  // The bound is for each chunk.
  const std::string chunk = body(";", 256, "").substr(0, 256 + 1 + 2 + 1 + 2);
  EXPECT_TRUE(decode(chunk + chunk + "0\r\n\r\n", 7).done);
}

TEST(Chunked, TrailersMayBeAsLargeAsTheirBoundAndNotLarger) {
  const auto body = [](size_t bytes) { return "0\r\nA:" + std::string(bytes - 4, 'x') + "\r\n\r\n"; };
  EXPECT_TRUE(decode(body(8192), 100).done);
  // What an extension took does not count against them.
  EXPECT_TRUE(decode("0;" + std::string(255, 'x') + body(8192).substr(1), 100).done);
  EXPECT_TRUE(decode(body(8193), 100).failed);
  EXPECT_TRUE(decode(body(80'000), 100).failed);
  std::string many = "0\r\n";
  while (many.size() < 9000) many += "A: b\r\n";
  EXPECT_TRUE(decode(many, 100).failed);
  const std::string name = "0\r\n" + std::string(8193, 'x');
  EXPECT_FALSE(decode(name.substr(0, 3 + 8192), 100).failed);
  EXPECT_TRUE(decode(name, 100).failed);
}

TEST(Chunked, TheTwinAgreesOnRandomBodies) {
  constexpr std::string_view kOdd = "\r\n;=\"\\ \t:0123aFxg\0\x7f\xff"sv;
  std::mt19937_64 random(9112);
  int done = 0;
  int failed = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes;
    for (uint64_t chunks = random() % 4; chunks > 0; --chunks) {
      std::array<char, 20> room;
      const size_t size = 1 + random() % 40;
      std::string head(chunk_head(size, room));
      if (random() % 4 == 0) head.insert(head.size() - 2, random() % 2 == 0 ? ";name=value" : ";n=\"v;\\\" \"");
      bytes += head;
      for (size_t i = 0; i < size; ++i) bytes.push_back(kOdd[random() % kOdd.size()]);
      bytes += kChunkEnd;
    }
    bytes += random() % 3 == 0 ? "0\r\nTrailer-Name: value\r\nB:\r\n\r\n"sv : kLastChunk;
    for (uint64_t edits = random() % 3; edits > 0; --edits) {
      const size_t at = random() % bytes.size();
      const char odd = kOdd[random() % kOdd.size()];
      if (random() % 2 == 0) {
        bytes[at] = odd;
      } else if (random() % 2 == 0) {
        bytes.insert(at, 1, odd);
      } else if (bytes.size() > 1) {
        bytes.erase(at, 1);
      }
    }
    const Outcome want = read_chunked(bytes);
    ASSERT_EQ(decode(bytes, bytes.size()), want) << testing::PrintToString(bytes);
    ASSERT_EQ(decode(bytes, 1), want) << testing::PrintToString(bytes);
    ASSERT_EQ(decode(bytes, 1 + random() % 9), want) << testing::PrintToString(bytes);
    done += want.done;
    failed += want.failed;
  }
  EXPECT_GT(done, 2000);
  EXPECT_GT(failed, 2000);
}

TEST(Chunked, TheTwinAgreesOnAllShortInputsOfTelling) {
  constexpr std::string_view kBytes = "\r\n;=\"0a:\\"sv;
  constexpr size_t kLength = 5;
  size_t count = 1;
  for (size_t i = 0; i < kLength; ++i) count *= kBytes.size();
  for (size_t n = 0; n < count; ++n) {
    std::string bytes;
    for (size_t i = 0, rest = n; i < kLength; ++i, rest /= kBytes.size()) bytes.push_back(kBytes[rest % kBytes.size()]);
    for (std::string_view before : {"", "0\r\n", "1;a", "1;a=\""}) {
      const std::string input = std::string(before) + bytes;
      const Outcome want = read_chunked(input);
      const Outcome got = decode(input, input.size());
      if (got != want) ASSERT_EQ(got, want) << testing::PrintToString(input);
    }
  }
}

TEST(Chunked, ChunkHeads) {
  const std::pair<size_t, std::string_view> rows[] = {{1, "1\r\n"},       {15, "f\r\n"},
                                                      {16, "10\r\n"},     {0x1f, "1f\r\n"},
                                                      {4096, "1000\r\n"}, {SIZE_MAX, "ffffffffffffffff\r\n"}};
  for (const auto& [size, want] : rows) {
    std::array<char, 20> room;
    EXPECT_EQ(chunk_head(size, room), want);
  }
}

TEST(Chunked, WhatIsEncodedIsDecoded) {
  std::string body;
  std::string content;
  for (size_t size = 1; size < 300; size += 7) {
    std::array<char, 20> room;
    const std::string piece(size, static_cast<char>('a' + size % 26));
    body += chunk_head(size, room);
    body += piece;
    body += kChunkEnd;
    content += piece;
  }
  body += kLastChunk;
  for (size_t piece : {1u, 2u, 3u, 64u, 100'000u}) {
    const Outcome outcome = decode(body, piece);
    EXPECT_TRUE(outcome.done);
    EXPECT_EQ(outcome.content, content);
    EXPECT_EQ(outcome.consumed, body.size());
  }
}

}  // namespace
}  // namespace baton::http
