#include "admin/live_feed.h"

#include "admin/call_json.h"
#include "runtime/wait.h"

namespace baton::admin {

namespace {

constexpr std::string_view kFields =
    "content-type: text/event-stream\r\ncache-control: no-store\r\nx-content-type-options: nosniff\r\n";

void append_event(std::string& out, std::string_view name, std::string_view data) {
  out.append("event: ").append(name).append("\ndata: ").append(data).append("\n\n");
}

}  // namespace

void LiveFeed::offer(const model::Outcome& outcome, Instant now) {
  if (listeners_.load(std::memory_order_relaxed) == 0 || outcome.operation == model::Operation::kProbe) return;
  std::lock_guard lock(mutex_);
  const uint64_t number = ++offered_;
  if (!calls_.take(kLiveCallsPerSecond, kLiveCallsPerSecond, now)) return;
  Recent& recent = recent_.emplace_back(Recent{number, {}});
  JsonWriter json(recent.json);
  json.begin_object();
  write_call(json, booked(outcome), outcome.cache == model::CacheUse::kNone ? "" : name(outcome.cache));
  json.field("attempts", outcome.attempts.size()).end_object();
  if (recent_.size() > kRecentMax) recent_.pop_front();
}

uint64_t LiveFeed::now_at() {
  std::lock_guard lock(mutex_);
  return offered_;
}

std::string LiveFeed::news(uint64_t& seen) {
  std::string out;
  std::lock_guard lock(mutex_);
  uint64_t missed = offered_ - seen;
  for (const Recent& one : recent_) {
    if (one.number <= seen) continue;
    append_event(out, "call", one.json);
    --missed;
  }
  seen = offered_;
  if (missed > 0) append_event(out, "skipped", "{\"count\":" + std::to_string(missed) + "}");
  return out;
}

runtime::Task<void> LiveFeed::serve(edge::Exchange& exchange, const Overview& overview) {
  const Listening listening(*this);
  runtime::Loop& loop = exchange.loop();
  exchange.close_after();
  exchange.release_request();
  uint64_t seen = now_at();
  std::string text;
  append_event(text, "overview", overview.text());
  if (!exchange.begin({.status = 200, .fields = kFields, .content = text})) {
    exchange.abort();
    co_return;
  }
  Instant overview_at = loop.now() + Overview::kEvery;
  while (true) {
    if (auto taken = co_await exchange.drain(0); !taken) break;
    const auto ready = co_await runtime::wait(loop, {.cancel = &exchange.cancel(), .until = loop.now() + kTurn});
    if ((ready & runtime::kCancelled) != 0) break;
    text = news(seen);
    if (loop.now() >= overview_at) {
      overview_at = loop.now() + Overview::kEvery;
      append_event(text, "overview", overview.text());
    }
    if (!text.empty() && !exchange.writer().write({}, text, /*last=*/false)) break;
  }
  exchange.abort();
}

}  // namespace baton::admin
