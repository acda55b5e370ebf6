#include "net/body_reader.h"

#include <algorithm>
#include <cstring>

namespace baton::net {

namespace {
constexpr size_t kScratchBytes = 64 * 1024;
constexpr size_t kScratchPadding = 64;
}  // namespace

std::span<char> read_scratch() {
  thread_local std::unique_ptr<char[]> scratch(new char[kScratchBytes + kScratchPadding]());
  return {scratch.get(), kScratchBytes};
}

BodyReader::Result BodyReader::decode(std::span<char> bytes) {
  surplus_ = {};
  std::string_view all(bytes.data(), bytes.size());
  switch (framing_) {
    case http::Framing::kNone: surplus_ = all; return {Status::kEnd, {}};
    case http::Framing::kLength: {
      size_t take = static_cast<size_t>(std::min<uint64_t>(left_, all.size()));
      left_ -= take;
      surplus_ = all.substr(take);
      return {left_ == 0 ? Status::kEnd : Status::kMore, all.substr(0, take)};
    }
    case http::Framing::kUntilClose: return {Status::kMore, all};
    case http::Framing::kChunked: break;
  }
  // The pieces of content are moved together over the framing between them.
  char* into = bytes.data();
  size_t at = 0;
  while (at < all.size() && !chunks_.done()) {
    auto step = chunks_.step(all.substr(at));
    if (step.error) return {Status::kMalformed, {}};
    if (!step.data.empty()) {
      if (step.data.data() != into) std::memmove(into, step.data.data(), step.data.size());
      into += step.data.size();
    }
    at += step.consumed;
  }
  std::string_view content(bytes.data(), static_cast<size_t>(into - bytes.data()));
  if (!chunks_.done()) return {Status::kMore, content};
  done_ = true;
  surplus_ = all.substr(at);
  return {Status::kEnd, content};
}

BodyReader::Result BodyReader::try_read(runtime::ByteStream& stream, std::span<char> scratch) {
  if (done()) return {Status::kEnd, {}};
  if (!stream.can_read()) return {Status::kBlocked, {}};
  auto got = stream.try_read(scratch);
  switch (got.status) {
    case runtime::IoStatus::kOk: return decode(scratch.first(got.bytes));
    case runtime::IoStatus::kBlocked: return {Status::kBlocked, {}};
    case runtime::IoStatus::kReset: return {Status::kReset, {}};
    case runtime::IoStatus::kEof: break;
  }
  if (framing_ != http::Framing::kUntilClose) return {Status::kTruncated, {}};
  done_ = true;
  return {Status::kEnd, {}};
}

}  // namespace baton::net
