#include "net/body_writer.h"

#include <array>

#include "http/chunked.h"

namespace baton::net {

namespace {
iovec part(std::string_view bytes) { return {const_cast<char*>(bytes.data()), bytes.size()}; }
}  // namespace

bool BodyWriter::write(std::string_view head, std::string_view content, bool last) {
  if (broken_) return false;
  if (framing_ == http::Framing::kNone) content = {};
  content_bytes_ += content.size();
  std::array<iovec, 5> parts;
  size_t count = 0;
  size_t total = 0;
  auto add = [&](std::string_view bytes) {
    if (bytes.empty()) return;
    parts[count++] = part(bytes);
    total += bytes.size();
  };
  std::array<char, 20> chunk;
  add(head);
  if (framing_ == http::Framing::kChunked) {
    if (!content.empty()) {
      add(http::chunk_head(content.size(), chunk));
      add(content);
      add(http::kChunkEnd);
    }
    if (last) add(http::kLastChunk);
  } else {
    add(content);
  }
  finished_ = finished_ || last;
  if (total == 0) return true;
  std::span<const iovec> all(parts.data(), count);
  if (pending() > 0) {
    keep(all, 0);
    return flush();
  }
  size_t done = 0;
  if (stream_->can_write()) {
    auto wrote = stream_->try_write(all);
    if (wrote.status == runtime::IoStatus::kReset || wrote.status == runtime::IoStatus::kEof) {
      broken_ = true;
      return false;
    }
    done = wrote.bytes;
  }
  if (done < total) keep(all, done);
  return true;
}

void BodyWriter::keep(std::span<const iovec> parts, size_t skip) {
  for (const iovec& one : parts) {
    if (skip >= one.iov_len) {
      skip -= one.iov_len;
      continue;
    }
    kept_.append(static_cast<const char*>(one.iov_base) + skip, one.iov_len - skip);
    skip = 0;
  }
}

bool BodyWriter::flush() {
  while (!broken_ && pending() > 0 && stream_->can_write()) {
    iovec rest = part(std::string_view(kept_).substr(sent_));
    auto wrote = stream_->try_write(std::span<const iovec>(&rest, 1));
    if (wrote.status == runtime::IoStatus::kReset || wrote.status == runtime::IoStatus::kEof) broken_ = true;
    sent_ += wrote.bytes;
  }
  if (pending() == 0) {
    sent_ = 0;
    std::string().swap(kept_);
  } else if (sent_ > kept_.size() / 2 && sent_ >= 64 * 1024) {
    kept_.erase(0, sent_);
    sent_ = 0;
  }
  return !broken_;
}

}  // namespace baton::net
