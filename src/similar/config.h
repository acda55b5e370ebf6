// For whom an answer to another question will do that asks the same in other words, and within which bounds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/units.h"

namespace baton::similar {

enum class Mode : uint8_t {
  kOff,
  kShadow,  // what would have been served is counted, and the upstream asked all the same
  kOn,
};

// The first rule that fits a call decides; none: such answers are not looked for. The lists hold names, or beginnings
// with a '*' behind; an empty one fits anything.
struct Rule {
  std::vector<std::string> models;
  std::vector<std::string> clients;
  std::vector<std::string> teams;
  std::string mode = "shadow";  // off, shadow, on
  double error_max = 0.02;      // of what is served, so many may be wrong
  friend bool operator==(const Rule&, const Rule&) = default;
};

struct Config {
  std::vector<Rule> rules;
  double similarity_min = 0.9;
  double audit_share = 0.05;                       // of what could be served, so many ask the upstream all the same
  Duration breaker_pause = std::chrono::hours(1);  // for which a scope is off when its answers were wrong
  size_t bytes_max = 64 * kMiB;                    // of all that is remembered
  size_t scope_entries_max = 16 * 1024;            // questions of one scope; beyond it the oldest goes
  std::string weights_file;                        // of the embedder; empty: the built-in ones
};

inline constexpr size_t kRulesMax = 256;
inline constexpr double kErrorMaxLeast = 0.001;
inline constexpr double kErrorMaxMost = 0.2;
// Of a question; a longer one is not compared.
inline constexpr size_t kTextBytesMax = 2 * kKiB;
// Where no question has the same content, so many of the newest are looked at for the nearest, to say why not.
inline constexpr size_t kScanMax = 256;
// Of an answer; a longer one is not compared, and nothing is learnt from it.
inline constexpr size_t kAnswerBytesMax = 8 * kKiB;

}  // namespace baton::similar
