// constant_time [SECONDS]: whether the time of comparing a key's digest or a signature tells where they differ. Two
// classes of input in random order: one that is wrong in its first byte, one that is wrong in its last or at a random
// place; their times are compared with Welch's t-test over the whole and with the slowest cut off at several places,
// and the largest |t| is what counts. As a check of the check, a comparison that stops at the first difference must be
// found out. 1 when a comparison of Baton's shows a difference, or when the check finds nothing where there is one.
// Source: O. Reparaz, J. Balasch, I. Verbauwhede, "Dude, is my code constant time?", DATE 2017.
#include <x86intrin.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "base/digest.h"

namespace {

constexpr double kSuspicious = 10;  // of |t|: below it there is no sign of a leak
constexpr size_t kBatch = 20'000;
constexpr int kRepeats = 16;  // of one comparison in a measurement

struct Sums {
  double count = 0, mean = 0, squares = 0;
  void add(double value) {
    count += 1;
    const double off = value - mean;
    mean += off / count;
    squares += off * (value - mean);
  }
  double variance() const { return count > 1 ? squares / (count - 1) : 0; }
};

double t_of(const Sums& a, const Sums& b) {
  const double spread = a.variance() / a.count + b.variance() / b.count;
  return a.count < 100 || b.count < 100 || spread <= 0 ? 0 : std::abs(a.mean - b.mean) / std::sqrt(spread);
}

using Compare = bool (*)(std::string_view, std::string_view);

bool stops_early(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (*const_cast<const volatile char*>(&a[i]) != b[i]) return false;
  }
  return true;
}

// The largest |t| over all cuts.
double leak_of(Compare compare, size_t length, double seconds, uint64_t seed) {
  std::mt19937_64 random(seed);
  constexpr std::array kCuts{1.0, 0.99, 0.95, 0.9, 0.75, 0.5};
  std::array<std::array<Sums, 2>, kCuts.size()> sums;
  std::string secret(length, '\0');
  for (char& c : secret) c = static_cast<char>(random());
  const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  std::vector<std::string> inputs(kBatch);
  std::vector<uint8_t> classes(kBatch);
  std::vector<double> times(kBatch);
  size_t equal = 0;
  while (std::chrono::steady_clock::now() < until) {
    for (size_t i = 0; i < kBatch; ++i) {
      classes[i] = static_cast<uint8_t>(random() & 1);
      inputs[i] = secret;
      // A class of its own place each; the values are random in both.
      const size_t at = classes[i] == 0 ? 0 : (random() & 1) != 0 ? length - 1 : random() % length;
      inputs[i][at] = static_cast<char>(inputs[i][at] ^ static_cast<char>(1 + random() % 255));
    }
    for (size_t i = 0; i < kBatch; ++i) {
      _mm_lfence();
      const uint64_t begin = __rdtsc();
      for (int k = 0; k < kRepeats; ++k) equal += compare(secret, inputs[i]);
      _mm_lfence();
      times[i] = static_cast<double>(__rdtsc() - begin);
    }
    std::vector<double> sorted = times;
    std::sort(sorted.begin(), sorted.end());
    for (size_t c = 0; c < kCuts.size(); ++c) {
      const double most = sorted[static_cast<size_t>(kCuts[c] * static_cast<double>(kBatch - 1))];
      for (size_t i = 0; i < kBatch; ++i) {
        if (times[i] <= most) sums[c][classes[i]].add(times[i]);
      }
    }
  }
  // None is: and what is used cannot be left out.
  double worst = equal == 0 ? 0 : HUGE_VAL;
  for (const auto& [first, later] : sums) worst = std::max(worst, t_of(first, later));
  return worst;
}

}  // namespace

int main(int count, char** arguments) {
  const double seconds = count > 1 ? std::atof(arguments[1]) : 10;
  const struct {
    const char* name;
    Compare compare;
    size_t length;
    bool leaks;
  } rows[] = {
      {"keyed digests of keys (32 bytes)", baton::equal_constant_time, 32, false},
      {"signatures in hex (64 characters)", baton::equal_constant_time, 64, false},
      {"a comparison that stops early (64)", stops_early, 64, true},
  };
  int code = 0;
  for (const auto& row : rows) {
    const double t = leak_of(row.compare, row.length, seconds, 1);
    const bool found = t > kSuspicious;
    std::printf("| %s | %.1f | %s |\n", row.name, t, found ? "tells" : "tells nothing");
    if (found != row.leaks) code = 1;
  }
  return code;
}
