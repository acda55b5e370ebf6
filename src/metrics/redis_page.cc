#include "metrics/redis_page.h"

#include <initializer_list>
#include <string>
#include <utility>

namespace baton::metrics {

namespace {

struct Row {
  const char* label;  // null: the only one
  const char* value;
  double number;
};

prometheus::MetricFamily family(const char* name, const char* help, bool counter, std::initializer_list<Row> rows) {
  prometheus::MetricFamily out{.name = name,
                               .help = help,
                               .type = counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge,
                               .metric = {}};
  for (const Row& row : rows) {
    prometheus::ClientMetric& metric = out.metric.emplace_back();
    if (row.label != nullptr) metric.label = {{row.label, row.value}};
    (counter ? metric.counter.value : metric.gauge.value) = row.number;
  }
  return out;
}

template <class T>
double of(const std::atomic<T>& count) {
  return static_cast<double>(count.load(std::memory_order_relaxed));
}

}  // namespace

std::vector<prometheus::MetricFamily> redis_families(const RedisCounts& counts) {
  std::vector<prometheus::MetricFamily> out;
  out.push_back(family("baton_cache_redis_connections",
                       "Loops whose connection to the shared Redis works; the others go on without.", false,
                       {{nullptr, "", of(counts.connections)}}));
  out.push_back(family("baton_cache_redis_lookups_total", "Replies looked for in Redis, by what came of it.", true,
                       {{"result", "hit", of(counts.hits)},
                        {"result", "miss", of(counts.misses)},
                        {"result", "unusable", of(counts.unusable)}}));
  out.push_back(family("baton_cache_redis_failures_total", "What Redis did not do, by how.", true,
                       {{"kind", "timeout", of(counts.timeouts)},
                        {"kind", "error", of(counts.errors)},
                        {"kind", "queue_full", of(counts.refused)},
                        {"kind", "disconnected", of(counts.opened)}}));
  out.push_back(
      family("baton_cache_redis_stores_total", "Replies sent to Redis.", true, {{nullptr, "", of(counts.stored)}}));
  out.push_back(
      family("baton_cache_redis_bytes_total", "Bytes to and from Redis.", true,
             {{"direction", "sent", of(counts.bytes_sent)}, {"direction", "received", of(counts.bytes_received)}}));
  out.push_back(family("baton_cache_redis_waiting", "Calls that wait for another relay's reply to the same.", false,
                       {{nullptr, "", of(counts.waiting)}}));
  out.push_back(family("baton_cache_redis_waits_total", "Such calls, by what became of them.", true,
                       {{"result", "served", of(counts.waits_served)}, {"result", "alone", of(counts.waits_over)}}));
  out.push_back(
      family("baton_cache_redis_purges_total", "Purges told to other relays, and learnt from them.", true,
             {{"direction", "told", of(counts.purges_sent)}, {"direction", "learnt", of(counts.purges_learnt)}}));
  return out;
}

}  // namespace baton::metrics
