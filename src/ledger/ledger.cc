#include "ledger/ledger.h"

namespace baton::ledger {

Ledger::Ledger(runtime::Loop& loop, metrics::RelayMetrics::Shard& metrics, AccessLog& log)
    : loop_(loop), metrics_(metrics), log_(log) {
  due_.loop = &loop;
  due_.ledger = this;
  due_.run = [](runtime::Wake& wake) { static_cast<FlushTimer&>(wake).ledger->flush(); };
  timer_.slot.stand(due_, 0);
  if (!log_.off()) pending_.bytes.reserve(kFlushBytes + AccessLine::kLineBytesMax);
}

Ledger::~Ledger() {
  flush();
  loop_.forget(due_);
}

void Ledger::close(model::Outcome&& outcome) {
  // Taken over, so that the caller's record is spent and its memory given back here.
  model::Outcome closed = std::move(outcome);
  ++closed_;
  metrics_.call_closed(closed);
  if (observer_) observer_(closed);
  if (log_.off()) return;
  if (pending_.count == 0) loop_.timers().arm(timer_, loop_.now() + kFlushAfter);
  line_.append(pending_.bytes, closed);
  ++pending_.count;
  if (pending_.bytes.size() >= kFlushBytes) flush();
}

void Ledger::flush() {
  timer_.disarm();
  if (pending_.count == 0) return;
  uint64_t dropped = log_.hand_over(pending_);
  if (dropped > 0) metrics_.access_log_dropped(dropped);
}

}  // namespace baton::ledger
