#include "similar/evidence.h"

#include <algorithm>
#include <cmath>

namespace baton::similar {

namespace {

constexpr double kMistakes = 0.05;  // a level is served though it should not be: at most so often
constexpr double kAlarm = 4.6;      // log 100
constexpr double kBoundMax = 0.5;

// Shares of wrong answers that are held against the bound, as parts of it, and their weights.
struct Part {
  double of_bound, weight;
};
constexpr Part kParts[] = {{0, 0.4}, {0.125, 0.2}, {0.25, 0.2}, {0.5, 0.2}};

double log_ratio(double right, double wrong, double against, double bound) {
  double sum = right * std::log((1 - against) / (1 - bound));
  if (wrong > 0) sum += against == 0 ? -1e9 : wrong * std::log(against / bound);
  return sum;
}

}  // namespace

double refutation(uint64_t seen, uint64_t wrong, double bound) {
  const double right = static_cast<double>(seen - wrong);
  double most = -1e9;
  std::array<double, std::size(kParts)> logs;
  for (size_t i = 0; i < logs.size(); ++i) {
    logs[i] =
        std::log(kParts[i].weight) + log_ratio(right, static_cast<double>(wrong), kParts[i].of_bound * bound, bound);
    most = std::max(most, logs[i]);
  }
  double sum = 0;
  for (double one : logs) sum += std::exp(one - most);
  return most + std::log(sum);
}

double error_bound(uint64_t seen, uint64_t wrong) {
  const double needed = std::log(1 / kMistakes);
  double low = 0, high = 1;
  for (int i = 0; i < 40; ++i) {
    const double middle = (low + high) / 2;
    (middle < 1 && refutation(seen, wrong, middle) >= needed ? high : low) = middle;
  }
  return high;
}

bool Evidence::proved(Likeness level, double error_max) const {
  return refutation(seen_[index(level)], wrong_[index(level)], error_max) >= std::log(kLikenesses / kMistakes);
}

Evidence Evidence::of(const Learnt& learnt, Instant off_until) {
  Evidence evidence;
  evidence.seen_ = learnt.seen;
  evidence.wrong_ = learnt.wrong;
  evidence.alarm_ = learnt.alarm;
  evidence.off_until_ = off_until;
  return evidence;
}

bool Evidence::learn(Likeness level, bool right, bool served, double error_max, Instant now, Duration pause) {
  ++seen_[index(level)];
  if (!right) ++wrong_[index(level)];
  if (!served) return false;
  const double against[] = {std::min(5 * error_max, kBoundMax), kBoundMax};
  bool alarm = false;
  for (size_t i = 0; i < alarm_.size(); ++i) {
    alarm_[i] = std::max(0.0, alarm_[i] + log_ratio(right ? 1 : 0, right ? 0 : 1, against[i], error_max));
    alarm = alarm || alarm_[i] >= kAlarm;
  }
  if (!alarm) return false;
  *this = {};
  off_until_ = now + pause;
  return true;
}

}  // namespace baton::similar
