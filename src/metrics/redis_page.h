// redis_families(): RedisCounts as a part of the Prometheus page. Pure. Thread: any.
#pragma once

#include <prometheus/metric_family.h>

#include <vector>

#include "metrics/redis_counts.h"

namespace baton::metrics {

std::vector<prometheus::MetricFamily> redis_families(const RedisCounts& counts);

}  // namespace baton::metrics
