// Limiter: one organization's token buckets for requests, input tokens and output tokens a minute, refilled
// continuously, and the response fields that show them. Cache reads do not count as input. Life: one per organization.
// Thread: one at a time; pure, `now` is an argument. Bounds: three numbers. Source: the vendor's rate limits page (read
// 2026-11). Where that page is silent: output is taken when the request is admitted, as far as the answer will be long,
// and given back for what was not sent; a burst may use the whole bucket.
#pragma once

#include <cstdint>
#include <string>

#include "base/units.h"
#include "sim/config.h"

namespace baton::sim {

// A level in tokens with its time; may be below zero (a debt).
class Bucket {
 public:
  explicit Bucket(uint64_t per_minute) : limit_(per_minute), level_(static_cast<double>(per_minute)) {}
  bool limited() const { return limit_ > 0; }
  uint64_t limit() const { return limit_; }
  double level(Instant now) const;
  void take(double amount, Instant now);
  // Until `amount` is there; never more than until it is full.
  Duration wait_for(double amount, Instant now) const;
  Duration until_full(Instant now) const { return wait_for(static_cast<double>(limit_), now); }

 private:
  uint64_t limit_;
  double level_;
  Instant at_{0};
};

class Limiter {
 public:
  explicit Limiter(const OrgConfig& config);

  enum class Meter : uint8_t { kNone, kRequests, kInputTokens, kOutputTokens };
  struct Verdict {
    Meter exceeded = Meter::kNone;  // kNone: admitted and taken
    uint32_t retry_after_s = 0;     // at least 1 when refused
  };
  struct Need {
    uint64_t input_tokens = 0;  // without cache reads
    uint64_t output_tokens = 0;
  };
  Verdict admit(const Need& need, Instant now);
  // What an answer that ended early did not use.
  void give_back(uint64_t output_tokens, Instant now);
  bool limited() const { return requests_.limited() || input_.limited() || output_.limited(); }

  // anthropic-ratelimit-* lines; nothing for a meter without a limit. Remaining tokens are rounded to thousands, resets
  // are the time at which the bucket is full again.
  void append_fields(std::string& out, Instant now, WallTime wall) const;

 private:
  Bucket requests_;
  Bucket input_;
  Bucket output_;
};

// The sentence of a 429 for this meter.
std::string limit_sentence(Limiter::Meter meter, const OrgConfig& org);

}  // namespace baton::sim
