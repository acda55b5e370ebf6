#include "app/tracer.h"

#include <algorithm>
#include <utility>

namespace baton::app {

Expected<std::unique_ptr<TraceThread>> Tracer::prepare(const trace::Config& config) {
  if (config.endpoint.empty()) return nullptr;
  return TraceThread::make(config, counts_);
}

void Tracer::use(std::unique_ptr<TraceThread> next) {
  if (next) next->begin();
  {
    std::lock_guard lock(mutex_);
    std::swap(thread_, next);
  }
  if (next) next->end();
}

void Tracer::hand_over(const model::Outcome& call) {
  std::lock_guard lock(mutex_);
  if (thread_) thread_->exporter().offer(call);
}

bool same_traces(const trace::Config& a, const trace::Config& b) {
  const auto same_header = [](const auto& one, const auto& other) {
    return one.first == other.first && one.second.reveal() == other.second.reveal();
  };
  return a.endpoint == b.endpoint && a.sample == b.sample && a.propagate == b.propagate &&
         a.queue_calls_max == b.queue_calls_max && a.timeout == b.timeout && a.ca_file.empty() && b.ca_file.empty() &&
         std::ranges::equal(a.headers, b.headers, same_header);
}

}  // namespace baton::app
