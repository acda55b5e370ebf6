#include "http/encode.h"

#include <zlib.h>

#include "http/packed.h"

namespace baton::http {

namespace {

constexpr int kGzipWindow = 15 + 16;
constexpr int kMemoryLevel = 8;

std::optional<std::string> gzip(std::string_view plain) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipWindow, kMemoryLevel, Z_DEFAULT_STRATEGY) != Z_OK)
    return std::nullopt;
  std::string out(plain.size() - plain.size() / 8, '\0');  // more is not worth it
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const bool whole = deflate(&stream, Z_FINISH) == Z_STREAM_END;
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (!whole) return std::nullopt;
  return out;
}

}  // namespace

std::optional<std::string> encode_whole(Coding coding, std::string_view plain) {
  if (plain.empty() || plain.size() > UINT32_MAX) return std::nullopt;
  if (coding == Coding::kGzip) return gzip(plain);
  if (coding == Coding::kZstd) return pack(plain);
  return std::nullopt;
}

}  // namespace baton::http
