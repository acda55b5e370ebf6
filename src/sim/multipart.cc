#include "sim/multipart.h"

#include <cstring>

#include "base/ascii.h"

namespace baton::sim {

namespace {

// The value of a parameter in "form-data; name=\"file\"; filename=x", unquoted.
std::string parameter(std::string_view field, std::string_view name) {
  size_t at = field.find(';');
  while (at != std::string_view::npos) {
    std::string_view rest = ascii::trim(field.substr(at + 1));
    size_t equals = rest.find('=');
    if (equals == std::string_view::npos) return {};
    bool match = ascii::equal_ignoring_case(ascii::trim(rest.substr(0, equals)), name);
    std::string value;
    size_t i = equals + 1;
    if (i < rest.size() && rest[i] == '"') {
      for (++i; i < rest.size() && rest[i] != '"'; ++i) {
        if (rest[i] == '\\' && i + 1 < rest.size()) ++i;
        value.push_back(rest[i]);
      }
    } else {
      for (; i < rest.size() && rest[i] != ';'; ++i) value.push_back(rest[i]);
      value = ascii::trim(value);
    }
    if (match) return value;
    size_t next = rest.find(';', i);
    if (next == std::string_view::npos) return {};
    at = static_cast<size_t>(rest.data() - field.data()) + next;
  }
  return {};
}

std::string_view header(std::string_view lines, std::string_view name) {
  while (!lines.empty()) {
    std::string_view line = lines.substr(0, lines.find("\r\n"));
    lines.remove_prefix(std::min(lines.size(), line.size() + 2));
    size_t colon = line.find(':');
    if (colon != std::string_view::npos && ascii::equal_ignoring_case(line.substr(0, colon), name)) {
      return ascii::trim(line.substr(colon + 1));
    }
  }
  return {};
}

size_t find_bytes(std::string_view text, std::string_view part, size_t from) {
  if (text.empty() || from > text.size()) return std::string_view::npos;
  const void* at = memmem(text.data() + from, text.size() - from, part.data(), part.size());
  return at == nullptr ? std::string_view::npos : static_cast<size_t>(static_cast<const char*>(at) - text.data());
}

}  // namespace

Answered<UploadedFile> find_upload(std::string_view content_type, std::string_view body) {
  std::string boundary = parameter(content_type, "boundary");
  if (!ascii::starts_with_ignoring_case(content_type, "multipart/form-data") || boundary.empty() ||
      boundary.size() > 70) {
    return invalid("Content-Type must be multipart/form-data with a boundary");
  }
  std::string first = "--" + boundary;
  std::string between = "\r\n" + first;
  if (!body.starts_with(first)) {
    size_t at = find_bytes(body, between, 0);
    if (at == std::string_view::npos) return invalid("The multipart body has no part");
    body.remove_prefix(at + 2);
  }
  size_t at = first.size();
  for (size_t parts = 0; parts < kUploadPartsMax; ++parts) {
    if (body.substr(at).starts_with("--")) break;
    size_t head = find_bytes(body, "\r\n", at);
    if (head == std::string_view::npos) return invalid("The multipart body is malformed");
    head += 2;
    size_t head_end = find_bytes(body, "\r\n\r\n", head - 2);
    if (head_end == std::string_view::npos) return invalid("The multipart body is malformed");
    size_t content = head_end + 4;
    size_t end = find_bytes(body, between, head_end + 2);
    if (end == std::string_view::npos) return invalid("The multipart body does not end with its boundary");
    std::string_view lines = body.substr(head, head_end > head ? head_end - head : 0);
    std::string_view disposition = header(lines, "content-disposition");
    if (parameter(disposition, "name") == "file") {
      UploadedFile file{.filename = parameter(disposition, "filename"),
                        .mime_type = std::string(header(lines, "content-type")),
                        .content = body.substr(content, end > content ? end - content : 0)};
      if (file.filename.empty()) return invalid("file: a filename is required");
      if (file.mime_type.empty()) file.mime_type = "application/octet-stream";
      return file;
    }
    at = end + between.size();
  }
  return invalid("file: Field required");
}

}  // namespace baton::sim
