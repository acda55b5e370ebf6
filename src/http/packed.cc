#include "http/packed.h"

#include <zstd.h>

#include <memory>

namespace baton::http {

namespace {

constexpr int kLevel = 1;

struct Free {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

}  // namespace

std::optional<std::string> pack(std::string_view bytes) {
  thread_local std::unique_ptr<ZSTD_CCtx, Free> context(ZSTD_createCCtx());
  if (context == nullptr) return std::nullopt;
  std::string packed(ZSTD_compressBound(bytes.size()), '\0');
  const size_t size =
      ZSTD_compressCCtx(context.get(), packed.data(), packed.size(), bytes.data(), bytes.size(), kLevel);
  if (ZSTD_isError(size) || size > bytes.size() - bytes.size() / 8) return std::nullopt;
  return std::string(packed.data(), size);
}

std::optional<std::string> unpack(std::string_view packed, size_t plain_bytes) {
  thread_local std::unique_ptr<ZSTD_DCtx, Free> context(ZSTD_createDCtx());
  if (context == nullptr) return std::nullopt;
  std::string plain(plain_bytes, '\0');
  const size_t size = ZSTD_decompressDCtx(context.get(), plain.data(), plain.size(), packed.data(), packed.size());
  if (ZSTD_isError(size) || size != plain_bytes) return std::nullopt;
  return plain;
}

}  // namespace baton::http
