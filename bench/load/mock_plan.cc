#include "mock_plan.h"

#include <algorithm>

#include "support.h"

namespace baton::load {

namespace {

constexpr uint64_t kBodyBytesMax = 64 * 1024 * 1024;

bool read_word(std::string_view word, Plan& plan) {
  if (word == "stream") plan.kind = Plan::Kind::kStream;
  if (word == "digest") plan.kind = Plan::Kind::kDigest;
  if (word == "hold") plan.hold = true;
  if (word == "stream" || word == "digest" || word == "hold") return true;
  const size_t equals = word.find('=');
  if (equals == std::string_view::npos) return false;
  const std::string_view name = word.substr(0, equals);
  const auto value = decimal(word.substr(equals + 1));
  if (!value) return false;
  if (name == "events" && *value <= UINT32_MAX) {
    plan.events = static_cast<uint32_t>(*value);
  } else if (name == "gap_us" && *value <= 1'000'000'000) {
    plan.gap_ns = *value * 1000;
  } else if (name == "body" && *value <= kBodyBytesMax) {
    plan.body_bytes = *value;
  } else if (name == "stamp") {
    plan.stamp = *value != 0;
  } else {
    return false;
  }
  return true;
}

}  // namespace

std::optional<Plan> plan_of(std::string_view words) {
  Plan plan;
  while (!words.empty()) {
    const size_t end = std::min(words.find(';'), words.size());
    if (!read_word(words.substr(0, end), plan)) return std::nullopt;
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return plan;
}

}  // namespace baton::load
