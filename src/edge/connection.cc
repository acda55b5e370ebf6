#include "edge/connection.h"

#include <exception>

#include "edge/reply_head.h"
#include "runtime/wait.h"

namespace baton::edge {

using runtime::IoStatus;
using runtime::Task;

namespace {
constexpr Duration kLingerTime = std::chrono::seconds(2);
constexpr size_t kLingerBytes = 4 * kMiB;
// After so many requests in a row others get their turn: pipelined ones may never have to wait for anything.
constexpr uint64_t kRequestsPerTurn = 16;
}  // namespace

Connection::Connection(Server& server, runtime::ByteStream& stream) : server_(server), stream_(stream) {
  next = server.first_;
  if (next != nullptr) next->previous = this;
  server.first_ = this;
}

Connection::~Connection() {
  (previous != nullptr ? previous->next : server_.first_) = next;
  if (next != nullptr) next->previous = previous;
}

void Connection::cut() {
  close_idle();
  if (exchange_ == nullptr) return;
  exchange_->cancel().cancel(runtime::CancelReason::kDrain);
  exchange_->cut_off().cancel(runtime::CancelReason::kDrain);
}

Task<Connection::HeadResult> Connection::read_head(Exchange& exchange, std::string leftover) {
  runtime::Loop& loop = server_.parts_.loop;
  const Config& config = server_.parts_.config;
  auto head = take_head();
  size_t scanned = 0;
  // Bytes that had to be kept because the head did not come whole; most heads are parsed where they were read.
  std::string kept = std::move(leftover);
  bool fresh = !kept.empty();
  bool begun = !kept.empty();
  Instant deadline = loop.now() + (begun ? config.head_timeout : config.idle_timeout);
  if (begun) exchange.started_ = loop.now();
  while (true) {
    std::string_view bytes;
    if (!kept.empty() && fresh) {
      bytes = kept;
      fresh = false;
    } else {
      std::span<char> scratch = net::read_scratch();
      auto got = stream_.can_read() ? stream_.try_read(scratch) : runtime::IoResult{IoStatus::kBlocked, 0};
      if (got.status == IoStatus::kEof || got.status == IoStatus::kReset) co_return HeadResult{};
      if (got.status == IoStatus::kBlocked) {
        auto ready = co_await runtime::wait(loop, {.read = &stream_, .cancel = &wait_, .until = deadline});
        if ((ready & runtime::kReadable) != 0 || stream_.can_read()) continue;
        if (ready & runtime::kCancelled) co_return HeadResult{};
        if (!begun) co_return HeadResult{};
        co_return HeadResult{
            Step::kRefuse, http::HeadError::kNone,
            Error{ErrorCode::kTooSlow, Fault::kClient, Retry::kNever, "The request head did not come in time."}};
      }
      if (!begun) {
        begun = true;
        idle_ = false;
        exchange.started_ = loop.now();
        deadline = loop.now() + config.head_timeout;
      }
      bytes = {scratch.data(), got.bytes};
      if (!kept.empty()) {
        kept.append(bytes);
        bytes = kept;
      }
    }
    idle_ = false;
    http::HeadError error = http::HeadError::kNone;
    switch (http::parse_request(bytes, scanned, config.head, *head, error)) {
      case http::ParseStatus::kDone:
        exchange.start(std::move(head), bytes);
        co_return HeadResult{.step = Step::kServe, .head_error = {}, .error = {}};
      case http::ParseStatus::kError: co_return HeadResult{Step::kRefuse, error, {}};
      case http::ParseStatus::kNeedMore:
        if (kept.empty()) kept.assign(bytes);
        break;
    }
  }
}

// What a library throws is caught where it is called; should there be no memory all the same, one call ends and not the
// process.
Task<void> Connection::serve(Exchange& exchange) {
  try {
    co_await server_.parts_.handler.serve(exchange);
  } catch (const std::exception&) {
    exchange.abort();
    if (server_.parts_.metrics != nullptr) server_.parts_.metrics->error_without_call(ErrorCode::kInternal);
  }
}

Task<void> Connection::refuse(Exchange& exchange, const HeadResult& why) {
  Refusal refusal = server_.parts_.handler.refuse(why.head_error, why.error, peer_address_);
  if (refusal.simulated) exchange.mark_simulated();
  exchange.close_after();
  co_await exchange.reply(refusal.status, refusal.fields, refusal.content);
}

// Closing while the client still sends would reset the connection and take our answer with it (RFC 9112 9.6): the
// sending side ends first, and what comes is read and dropped for a while.
Task<void> Connection::linger() {
  runtime::Loop& loop = server_.parts_.loop;
  stream_.shut_write();
  const Instant until = loop.now() + kLingerTime;
  size_t dropped = 0;
  while (dropped < kLingerBytes) {
    auto got = stream_.can_read() ? stream_.try_read(net::read_scratch()) : runtime::IoResult{IoStatus::kBlocked, 0};
    dropped += got.bytes;
    if (got.status == IoStatus::kEof || got.status == IoStatus::kReset) co_return;
    if (got.status != IoStatus::kBlocked) continue;
    auto ready = co_await runtime::wait(loop, {.read = &stream_, .cancel = &wait_, .until = until});
    if (!(ready & runtime::kReadable)) co_return;
  }
}

Task<void> Connection::run() {
  std::string leftover;
  for (uint64_t served = 1;; ++served) {
    if (served % kRequestsPerTurn == 0) co_await runtime::yield(server_.parts_.loop);
    Exchange exchange(server_.parts_.loop, stream_, server_.parts_.config, server_.parts_.request_bytes,
                      server_.draining_, server_.parts_.pressure);
    exchange_ = &exchange;
    exchange.peer_address_ = &peer_address_;
    HeadResult got = co_await read_head(exchange, std::move(leftover));
    if (peer_address_.empty()) peer_address_ = stream_.peer_address();
    if (got.step == Step::kServe) {
      co_await serve(exchange);
    } else if (got.step == Step::kRefuse) {
      co_await refuse(exchange, got);
    }
    exchange_ = nullptr;
    bool whole = exchange.replied_ && !exchange.aborted_ && exchange.writer_.finished() && !exchange.writer_.broken() &&
                 exchange.writer_.pending() == 0;
    if (got.step == Step::kClose || !whole) {
      stream_.close(/*reset=*/got.step != Step::kClose);
      co_return;
    }
    if (!exchange.keep_alive_ || (server_.draining_ && !server_.leaving_)) {
      if (!exchange.body_complete_ || !exchange.leftover_.empty() || stream_.can_read()) co_await linger();
      stream_.close(/*reset=*/false);
      co_return;
    }
    leftover = std::move(exchange.leftover_);
    idle_ = leftover.empty();
  }
}

}  // namespace baton::edge
