#include "trace/exporter.h"

#include <algorithm>
#include <iterator>

#include "runtime/wait.h"
#include "trace/spans.h"
#include "upstream/sender.h"

namespace baton::trace {

using runtime::Task;

void Exporter::offer(const model::Outcome& call) {
  if (!call.trace.sampled) return;
  std::lock_guard lock(mutex_);
  if (waiting_.size() >= parts_.config.queue_calls_max) {
    parts_.counts.dropped_full.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  waiting_.push_back(call);
}

std::vector<model::Outcome> Exporter::take() {
  std::lock_guard lock(mutex_);
  std::vector<model::Outcome> out;
  if (waiting_.size() <= kBatchCallsMax) {
    out.swap(waiting_);
    return out;
  }
  const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(kBatchCallsMax);
  out.assign(std::move_iterator(waiting_.begin()), std::move_iterator(end));
  waiting_.erase(waiting_.begin(), end);
  return out;
}

Task<void> Exporter::run(runtime::Cancellation& cancel) {
  while (!cancel.cancelled()) {
    co_await runtime::wait(parts_.loop, {.cancel = &cancel, .until = parts_.loop.now() + kExportEvery});
    while (!cancel.cancelled()) {
      auto calls = take();
      if (calls.empty()) break;
      co_await deliver(std::move(calls), cancel);
    }
  }
  auto left = take();
  if (!left.empty()) co_await deliver(std::move(left), cancel);
}

Task<void> Exporter::deliver(std::vector<model::Outcome> calls, runtime::Cancellation& cancel) {
  const std::string body = export_body(calls, {.version = parts_.version, .instance = parts_.instance});
  Duration pause = kFirstPause;
  Sent sent = Sent::kAgain;
  for (int tries = 0; tries < kTriesMax && sent == Sent::kAgain && !cancel.cancelled(); ++tries) {
    if (tries > 0) {
      co_await runtime::wait(parts_.loop, {.cancel = &cancel, .until = parts_.loop.now() + pause});
      pause *= 2;
    }
    if (!cancel.cancelled()) sent = co_await send(body, parts_.loop.now() + parts_.config.timeout, cancel);
  }
  if (sent == Sent::kAgain && cancel.cancelled()) {
    if (last_until_ == Instant{}) last_until_ = parts_.loop.now() + kLastTries;
    runtime::Cancellation none;
    if (parts_.loop.now() < last_until_) sent = co_await send(body, last_until_, none);
  }
  auto& counter = sent == Sent::kTaken ? parts_.counts.exported : parts_.counts.dropped_failed;
  counter.fetch_add(calls.size(), std::memory_order_relaxed);
}

std::string Exporter::head(size_t body_bytes) const {
  const std::string& prefix = parts_.endpoint.path_prefix;
  std::string out = "POST " + (prefix.empty() ? std::string(kTracesPath) : prefix) +
                    " HTTP/1.1\r\nhost: " + parts_.endpoint.host +
                    "\r\ncontent-type: application/json\r\nuser-agent: baton/" + parts_.version +
                    "\r\naccept-encoding: identity\r\ncontent-length: " + std::to_string(body_bytes) + "\r\n";
  for (const auto& [name, value] : parts_.config.headers)
    out.append(name).append(": ").append(value.reveal()).append("\r\n");
  return out + "\r\n";
}

Task<Exporter::Sent> Exporter::send(const std::string& body, Instant until, runtime::Cancellation& cancel) {
  const std::string fields = head(body.size());
  const upstream::SendOptions options{
      .head = fields, .body = body, .fresh = true, .first_byte_timeout = until - parts_.loop.now(), .until = until};
  auto reply = co_await upstream::send(parts_.loop, parts_.connections, options, cancel);
  if (!reply) co_return Sent::kAgain;
  const int status = reply->status();
  // The answer's body says nothing that would be acted on.
  reply->finish(parts_.connections, false);
  if (status >= 200 && status < 300) co_return Sent::kTaken;
  const bool again = status == 429 || status == 502 || status == 503 || status == 504;
  co_return again ? Sent::kAgain : Sent::kRefused;
}

}  // namespace baton::trace
