#include "sim/stored_coding.h"

#include <gtest/gtest.h>

#include "http/content_coding.h"
#include "sim/testing.h"

namespace baton::sim {
namespace {

using namespace testing;

constexpr ReplyCoding kAll[] = {ReplyCoding::kGzip, ReplyCoding::kBrotli, ReplyCoding::kZstd};

TEST(StoredCoding, DecodersGiveTheBytesBackPieceByPiece) {
  std::string large(200'000, 'x');
  for (size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 7 % 251);
  const std::vector<std::vector<std::string>> messages = {
      {}, {"a"}, {"event: x\n", "data: {}\n\n"}, {"你好", large, "", "tail"}, {std::string(65'535, 'y'), "z"}};
  for (ReplyCoding coding : kAll) {
    for (const auto& pieces : messages) {
      SCOPED_TRACE(std::string(name(coding)) + " " + std::to_string(pieces.size()));
      StoredEncoder encoder(coding);
      auto decoder = http::make_decoder(http::parse_coding(name(coding)));
      ASSERT_NE(decoder, nullptr);
      std::string decoded, sent;
      for (const std::string& piece : pieces) {
        std::string coded;
        encoder.encode(piece, coded);
        sent += piece;
        ASSERT_TRUE(decoder->decode(coded, decoded, 1'000'000).has_value());
        EXPECT_EQ(decoded.size(), sent.size());  // nothing waits for the next piece
      }
      std::string end;
      encoder.finish(end);
      auto last = decoder->decode(end, decoded, 1'000'000);
      ASSERT_TRUE(last.has_value()) << last.error().detail;
      EXPECT_TRUE(decoder->finished());
      EXPECT_EQ(decoded, sent);
    }
  }
}

TEST(StoredCoding, RepliesAreEncodedOnRequestAndRequestsDecoded) {
  for (ReplyCoding coding : kAll) {
    SCOPED_TRACE(name(coding));
    Bench bench;
    Reply reply = bench.ask(Call{.body = hello(), .control = "encoding=" + std::string(name(coding))});
    EXPECT_EQ(field_of(reply, "content-encoding"), name(coding));
    std::string body = hello();
    StoredEncoder encoder(coding);
    std::string coded;
    encoder.encode(body, coded);
    encoder.finish(coded);
    Reply answered = bench.ask(Call{.body = coded, .content_encoding = std::string(name(coding))});
    if (coding == ReplyCoding::kGzip) {
      EXPECT_EQ(text_at(answered.content, "type"), "message") << answered.content;
      Reply cut = bench.ask(Call{.body = coded.substr(0, coded.size() - 3), .content_encoding = "gzip"});
      EXPECT_EQ(text_at(cut.content, "error.details.error_code"), "request_body_encoding_invalid");
    } else {
      EXPECT_EQ(answered.status, 400);
      EXPECT_EQ(text_at(answered.content, "error.details.error_code"), "request_body_encoding_unsupported");
    }
  }
}

}  // namespace
}  // namespace baton::sim
