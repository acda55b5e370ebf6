// multipart/form-data: finds the one file in an upload.
// Thread: any; pure. Bounds: linear time, parts <= kPartsMax of an upload. Source: RFC 7578, RFC 2046 5.1.1 (read
// 2026-11).
#pragma once

#include <string>
#include <string_view>

#include "sim/api_error.h"

namespace baton::sim {

struct UploadedFile {
  std::string filename;
  std::string mime_type;
  std::string_view content;  // inside the body
};

inline constexpr size_t kUploadPartsMax = 16;

// The part named "file". 400 when the body is not multipart, has no such part, or the part no filename.
Answered<UploadedFile> find_upload(std::string_view content_type, std::string_view body);

}  // namespace baton::sim
