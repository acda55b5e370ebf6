#include "ledger/ledger.h"

#include <algorithm>

#include "ledger/row.h"

namespace baton::ledger {

Ledger::Ledger(runtime::Loop& loop, metrics::RelayMetrics::Shard& metrics, AccessLog& log, Book* book)
    : loop_(loop), metrics_(metrics), log_(log), book_(book) {
  due_.loop = &loop;
  due_.ledger = this;
  due_.run = [](runtime::Wake& wake) { static_cast<FlushTimer&>(wake).ledger->flush(); };
  timer_.slot.stand(due_, 0);
  if (!log_.off()) pending_.bytes.reserve(kFlushBytes + AccessLine::kLineBytesMax);
  if (book_ != nullptr) outcomes_.reserve(kOutcomesMax);
}

Ledger::~Ledger() {
  flush();
  loop_.forget(due_);
}

void Ledger::count_affinity(const model::Outcome& outcome) {
  if (book_ == nullptr || outcome.affinity_saved_tokens + outcome.affinity_lost_tokens == 0) return;
  const auto prices = book_->prices();
  // Tokens cost so much more when they are written than when they are read.
  const auto difference = [&](int64_t tokens) -> int64_t {
    const auto written = prices->cost(
        outcome.model, {.known = true, .cache_creation_input_tokens = tokens, .cache_creation_5m_input_tokens = tokens},
        outcome.started);
    const auto read = prices->cost(outcome.model, {.known = true, .cache_read_input_tokens = tokens}, outcome.started);
    return written && read ? std::max<int64_t>(0, *written - *read) : 0;
  };
  metrics_.affinity_money(difference(outcome.affinity_saved_tokens), difference(outcome.affinity_lost_tokens));
}

void Ledger::close(model::Outcome&& outcome) {
  // Taken over, so that the caller's record is spent and its memory given back here.
  model::Outcome closed = std::move(outcome);
  ++closed_;
  metrics_.call_closed(closed);
  count_affinity(closed);
  for (const auto& observer : observers_) observer(closed);
  const bool booked = book_ != nullptr && is_booked(closed);
  if (log_.off() && !booked) return;
  if (pending_.count == 0 && outcomes_.empty()) loop_.timers().arm(timer_, loop_.now() + kFlushAfter);
  if (!log_.off()) {
    line_.append(pending_.bytes, closed);
    ++pending_.count;
  }
  if (booked) outcomes_.push_back(std::move(closed));
  if (pending_.bytes.size() >= kFlushBytes || outcomes_.size() >= kOutcomesMax) flush();
}

void Ledger::flush() {
  timer_.disarm();
  if (book_ != nullptr) book_->hand_over(outcomes_);
  if (pending_.count == 0) return;
  uint64_t dropped = log_.hand_over(pending_);
  if (dropped > 0) metrics_.access_log_dropped(dropped);
}

}  // namespace baton::ledger
