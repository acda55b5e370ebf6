#include "sim/deliver.h"

#include "runtime/wait.h"
#include "sim/shaper.h"

namespace baton::sim {

namespace {

using runtime::Task;

constexpr int kWritesPerTurn = 8;

// A whole content as the one piece of a source.
class ContentSource final : public Source {
 public:
  explicit ContentSource(std::string_view content) : content_(content) {}
  std::optional<Duration> due() override {
    return content_.empty() ? std::nullopt : std::optional<Duration>(Duration{0});
  }
  void append(std::string& out) override {
    out += content_;
    content_ = {};
  }

 private:
  std::string_view content_;
};

void write_raw(edge::Exchange& exchange, std::string_view bytes) {
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  exchange.stream().try_write(std::span<const iovec>(&part, 1));  // what does not fit is lost, as faults go
}

// False when the client has gone or takes nothing.
Task<bool> sent(edge::Exchange& exchange) {
  auto drained = co_await exchange.drain(0);
  co_return drained.has_value();
}

Task<End> deliver_source(edge::Exchange& exchange, Reply& reply) {
  runtime::Loop& loop = exchange.loop();
  const Instant base = loop.now();
  std::string buffer;
  int writes = 0;
  auto write = [&](bool last) {
    bool ok = exchange.replied() ? exchange.writer().write({}, buffer, last)
                                 : exchange.begin({.status = reply.status,
                                                   .fields = reply.fields,
                                                   .length = reply.length,
                                                   .content = buffer,
                                                   .last = last});
    buffer.clear();
    ++writes;
    return ok;
  };
  while (auto due = reply.source->due()) {
    const Instant at = base + *due;
    const bool wait = at > loop.now();
    if (buffer.size() >= kWriteBytes || (wait && !buffer.empty())) {
      if (!write(false)) co_return End::kBroken;
      if (exchange.writer().pending() > 0 && !co_await sent(exchange)) co_return End::kBroken;
      if (writes % kWritesPerTurn == 0) co_await runtime::yield(loop);
    }
    if (wait) co_await runtime::wait(loop, {.cancel = &exchange.cancel(), .until = at});
    if (exchange.cancel().cancelled()) co_return End::kBroken;
    reply.source->append(buffer);
  }
  if (!write(true)) co_return End::kBroken;
  if (exchange.writer().pending() > 0 && !co_await sent(exchange)) co_return End::kBroken;
  co_return End::kWhole;
}

// The connection stays until the client leaves, at most `limit`.
Task<void> linger(edge::Exchange& exchange, Duration limit) {
  co_await runtime::wait(exchange.loop(), {.cancel = &exchange.cancel(), .until = exchange.loop().now() + limit});
}

Task<End> deliver_shaped(edge::Exchange& exchange, Reply& reply) {
  runtime::Loop& loop = exchange.loop();
  if (reply.control.fault == Fault::kHalfHead) {
    write_raw(exchange, "HTTP/1.1 200 OK\r\ncontent-ty");
    co_await linger(exchange, kResetPause);
    co_return End::kBroken;
  }
  ContentSource content(reply.content);
  Source& source = reply.source ? *reply.source : content;
  int64_t length = reply.source ? reply.length : static_cast<int64_t>(reply.content.size());
  if (reply.control.coding != ReplyCoding::kIdentity) length = -1;
  Shaper shaper({.control = reply.control, .source = source, .stream = reply.stream, .request_id = reply.request_id});
  if (!exchange.begin({.status = reply.status, .fields = reply.fields, .length = length, .content = {}}))
    co_return End::kBroken;
  const Instant base = loop.now();
  std::string bytes;
  for (int writes = 1;; ++writes) {
    Shaper::Step step = shaper.next(bytes);
    if (base + step.due > loop.now())
      co_await runtime::wait(loop, {.cancel = &exchange.cancel(), .until = base + step.due});
    if (exchange.cancel().cancelled()) co_return End::kBroken;
    switch (step.what) {
      case Shaper::What::kWrite:
        if (!exchange.writer().write({}, bytes, false)) co_return End::kBroken;
        if (exchange.writer().pending() > 0 && !co_await sent(exchange)) co_return End::kBroken;
        if (writes % kWritesPerTurn == 0) co_await runtime::yield(loop);
        continue;
      case Shaper::What::kEnd:
        if (!exchange.writer().write({}, {}, true)) co_return End::kBroken;
        if (exchange.writer().pending() > 0 && !co_await sent(exchange)) co_return End::kBroken;
        co_return reply.control.fault == Fault::kNone || reply.control.fault == Fault::kSlow ? End::kWhole
                                                                                             : End::kFaulty;
      case Shaper::What::kReset: co_await linger(exchange, kResetPause); co_return End::kBroken;
      case Shaper::What::kClose:
        exchange.stream().shut_write();
        co_await linger(exchange, kCloseLinger);
        co_return End::kBroken;
      case Shaper::What::kStall: co_await linger(exchange, kStallMax); co_return End::kBroken;
      case Shaper::What::kGarbage:
        write_raw(exchange, "zz\r\nno chunk\r\n");
        exchange.stream().shut_write();
        co_await linger(exchange, kCloseLinger);
        co_return End::kBroken;
    }
  }
}

}  // namespace

Task<End> deliver(edge::Exchange& exchange, Reply& reply) {
  if (reply.ready > Duration{0}) {
    co_await runtime::wait(exchange.loop(),
                           {.cancel = &exchange.cancel(), .until = exchange.loop().now() + reply.ready});
    if (exchange.cancel().cancelled()) co_return End::kBroken;
  }
  if (!reply.control.plain()) co_return co_await deliver_shaped(exchange, reply);
  if (reply.source) co_return co_await deliver_source(exchange, reply);
  auto replied = co_await exchange.reply(reply.status, reply.fields, reply.content);
  co_return replied ? End::kWhole : End::kBroken;
}

}  // namespace baton::sim
