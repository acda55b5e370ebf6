#include "edge/exchange.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

#include "edge/reply_head.h"
#include "http/json.h"
#include "runtime/wait.h"

namespace baton::edge {

using runtime::Task;
using Status = net::BodyReader::Status;

namespace {

// Blocks of one size for requests that fit, kept per thread: most do.
constexpr size_t kBlockBytes = 4096;
constexpr size_t kBlocksKept = 64;
struct Blocks {
  std::array<char*, kBlocksKept> free;
  size_t count = 0;
  ~Blocks() {
    while (count > 0) std::free(free[--count]);
  }
};
thread_local Blocks blocks;

char* take_block() {
  return blocks.count > 0 ? blocks.free[--blocks.count] : static_cast<char*>(std::malloc(kBlockBytes));
}

}  // namespace

RequestBytes::~RequestBytes() { clear(); }

void RequestBytes::reserve(size_t bytes) {
  if (bytes <= capacity_) return;
  if (data_ == nullptr && bytes <= kBlockBytes - http::kJsonPadding) {
    data_ = take_block();
    if (data_ == nullptr) throw std::bad_alloc();
    capacity_ = kBlockBytes - http::kJsonPadding;
    return;
  }
  void* grown = std::realloc(data_, bytes + http::kJsonPadding);
  if (grown == nullptr) throw std::bad_alloc();
  data_ = static_cast<char*>(grown);
  capacity_ = bytes;
}

void RequestBytes::append(std::string_view bytes) {
  if (bytes.size() > room()) reserve(std::max(size_ + bytes.size(), capacity_ * 2));
  if (!bytes.empty()) std::memcpy(data_ + size_, bytes.data(), bytes.size());
  size_ += bytes.size();
}

void RequestBytes::clear() {
  if (capacity_ == kBlockBytes - http::kJsonPadding && blocks.count < kBlocksKept) {
    blocks.free[blocks.count++] = data_;
  } else {
    std::free(data_);
  }
  data_ = nullptr;
  size_ = capacity_ = 0;
}

namespace {

// Bodies up to this size are allocated whole as soon as their length is known.
constexpr size_t kEagerBytes = 256 * kKiB;
// At the slowest a body of known length comes in about this time.
constexpr Duration kWholeBodyTime = std::chrono::minutes(10);
// After so many reads in a row others get their turn.
constexpr int kReadsPerTurn = 16;

// The head's views follow their bytes to another place.
void rebase(http::RequestHead& head, const char* from, const char* to) {
  auto move = [&](std::string_view& view) {
    if (view.data() != nullptr) view = {to + (view.data() - from), view.size()};
  };
  move(head.method_text);
  move(head.target);
  move(head.path);
  move(head.query);
  move(head.host);
  for (auto& field : head.fields) {
    move(field.name);
    move(field.value);
  }
}

Error framing_error(Status status) {
  if (status == Status::kMalformed)
    return {ErrorCode::kBadRequest, Fault::kClient, Retry::kNever, "The chunked body is malformed."};
  return {ErrorCode::kBadRequest, Fault::kClient, Retry::kNever, "The connection ended before the body was complete."};
}

Error client_gone() { return {ErrorCode::kCancelled, Fault::kClient, Retry::kNever, "The client has gone."}; }

}  // namespace

Exchange::Exchange(runtime::Loop& loop, runtime::ByteStream& stream, const Config& config, ByteBudget& budget,
                   const bool& draining, const MemoryPressure* pressure)
    : loop_(&loop),
      stream_(&stream),
      config_(&config),
      share_(budget),
      writer_(stream, http::Framing::kNone),
      draining_(&draining),
      pressure_(pressure) {
  watch_.loop = &loop;
  watch_.cancel = &cancel_;
  watch_.run = [](runtime::Wake& wake) {
    static_cast<HangupWatch&>(wake).cancel->cancel(runtime::CancelReason::kClientGone);
  };
}

Exchange::~Exchange() {
  stream_->hangup.leave(watch_);
  loop_->forget(watch_);
  release_request();
}

void Exchange::start(std::unique_ptr<http::RequestHead> head, std::string_view bytes) {
  head_ = std::move(head);
  const size_t head_bytes = head_->bytes;
  size_t mine = bytes.size();
  size_t wanted = bytes.size();
  if (head_->framing == http::Framing::kNone) {
    mine = head_bytes;
  } else if (head_->framing == http::Framing::kLength) {
    mine = static_cast<size_t>(std::min<uint64_t>(bytes.size() - head_bytes, head_->content_length)) + head_bytes;
    wanted = head_->content_length <= kEagerBytes ? head_bytes + static_cast<size_t>(head_->content_length) : mine;
  }
  bytes_.reserve(std::max(wanted, mine));
  bytes_.append(bytes.substr(0, mine));
  if (mine < bytes.size()) leftover_.assign(bytes.substr(mine));
  rebase(*head_, bytes.data(), bytes_.data());
  early_ = mine - head_bytes;
  reader_ = net::BodyReader(head_->framing, head_->content_length);
  expect_continue_ = head_->expect_continue && early_ == 0;
  to_head_ = head_->method == http::Method::kHead;
  old_version_ = head_->version_minor == 0;
  keep_alive_ = head_->keep_alive;
  body_started_ = complete_ = loop_->now();
  if (reader_.done()) finish_body();
}

void Exchange::finish_body() {
  body_complete_ = true;
  complete_ = loop_->clock().now();
  watch_hangup();
}

void Exchange::watch_hangup() {
  if (stream_->gone()) {
    cancel_.cancel(runtime::CancelReason::kClientGone);
  } else {
    stream_->hangup.stand(watch_, runtime::kPeerGone);
  }
}

void Exchange::want_body() {
  if (!expect_continue_) return;
  expect_continue_ = false;
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  iovec part{const_cast<char*>(kContinue.data()), kContinue.size()};
  // A client that has no room for these few bytes does not read; what was begun could not be finished in order, so it
  // is given up.
  auto wrote = stream_->try_write(std::span<const iovec>(&part, 1));
  if (wrote.bytes == kContinue.size()) return;
  unwritable_ = true;
  cancel_.cancel(runtime::CancelReason::kClientGone);
}

Task<Expected<void>> Exchange::reserve_body(size_t bytes) {
  const Instant began = loop_->now();
  const Instant give_up = began + config_->body_idle_timeout;
  while (!share_.resize(bytes)) {
    if (loop_->now() >= give_up)
      co_return fail(ErrorCode::kOverloaded, Fault::kUs,
                     "The relay's memory for request bodies is full; try again shortly.", Retry::kLater);
    co_await runtime::wait(*loop_, {.cancel = &cancel_, .until = loop_->now() + std::chrono::milliseconds(20)});
    if (cancel_.cancelled() || stream_->gone()) co_return std::unexpected(client_gone());
  }
  body_started_ = body_started_ + (loop_->now() - began);  // it was we who did not listen
  co_return Expected<void>{};
}

Task<Expected<void>> Exchange::wait_for_bytes() {
  const Duration spent = loop_->now() - body_started_;
  if (spent > config_->body_grace) {
    // However large the body, it may not hold its part of the budget for long.
    const double length =
        head_ && head_->framing == http::Framing::kLength ? static_cast<double>(head_->content_length) : 0;
    const double rate =
        std::max(static_cast<double>(config_->body_bytes_per_second_min), length / seconds(kWholeBodyTime));
    const double owed = seconds(spent - config_->body_grace) * rate;
    if (static_cast<double>(body_bytes_) < owed) {
      keep_alive_ = false;
      co_return fail(ErrorCode::kTooSlow, Fault::kClient, "The request body comes too slowly.");
    }
  }
  auto ready = co_await runtime::wait(
      *loop_, {.read = stream_, .cancel = &cancel_, .until = loop_->now() + config_->body_idle_timeout});
  if (ready & runtime::kCancelled) co_return std::unexpected(client_gone());
  if (ready & runtime::kReadable) co_return Expected<void>{};
  keep_alive_ = false;
  co_return fail(ErrorCode::kTooSlow, Fault::kClient, "The request body stopped coming.");
}

Expected<net::BodyReader::Result> Exchange::take(net::BodyReader::Result result) {
  switch (result.status) {
    case Status::kTruncated:
    case Status::kMalformed: keep_alive_ = false; return std::unexpected(framing_error(result.status));
    case Status::kReset: keep_alive_ = false; return std::unexpected(client_gone());
    case Status::kEnd:
      if (!reader_.surplus().empty()) leftover_.assign(reader_.surplus());
      break;
    case Status::kMore:
    case Status::kBlocked: break;
  }
  body_bytes_ += result.data.size();
  return result;
}

Task<Expected<std::string_view>> Exchange::read_body(size_t bytes_max) {
  const size_t head_bytes = head_->bytes;
  auto too_large = [&] {
    keep_alive_ = false;
    return fail(ErrorCode::kBodyTooLarge, Fault::kClient,
                "The request body is larger than the " + std::to_string(bytes_max / kMiB) + " MB allowed here.");
  };
  if (body_complete_) co_return body_;
  const bool known = head_->framing == http::Framing::kLength;
  if (known) {
    if (head_->content_length > bytes_max) co_return too_large();
    const size_t length = static_cast<size_t>(head_->content_length);
    if (auto reserved = co_await reserve_body(length); !reserved) co_return std::unexpected(reserved.error());
    const char* before = bytes_.data();
    bytes_.reserve(head_bytes + length);
    if (bytes_.data() != before) rebase(*head_, before, bytes_.data());
  }
  want_body();
  size_t content = 0;
  if (early_ > 0) {
    auto got = take(reader_.decode({bytes_.data() + head_bytes, early_}));
    early_ = 0;
    if (!got) co_return std::unexpected(got.error());
    content = got->data.size();
  }
  bytes_.truncate(head_bytes + content);
  if (body_bytes_ > bytes_max) co_return too_large();
  int reads = 0;
  while (!reader_.done()) {
    if (++reads % kReadsPerTurn == 0) co_await runtime::yield(*loop_);
    std::span<char> into = known ? std::span<char>(bytes_.data() + bytes_.size(), bytes_.room()) : net::read_scratch();
    auto got = take(reader_.try_read(*stream_, into));
    if (!got) co_return std::unexpected(got.error());
    if (got->status == Status::kBlocked) {
      if (auto waited = co_await wait_for_bytes(); !waited) co_return std::unexpected(waited.error());
      continue;
    }
    if (known) {
      bytes_.grew(got->data.size());
    } else if (!got->data.empty()) {
      if (body_bytes_ > bytes_max) co_return too_large();
      // The piece lies in this thread's scratch: it is stored before anything can suspend, then the bound is settled.
      const char* before = bytes_.data();
      bytes_.append(got->data);
      if (bytes_.data() != before) rebase(*head_, before, bytes_.data());
      if (auto reserved = co_await reserve_body(bytes_.size() + bytes_.room()); !reserved)
        co_return std::unexpected(reserved.error());
    }
  }
  body_ = {bytes_.data() + head_bytes, bytes_.size() - head_bytes};
  finish_body();
  co_return body_;
}

Task<Expected<std::string_view>> Exchange::read_piece(size_t bytes_max) {
  if (body_complete_) co_return std::string_view{};
  if (head_ && head_->framing == http::Framing::kLength && head_->content_length > bytes_max) {
    keep_alive_ = false;
    co_return fail(ErrorCode::kBodyTooLarge, Fault::kClient, "The request body is larger than is allowed here.");
  }
  want_body();
  while (!reader_.done() || early_ > 0) {
    net::BodyReader::Result result;
    if (early_ > 0) {
      result = reader_.decode({bytes_.data() + head_->bytes, early_});
      early_ = 0;
    } else {
      result = reader_.try_read(*stream_, net::read_scratch());
    }
    auto got = take(result);
    if (!got) co_return std::unexpected(got.error());
    if (body_bytes_ > bytes_max) {
      keep_alive_ = false;
      co_return fail(ErrorCode::kBodyTooLarge, Fault::kClient, "The request body is larger than is allowed here.");
    }
    if (got->status == Status::kEnd) finish_body();
    if (!got->data.empty()) co_return got->data;
    if (got->status == Status::kBlocked) {
      if (auto waited = co_await wait_for_bytes(); !waited) co_return std::unexpected(waited.error());
    }
  }
  if (!body_complete_) finish_body();
  co_return std::string_view{};
}

void Exchange::release_request() {
  bytes_.clear();
  body_ = {};
  share_.release();
  if (head_) give_head(std::move(head_));
}

bool Exchange::begin(const Begin& what) {
  if (unwritable_) return false;
  replied_ = true;
  status_ = what.status;
  first_byte_ = loop_->clock().now();
  ReplyShape shape{.status = what.status,
                   .fields = what.fields,
                   .length = what.length,
                   .to_head = to_head_,
                   .old_version = old_version_};
  if (*draining_ || !body_complete_ || (pressure_ != nullptr && pressure_->ends_keep_alive())) keep_alive_ = false;
  if (shape.framing() == http::Framing::kUntilClose) keep_alive_ = false;
  shape.keep_alive = keep_alive_;
  shape.simulated = simulated_;
  writer_ = net::BodyWriter(*stream_, shape.writer_framing());
  return writer_.write(render_reply_head(shape), what.content, what.last);
}

Task<Expected<void>> Exchange::reply(int status, std::string_view fields, std::string_view content) {
  if (!begin({.status = status,
              .fields = fields,
              .length = static_cast<int64_t>(content.size()),
              .content = content,
              .last = true}))
    co_return std::unexpected(client_gone());
  if (writer_.pending() == 0) co_return Expected<void>{};
  co_return co_await drain(0);
}

Task<Expected<void>> Exchange::drain(size_t pending_max) {
  size_t before = writer_.pending();
  Instant stalled_at = loop_->now() + config_->write_stall_timeout;
  while (writer_.pending() > pending_max) {
    auto ready = co_await runtime::wait(*loop_, {.write = stream_, .cancel = &cancel_, .until = stalled_at});
    if (ready & runtime::kCancelled) co_return std::unexpected(client_gone());
    if (!writer_.flush()) co_return std::unexpected(client_gone());
    if (writer_.pending() < before) {
      before = writer_.pending();
      stalled_at = loop_->now() + config_->write_stall_timeout;
    } else if (ready & runtime::kTimedOut) {
      co_return fail(ErrorCode::kCancelled, Fault::kClient, "The client took nothing for too long.");
    }
  }
  co_return Expected<void>{};
}

void Exchange::abort() {
  aborted_ = true;
  keep_alive_ = false;
}

}  // namespace baton::edge
