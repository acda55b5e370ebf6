// Evidence: what audits have shown of how often a similar answer is wrong, and whether that is enough to serve one.
// Counted for one scope and by how alike the questions were. A level may be served once the hypothesis "more than
// error_max of these are wrong" is refuted with 95 %, by a test that holds at whatever moment one looks (a mixture
// likelihood ratio; Ville's inequality), shared among the levels. So 459 right answers without a wrong one buy
// error_max 1 %. Besides, a breaker watches the answers while they are served: a run of wrong ones turns the scope off
// and what it had learnt is forgotten.
// Life: with its scope. Thread: one at a time. Bounds: some 100 bytes. Source: Schroeder et al., vCache
// (arXiv 2502.03771), for the idea of a bound that is learnt; Ramdas et al., arXiv 2210.01948, for tests of this kind.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/units.h"
#include "similar/facts.h"

namespace baton::similar {

class Evidence {
 public:
  // What the upstream's answer said of a similar one. `served`: such answers were being served, so that the breaker
  // counts it. True: the breaker has tripped just now, until `now` and `pause`.
  bool learn(Likeness level, bool right, bool served, double error_max, Instant now, Duration pause);

  bool proved(Likeness level, double error_max) const;
  bool tripped(Instant now) const { return now < off_until_; }

  // What a restart need not forget.
  struct Learnt {
    std::array<uint64_t, kLikenesses> seen{}, wrong{};
    std::array<double, 2> alarm{};
    bool any() const { return seen != decltype(seen){}; }
  };
  Learnt learnt() const { return {seen_, wrong_, alarm_}; }
  Instant off_until() const { return off_until_; }
  static Evidence of(const Learnt& learnt, Instant off_until);

  uint64_t seen(Likeness level) const { return seen_[index(level)]; }
  uint64_t wrong(Likeness level) const { return wrong_[index(level)]; }

 private:
  static size_t index(Likeness level) { return static_cast<size_t>(level); }

  std::array<uint64_t, kLikenesses> seen_{}, wrong_{};
  std::array<double, 2> alarm_{};  // cumulative sums of log likelihood ratios, against five times error_max and a half
  Instant off_until_{};
};

// The log of the likelihood ratio that refutes "at least `bound` are wrong".
double refutation(uint64_t seen, uint64_t wrong, double bound);
// The smallest share of wrong ones that is refuted with 95 %: an upper bound that holds at any time. 1: nothing is
// known.
double error_bound(uint64_t seen, uint64_t wrong);

}  // namespace baton::similar
