#include "sim/limiter.h"

#include <algorithm>
#include <cmath>

#include "sim/timestamp.h"

namespace baton::sim {

double Bucket::level(Instant now) const {
  double refilled = level_ + seconds(std::max(now - at_, Duration{0})) * static_cast<double>(limit_) / 60.0;
  return std::min(refilled, static_cast<double>(limit_));
}

void Bucket::take(double amount, Instant now) {
  level_ = std::min(level(now) - amount, static_cast<double>(limit_));
  at_ = std::max(at_, now);
}

Duration Bucket::wait_for(double amount, Instant now) const {
  if (limit_ == 0) return Duration{0};
  double missing = std::min(amount, static_cast<double>(limit_)) - level(now);
  if (missing <= 0) return Duration{0};
  return Duration{static_cast<int64_t>(std::ceil(missing * 60e9 / static_cast<double>(limit_)))};
}

Limiter::Limiter(const OrgConfig& config)
    : requests_(config.requests_per_minute),
      input_(config.input_tokens_per_minute),
      output_(config.output_tokens_per_minute) {}

Limiter::Verdict Limiter::admit(const Need& need, Instant now) {
  auto input = static_cast<double>(need.input_tokens);
  // A debt of output must be paid off before the next request is let in; how long that one's answer will be does not
  // matter.
  constexpr double kSomeOutput = 1;
  struct Row {
    Meter meter;
    const Bucket& bucket;
    double amount;
  };
  const Row rows[] = {{Meter::kRequests, requests_, 1},
                      {Meter::kInputTokens, input_, input},
                      {Meter::kOutputTokens, output_, kSomeOutput}};
  Verdict verdict;
  Duration wait{0};
  for (const Row& row : rows) {
    if (!row.bucket.limited() || row.bucket.level(now) >= row.amount) continue;
    if (verdict.exceeded == Meter::kNone) verdict.exceeded = row.meter;
    wait = std::max(wait, row.bucket.wait_for(row.amount, now));
  }
  if (verdict.exceeded != Meter::kNone) {
    verdict.retry_after_s = static_cast<uint32_t>(std::max<int64_t>(1, (wait.count() + 999'999'999) / 1'000'000'000));
    return verdict;
  }
  if (requests_.limited()) requests_.take(1, now);
  if (input_.limited()) input_.take(input, now);
  if (output_.limited()) output_.take(static_cast<double>(need.output_tokens), now);
  return verdict;
}

void Limiter::give_back(uint64_t output_tokens, Instant now) {
  if (output_.limited()) output_.take(-static_cast<double>(output_tokens), now);
}

namespace {

struct Shown {
  std::string_view name;
  uint64_t limit = 0;
  double level = 0;
  Duration until_full{0};
  bool thousands = true;
};

void append_meter(std::string& out, const Shown& shown, WallTime wall) {
  auto line = [&](std::string_view what) -> std::string& {
    out += "anthropic-ratelimit-";
    out += shown.name;
    out += what;
    return out;
  };
  auto remaining = static_cast<uint64_t>(std::max(0.0, shown.level));
  if (shown.thousands) remaining = (remaining + 500) / 1000 * 1000;
  remaining = std::min(remaining, shown.limit);
  line("-limit: ").append(std::to_string(shown.limit)).append("\r\n");
  line("-remaining: ").append(std::to_string(remaining)).append("\r\n");
  line("-reset: ");
  append_rfc3339(out, wall + std::chrono::ceil<std::chrono::seconds>(shown.until_full));
  out += "\r\n";
}

}  // namespace

void Limiter::append_fields(std::string& out, Instant now, WallTime wall) const {
  auto show = [&](std::string_view name, const Bucket& bucket, bool thousands) {
    if (!bucket.limited()) return;
    append_meter(out, {name, bucket.limit(), bucket.level(now), bucket.until_full(now), thousands}, wall);
  };
  show("requests", requests_, false);
  show("input-tokens", input_, true);
  show("output-tokens", output_, true);
  if (!input_.limited() && !output_.limited()) return;
  auto level = [&](const Bucket& bucket) { return bucket.limited() ? std::max(0.0, bucket.level(now)) : 0.0; };
  append_meter(out,
               {"tokens", input_.limit() + output_.limit(), level(input_) + level(output_),
                std::max(input_.until_full(now), output_.until_full(now)), true},
               wall);
}

std::string limit_sentence(Limiter::Meter meter, const OrgConfig& org) {
  auto [limit, unit] = [&]() -> std::pair<uint64_t, std::string_view> {
    switch (meter) {
      case Limiter::Meter::kInputTokens: return {org.input_tokens_per_minute, "input tokens"};
      case Limiter::Meter::kOutputTokens: return {org.output_tokens_per_minute, "output tokens"};
      default: return {org.requests_per_minute, "requests"};
    }
  }();
  return "This request would exceed your organization's rate limit of " + std::to_string(limit) + " " +
         std::string(unit) + " per minute (org: " + org.id +
         "). For details, refer to: https://docs.claude.com/en/api/rate-limits. "
         "You can see the response headers for current usage. Please reduce the prompt length or the maximum tokens "
         "requested, or try "
         "again later.";
}

}  // namespace baton::sim
