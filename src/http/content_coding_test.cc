#include "http/content_coding.h"

#include <brotli/encode.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <string>
#include <string_view>
#include <vector>

namespace baton::http {
namespace {

std::string gzip(std::string_view text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string zlib_wrapped(std::string_view text) {
  uLongf size = compressBound(text.size());
  std::string out(size, '\0');
  EXPECT_EQ(
      compress(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(text.data()), text.size()),
      Z_OK);
  out.resize(size);
  return out;
}

std::string brotli(std::string_view text) {
  size_t size = BrotliEncoderMaxCompressedSize(text.size()) + 16;
  std::string out(size, '\0');
  EXPECT_EQ(BrotliEncoderCompress(5, 22, BROTLI_MODE_TEXT, text.size(), reinterpret_cast<const uint8_t*>(text.data()),
                                  &size, reinterpret_cast<uint8_t*>(out.data())),
            BROTLI_TRUE);
  out.resize(size);
  return out;
}

std::string zstd(std::string_view text, int window_log = 0) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  if (window_log > 0) ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
  std::string out(ZSTD_compressBound(text.size()) + 64, '\0');
  // In two steps, so that the frame does not state its size and takes the window as asked.
  ZSTD_outBuffer output{out.data(), out.size(), 0};
  ZSTD_inBuffer input{text.data(), text.size(), 0};
  EXPECT_EQ(ZSTD_isError(ZSTD_compressStream2(context, &output, &input, ZSTD_e_flush)), 0u);
  EXPECT_EQ(ZSTD_compressStream2(context, &output, &input, ZSTD_e_end), 0u);
  out.resize(output.pos);
  ZSTD_freeCCtx(context);
  return out;
}

std::string text_of(size_t bytes) {
  std::string out;
  for (int i = 0; out.size() < bytes; ++i) out += "line " + std::to_string(i * 7919 % 1000) + " of the text\n";
  out.resize(bytes);
  return out;
}

struct Encoded {
  std::string name;
  Coding coding;
  std::string bytes;
};

std::vector<Encoded> encodings(std::string_view text) {
  return {
      {"gzip", Coding::kGzip, gzip(text)}, {"br", Coding::kBrotli, brotli(text)}, {"zstd", Coding::kZstd, zstd(text)}};
}

// What a decoder gives for the pieces, or the error's name.
std::string decode(Coding coding, const std::vector<std::string_view>& pieces, bool& finished) {
  auto decoder = make_decoder(coding);
  std::string out;
  for (std::string_view piece : pieces) {
    std::string copy(piece);
    if (auto done = decoder->decode(copy, out, 1 << 20); !done) return std::string(name(done.error().code));
  }
  finished = decoder->finished();
  return out;
}

std::string whole(Coding coding, std::string_view bytes, const DecodeLimits& limits = {}) {
  auto out = decode_whole(coding, bytes, limits);
  return out ? *out : "error: " + std::string(name(out.error().code));
}

TEST(ParseCoding, knows_single_codings_only) {
  struct Case {
    std::string_view value;
    Coding want;
  };
  const Case cases[] = {
      {"", Coding::kIdentity},         {" ", Coding::kIdentity},
      {"identity", Coding::kIdentity}, {"gzip", Coding::kGzip},
      {"GZip", Coding::kGzip},         {" gzip\t", Coding::kGzip},
      {"x-gzip", Coding::kGzip},       {"br", Coding::kBrotli},
      {"zstd", Coding::kZstd},         {"deflate", Coding::kUnknown},
      {"compress", Coding::kUnknown},  {"gzip, gzip", Coding::kUnknown},
      {"gzip,", Coding::kUnknown},     {"identity, gzip", Coding::kUnknown},
      {"gzip;q=1", Coding::kUnknown},  {"gzi", Coding::kUnknown},
  };
  for (const Case& c : cases) EXPECT_EQ(parse_coding(c.value), c.want) << c.value;
}

TEST(Decoder, exists_for_real_codings_only) {
  EXPECT_EQ(make_decoder(Coding::kIdentity), nullptr);
  EXPECT_EQ(make_decoder(Coding::kUnknown), nullptr);
  EXPECT_NE(make_decoder(Coding::kGzip), nullptr);
}

TEST(Decoder, gives_the_same_at_every_split) {
  const std::string text = text_of(600);
  for (const Encoded& e : encodings(text)) {
    std::vector<std::string_view> bytes;
    for (size_t i = 0; i < e.bytes.size(); ++i) bytes.push_back(std::string_view(e.bytes).substr(i, 1));
    bool finished = false;
    EXPECT_EQ(decode(e.coding, bytes, finished), text) << e.name;
    EXPECT_TRUE(finished) << e.name;
    for (size_t cut = 0; cut <= e.bytes.size(); ++cut) {
      std::string_view all = e.bytes;
      EXPECT_EQ(decode(e.coding, {all.substr(0, cut), all.substr(cut)}, finished), text) << e.name << " cut at " << cut;
      EXPECT_TRUE(finished) << e.name << " cut at " << cut;
    }
  }
}

TEST(Decoder, gives_what_was_flushed_at_once) {
  z_stream stream{};
  ASSERT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string first = "event: ping\ndata: {}\n\n";
  std::string encoded(200, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(first.data());
  stream.avail_in = static_cast<uInt>(first.size());
  stream.next_out = reinterpret_cast<Bytef*>(encoded.data());
  stream.avail_out = static_cast<uInt>(encoded.size());
  ASSERT_EQ(deflate(&stream, Z_SYNC_FLUSH), Z_OK);
  encoded.resize(stream.total_out);
  deflateEnd(&stream);
  auto decoder = make_decoder(Coding::kGzip);
  std::string out = "before ";
  ASSERT_TRUE(decoder->decode(encoded, out, 100));
  EXPECT_EQ(out, "before " + first);
  EXPECT_FALSE(decoder->finished());
}

TEST(Decoder, keeps_to_its_room_exactly) {
  const std::string text = text_of(100'000);
  for (const Encoded& e : encodings(text)) {
    std::string out = "x";
    EXPECT_TRUE(make_decoder(e.coding)->decode(e.bytes, out, text.size())) << e.name;
    EXPECT_EQ(out, "x" + text) << e.name;
    for (size_t room : {text.size() - 1, size_t{5000}, size_t{1}, size_t{0}}) {
      out = "x";
      auto decoder = make_decoder(e.coding);
      auto done = decoder->decode(e.bytes, out, room);
      ASSERT_FALSE(done) << e.name << " " << room;
      EXPECT_EQ(done.error().code, ErrorCode::kBodyTooLarge) << e.name << " " << room;
      EXPECT_LE(out.size(), room + 1) << e.name;
      EXPECT_EQ(out, ("x" + text).substr(0, out.size())) << e.name;
      EXPECT_FALSE(decoder->finished());
      EXPECT_EQ(decoder->decode("", out, text.size()).error().code, ErrorCode::kBodyTooLarge) << "for good";
    }
  }
}

TEST(Decoder, takes_an_empty_content) {
  for (const Encoded& e : encodings("")) {
    std::string out;
    auto decoder = make_decoder(e.coding);
    EXPECT_FALSE(decoder->finished());
    EXPECT_TRUE(decoder->decode(e.bytes, out, 0)) << e.name;
    EXPECT_TRUE(decoder->finished()) << e.name;
    EXPECT_EQ(out, "");
  }
}

TEST(Decoder, refuses_what_follows_the_end) {
  const std::string text = text_of(300);
  for (const Encoded& e : encodings(text)) {
    bool finished = false;
    EXPECT_EQ(decode(e.coding, {e.bytes, "x"}, finished), "bad_request") << e.name;
    EXPECT_EQ(decode(e.coding, {e.bytes, "", ""}, finished), text) << e.name;
    EXPECT_EQ(whole(e.coding, e.bytes + "x"), "error: bad_request") << e.name;
    EXPECT_EQ(whole(e.coding, e.bytes + std::string(1, '\0')), "error: bad_request") << e.name;
    EXPECT_EQ(whole(e.coding, e.bytes + e.bytes), "error: bad_request") << e.name << ", a second one";
  }
}

TEST(Decoder, refuses_every_truncation) {
  const std::string text = text_of(300);
  for (const Encoded& e : encodings(text)) {
    for (size_t size = 0; size < e.bytes.size(); ++size) {
      EXPECT_EQ(whole(e.coding, std::string_view(e.bytes).substr(0, size)), "error: bad_request")
          << e.name << " " << size;
    }
  }
}

TEST(Decoder, refuses_wrong_checksums_and_garbage) {
  const std::string text = text_of(300);
  const std::string gz = gzip(text);
  const std::string zs = zstd(text);
  auto flipped = [](std::string bytes, size_t from_end) {
    bytes[bytes.size() - from_end] = static_cast<char>(bytes[bytes.size() - from_end] ^ 1);
    return bytes;
  };
  EXPECT_EQ(whole(Coding::kGzip, flipped(gz, 8)), "error: bad_request") << "CRC";
  EXPECT_EQ(whole(Coding::kGzip, flipped(gz, 1)), "error: bad_request") << "size";
  EXPECT_EQ(whole(Coding::kZstd, flipped(zs, 1)), "error: bad_request") << "checksum";
  EXPECT_EQ(whole(Coding::kGzip, zlib_wrapped(text)), "error: bad_request") << "deflate is another coding";
  EXPECT_EQ(whole(Coding::kGzip, gz.substr(10)), "error: bad_request") << "no header";
  for (Coding coding : {Coding::kGzip, Coding::kBrotli, Coding::kZstd}) {
    EXPECT_EQ(whole(coding, "{\"model\":\"claude\"}"), "error: bad_request");
    EXPECT_EQ(whole(coding, ""), "error: bad_request");
  }
}

TEST(Decoder, refuses_zstd_windows_over_8_megabytes) {
  const std::string text = text_of(1000);
  EXPECT_EQ(whole(Coding::kZstd, zstd(text, 23)), text);
  EXPECT_EQ(whole(Coding::kZstd, zstd(text, 24)), "error: bad_request");
}

TEST(DecodeWhole, refuses_bombs_by_ratio_and_size) {
  const std::string zeros(64 * 1024 * 1024, '\0');
  for (const Encoded& e : encodings(zeros)) {
    ASSERT_LT(e.bytes.size(), 100'000u) << e.name;
    EXPECT_EQ(whole(e.coding, e.bytes), "error: body_too_large") << e.name;
  }
  const std::string below(1024 * 1024, '\0');
  EXPECT_EQ(whole(Coding::kGzip, gzip(below)), below) << "the ratio is not asked below a megabyte";
  EXPECT_EQ(whole(Coding::kGzip, gzip(below + "x")), "error: body_too_large");
  const std::string text = text_of(50'000);
  EXPECT_EQ(whole(Coding::kGzip, gzip(text), {.output_bytes_max = 50'000}), text);
  EXPECT_EQ(whole(Coding::kGzip, gzip(text), {.output_bytes_max = 49'999}), "error: body_too_large");
  size_t encoded = gzip(text).size();
  size_t ratio = text.size() / encoded;
  EXPECT_EQ(whole(Coding::kGzip, gzip(text), {.ratio_max = ratio + 1, .ratio_from_bytes = 0}), text);
  EXPECT_EQ(whole(Coding::kGzip, gzip(text), {.ratio_max = ratio, .ratio_from_bytes = 0}), "error: body_too_large");
}

TEST(DecodeWhole, copies_identity_and_refuses_the_unknown) {
  EXPECT_EQ(whole(Coding::kIdentity, "abc"), "abc");
  EXPECT_EQ(whole(Coding::kIdentity, "abc", {.output_bytes_max = 2}), "error: body_too_large");
  EXPECT_EQ(whole(Coding::kUnknown, "abc"), "error: unsupported");
}

}  // namespace
}  // namespace baton::http
