// Encoding of whole bodies on their way out: gzip or zstd, each at its fastest level. Thread: any. Bounds: linear in
// the bytes, about 10 ms a megabyte for gzip; the caller bounds what it gives. Source: RFC 1952, RFC 8878.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "http/content_coding.h"

namespace baton::http {

// Nothing for another coding, without memory, or when it would not become smaller by an eighth at least.
std::optional<std::string> encode_whole(Coding coding, std::string_view plain);

}  // namespace baton::http
