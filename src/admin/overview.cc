#include "admin/overview.h"

#include "admin/json_writer.h"

namespace baton::admin {
namespace {

void write_quantiles(JsonWriter& json, std::string_view name, const metrics::BucketCounts& counts,
                     std::span<const Duration> bounds) {
  json.key(name).begin_object();
  for (const auto& [label, share] : {std::pair{"p50", 0.5}, {"p99", 0.99}}) {
    json.key(label);
    if (auto value = metrics::quantile(counts, bounds, share)) {
      json.ms(*value);
    } else {
      json.null();
    }
  }
  json.end_object();
}

void write_cache(JsonWriter& json, const metrics::Totals& totals) {
  const uint64_t served = totals.cache_hits + totals.cache_stale;
  const uint64_t asked = served + totals.cache_misses;
  json.begin_object().field("entries", totals.cache_entries).field("bytes", totals.cache_bytes);
  json.field("hits", totals.cache_hits).field("misses", totals.cache_misses);
  json.field("hit_ratio", asked == 0 ? 0.0 : static_cast<double>(served) / static_cast<double>(asked));
  json.field("stale", totals.cache_stale).field("coalesced", totals.cache_coalesced);
  json.dollars_field("saved", static_cast<int64_t>(totals.saved_nanodollars));
  json.end_object();
}

}  // namespace

std::string Overview::cache_text() const {
  std::string out;
  JsonWriter json(out);
  write_cache(json, metrics::totals_of(parts_.metrics));
  return out;
}

void Overview::sample() {
  samples_.push_back({parts_.clock.now(), metrics::totals_of(parts_.metrics)});
  if (samples_.size() > kSamplesMax) samples_.pop_front();
}

const Overview::Sample* Overview::before(Duration age) const {
  const Instant from = parts_.clock.now() - age;
  for (const Sample& one : samples_) {
    if (one.at >= from) return &one;
  }
  return samples_.empty() ? nullptr : &samples_.back();
}

std::string Overview::text() const {
  const metrics::Totals now = metrics::totals_of(parts_.metrics);
  const Instant at = parts_.clock.now();
  const Sample* recent = before(std::chrono::seconds(10));
  const Sample* minute = before(std::chrono::seconds(60));
  const auto per_second = [&](const Sample* from, uint64_t metrics::Totals::* figure) {
    const double span = from == nullptr ? 0 : seconds(at - from->at);
    return span <= 0.05 ? 0.0 : static_cast<double>(now.*figure - from->totals.*figure) / span;
  };
  using metrics::Totals;
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("version", parts_.metrics.version()).field("revision", parts_.revision());
  json.field("started", started_)
      .field("ready", parts_.state.ready.load())
      .field("draining", parts_.state.draining.load());
  json.field("now", parts_.clock.wall()).key("calls").begin_object();
  json.field("in_flight", now.in_flight).field("waiting", now.waiting).field("total", now.calls);
  json.field("per_second", per_second(recent, &Totals::calls));
  json.field("errors_per_second", per_second(recent, &Totals::failed)).end_object();
  json.field("streams_open", now.streams_open);
  const Totals& then = minute != nullptr ? minute->totals : now;
  write_quantiles(json, "first_byte_ms", metrics::since(then.first_byte, now.first_byte), metrics::kFirstByteBounds);
  write_quantiles(json, "added_ms", metrics::since(then.added, now.added), metrics::kAddedBounds);
  json.key("tokens_per_minute").begin_object();
  json.field("input", 60 * per_second(minute, &Totals::input_tokens));
  json.field("output", 60 * per_second(minute, &Totals::output_tokens));
  json.field("cache_read", 60 * per_second(minute, &Totals::cache_read_tokens));
  json.field("cache_write", 60 * per_second(minute, &Totals::cache_write_tokens)).end_object();
  const auto today = [&](int64_t ledger::MoneyToday::* figure) {
    return money_ ? std::optional((*money_).*figure) : std::nullopt;
  };
  using ledger::MoneyToday;
  json.dollars_field("spent_today", today(&MoneyToday::spent)).key("saved_today").begin_object();
  json.dollars_field("reuse", today(&MoneyToday::saved_by_reuse));
  json.dollars_field("coalesced", today(&MoneyToday::saved_by_coalescing));
  json.dollars_field("similar", today(&MoneyToday::saved_by_similar));
  json.dollars_field("prompt_cache", today(&MoneyToday::saved_by_prompt_cache));
  json.dollars_field("batch", today(&MoneyToday::saved_by_batch)).end_object().key("cache");
  write_cache(json, now);
  json.key("degraded").begin_object();
  for (const auto& [topic, text] : parts_.state.notes()) json.field(topic, text);
  json.end_object().end_object();
  return out;
}

}  // namespace baton::admin
