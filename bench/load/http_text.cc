#include "http_text.h"

namespace baton::load {

namespace {

constexpr size_t kHeadBytesMax = 64 * 1024;

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

bool ChunkedBody::framing(char byte) {
  switch (part_) {
    case Part::kSize:
      if (const int value = hex_value(byte); value >= 0) {
        left_ = left_ * 16 + static_cast<uint64_t>(value);
        return ++digits_ <= 15;
      }
      if (digits_ == 0 || (byte != '\r' && byte != ';')) return false;
      part_ = Part::kExtension;
      return true;
    case Part::kExtension:
      if (byte != '\n') return true;
      digits_ = 0;
      line_ = 0;
      part_ = left_ == 0 ? Part::kTrailer : Part::kData;
      return true;
    case Part::kDataEnd:
      if (byte == '\n') part_ = Part::kSize;
      return byte == '\n' || byte == '\r';
    case Part::kTrailer:
      if (byte == '\n') {
        if (line_ == 0) part_ = Part::kDone;
        line_ = 0;
      } else if (byte != '\r') {
        ++line_;
      }
      return line_ < kHeadBytesMax;
    case Part::kData:
    case Part::kDone: return false;
  }
  return false;
}

bool ReplyReader::take_head(std::string_view& bytes) {
  if (partial_.empty()) {
    const size_t end = bytes.find("\r\n\r\n");
    if (end != std::string_view::npos) {
      const std::string_view head = bytes.substr(0, end + 4);
      bytes.remove_prefix(head.size());
      return read_head(head);
    }
  }
  const size_t before = partial_.size();
  partial_.append(bytes);
  const size_t end = partial_.find("\r\n\r\n", before < 3 ? 0 : before - 3);
  if (end == std::string::npos) {
    bytes = {};
    return partial_.size() <= kHeadBytesMax;
  }
  bytes.remove_prefix(end + 4 - before);
  const std::string head = partial_.substr(0, end + 4);
  partial_.clear();
  return read_head(head);
}

bool ReplyReader::read_head(std::string_view head) {
  if (!head.starts_with("HTTP/1.1 ") || head.size() < 12) return false;
  const auto status = decimal(head.substr(9, 3));
  if (!status) return false;
  if (*status < 200) return true;  // an interim reply: the real one follows
  status_ = static_cast<int>(*status);
  std::optional<uint64_t> length;
  bool bad = false;
  each_field(head, [&](std::string_view name, std::string_view value) {
    if (same_name(name, "content-length")) {
      length = decimal(value);
      bad = bad || !length;
    } else if (same_name(name, "transfer-encoding")) {
      chunked_ = same_name(value, "chunked");
      bad = bad || !chunked_;
    } else if (same_name(name, "connection")) {
      closes_ = same_name(value, "close");
    }
  });
  if (bad || (chunked_ == length.has_value())) return false;  // exactly one framing
  in_body_ = true;
  left_ = length.value_or(0);
  done_ = !chunked_ && left_ == 0;
  return true;
}

}  // namespace baton::load
