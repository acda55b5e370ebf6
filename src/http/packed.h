// Packing of what is kept in memory: zstd at its fastest level. Not for bytes from outside; those have Decoder.
// Thread: any; each thread keeps one compressor (about 0.3 MB) from its first use on. Source: RFC 8878.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace baton::http {

// Nothing when it would not become smaller by an eighth at least, or there is no memory.
std::optional<std::string> pack(std::string_view bytes);
// What was packed, which must have been `plain_bytes` long; nothing when it was not, or is broken.
std::optional<std::string> unpack(std::string_view packed, size_t plain_bytes);

}  // namespace baton::http
