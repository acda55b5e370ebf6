#include "tests/simulation/memory_net.h"

#include <algorithm>
#include <cstring>

#include "runtime/wait.h"

namespace baton::simulation {

using runtime::IoResult;
using runtime::IoStatus;

void VirtualPoller::poll(Instant until) {
  if (until == runtime::kNever) {
    stuck_ = true;
    return;
  }
  if (until > clock_.now()) clock_.set(until);
}

MemoryStream::MemoryStream(runtime::Random& random, const Weather& weather, std::shared_ptr<Pipe> in,
                           std::shared_ptr<Pipe> out, std::string peer)
    : random_(random), weather_(weather), in_(std::move(in)), out_(std::move(out)), peer_(std::move(peer)) {
  in_->reader = this;
  out_->writer = this;
}

MemoryStream::~MemoryStream() {
  close(false);
  in_->reader = nullptr;
  out_->writer = nullptr;
}

void MemoryStream::refresh() {
  const bool readable_now = in_->waiting() > 0 || in_->ended || in_->broken;
  const bool writable_now = out_->broken || out_->ended || out_->waiting() < weather_.window_bytes;
  if (readable_now && !can_read_) {
    can_read_ = true;
    readable.notify();
  }
  if (writable_now && !can_write_) {
    can_write_ = true;
    writable.notify();
  }
  if ((in_->ended || in_->broken) && !gone_) {
    gone_ = true;
    hangup.notify();
  }
}

IoResult MemoryStream::try_read(std::span<char> into) {
  if (closed_) return {IoStatus::kReset, 0};
  // As Linux does it: what had come before a reset can still be read.
  if (in_->waiting() == 0) {
    if (in_->broken) return {IoStatus::kReset, 0};
    if (in_->ended) return {IoStatus::kEof, 0};
    can_read_ = false;
    return {IoStatus::kBlocked, 0};
  }
  size_t most =
      std::min({into.size(), in_->waiting(), 1 + static_cast<size_t>(random_.below(weather_.piece_bytes_max))});
  std::memcpy(into.data(), in_->bytes.data() + in_->read, most);
  in_->read += most;
  if (in_->waiting() == 0) {
    in_->bytes.clear();
    in_->read = 0;
  }
  can_read_ = in_->waiting() > 0 || in_->ended || in_->broken;
  if (in_->writer != nullptr) in_->writer->refresh();
  return {IoStatus::kOk, most};
}

IoResult MemoryStream::try_write(std::span<const iovec> parts) {
  if (closed_ || out_->broken || out_->ended) return {IoStatus::kReset, 0};
  size_t room = weather_.window_bytes - std::min(weather_.window_bytes, out_->waiting());
  size_t wrote = 0;
  for (const iovec& part : parts) {
    size_t take = std::min(part.iov_len, room - wrote);
    out_->bytes.append(static_cast<const char*>(part.iov_base), take);
    if (out_->record) out_->record->append(static_cast<const char*>(part.iov_base), take);
    wrote += take;
    if (take < part.iov_len) break;
  }
  size_t asked = 0;
  for (const iovec& part : parts) asked += part.iov_len;
  if (wrote < asked) can_write_ = false;
  out_->moved += wrote;
  if (out_->moved >= out_->cut_at) {
    // The bytes behind the cut never arrive, and both directions are dead.
    size_t beyond = static_cast<size_t>(out_->moved - out_->cut_at);
    out_->bytes.resize(out_->bytes.size() - std::min(beyond, out_->waiting()));
    out_->broken = in_->broken = true;
    if (out_->reader != nullptr) out_->reader->refresh();
    refresh();
    return {IoStatus::kOk, wrote};
  }
  if (wrote > 0 && out_->reader != nullptr) out_->reader->refresh();
  if (wrote == 0) return {IoStatus::kBlocked, 0};
  return {IoStatus::kOk, wrote};
}

void MemoryStream::shut_write() {
  if (out_->ended) return;
  out_->ended = true;
  if (out_->reader != nullptr) out_->reader->refresh();
}

void MemoryStream::close(bool reset) {
  if (closed_) return;
  closed_ = true;
  out_->ended = true;
  if (reset) {
    out_->broken = true;
    in_->broken = true;
  }
  in_->ended = true;  // whoever writes to us learns that nobody reads
  if (out_->reader != nullptr) out_->reader->refresh();
}

StreamPair make_pair(runtime::Random& random, const Weather& weather, std::string a_address, std::string b_address) {
  StreamPair pair;
  pair.a_to_b = std::make_shared<Pipe>();
  pair.b_to_a = std::make_shared<Pipe>();
  pair.a = std::make_unique<MemoryStream>(random, weather, pair.b_to_a, pair.a_to_b, std::move(b_address));
  pair.b = std::make_unique<MemoryStream>(random, weather, pair.a_to_b, pair.b_to_a, std::move(a_address));
  return pair;
}

runtime::Task<Expected<std::unique_ptr<runtime::ByteStream>>> MemoryDialer::dial(runtime::Cancellation&) {
  ++dialled;
  if (refuse) co_return fail(ErrorCode::kConnect, Fault::kUpstream, "connection refused", Retry::kOtherAccount);
  StreamPair pair = make_pair(random_, weather_, "127.0.0.1", "127.0.0.1");
  accept_(pair);
  co_return std::move(pair.a);
}

}  // namespace baton::simulation
