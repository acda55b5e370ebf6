// Exact percentiles of all samples of a run (no buckets: a run has some hundred thousand).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace baton::load {

class Percentiles {
 public:
  void reserve(size_t samples) { samples_.reserve(samples); }
  void add(uint64_t ns) { samples_.push_back(ns); }

  // A JSON object in microseconds: n, p50, p90, p99, p999, max.
  std::string json() {
    std::sort(samples_.begin(), samples_.end());
    std::string out = R"({"n":)" + std::to_string(samples_.size());
    for (const auto& [name, share] :
         {std::pair{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}, {"max", 1.0}}) {
      char value[48];
      std::snprintf(value, sizeof value, ",\"%s\":%.1f", name, static_cast<double>(at(share)) / 1000);
      out += value;
    }
    return out + "}";
  }

 private:
  // Nearest rank: the smallest sample that at least this share does not exceed.
  uint64_t at(double share) const {
    if (samples_.empty()) return 0;
    const auto rank = static_cast<size_t>(std::ceil(share * static_cast<double>(samples_.size())));
    return samples_[std::clamp<size_t>(rank, 1, samples_.size()) - 1];
  }
  std::vector<uint64_t> samples_;
};

}  // namespace baton::load
