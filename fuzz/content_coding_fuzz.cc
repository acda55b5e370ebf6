// The decoders: whatever the bytes, cut anywhere, they keep to their room and say the same as in one piece.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "http/content_coding.h"

// The first byte chooses the coding and the size of the pieces.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using baton::http::Coding;
  if (size < 1) return 0;
  constexpr Coding kCodings[] = {Coding::kGzip, Coding::kBrotli, Coding::kZstd};
  constexpr size_t kRoom = 256 * 1024;
  Coding coding = kCodings[data[0] % 3];
  size_t piece_bytes = 1 + data[0] / 3;
  std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);

  auto whole = baton::http::decode_whole(coding, bytes,
                                         {.output_bytes_max = kRoom, .ratio_max = 100, .ratio_from_bytes = kRoom});
  if (whole) BATON_CHECK(whole->size() <= kRoom);

  auto decoder = baton::http::make_decoder(coding);
  std::string out;
  bool failed = false;
  for (size_t at = 0; at < bytes.size() && !failed; at += piece_bytes) {
    failed = !decoder->decode(bytes.substr(at, piece_bytes), out, kRoom - out.size());
    BATON_CHECK(out.size() <= kRoom);
  }
  BATON_CHECK(whole.has_value() == (!failed && decoder->finished()));
  if (whole) BATON_CHECK(out == *whole);
  if (failed) BATON_CHECK(!decoder->decode(bytes, out, kRoom) && !decoder->finished());
  return 0;
}
