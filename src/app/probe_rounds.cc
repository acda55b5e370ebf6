#include "app/probe_rounds.h"

#include "runtime/wait.h"

namespace baton::app {

using runtime::Task;

namespace {

constexpr double kJitter = 0.4;                           // of the interval, from a fifth less to a fifth more
constexpr Duration kLookAgain = std::chrono::minutes(1);  // whether a new configuration wants probes

}  // namespace

Task<void> probe_round(runtime::Loop& loop, net::Prober& prober, Revision& revision, runtime::Cancellation& cancel) {
  for (accounts::AccountIndex account = 0; account < revision.endpoints.size(); ++account) {
    const auto& settings = revision.settings.accounts.accounts[account];
    const auto& endpoints = revision.endpoints[account];
    if (endpoints.size() < 2 || !settings.proxy.empty()) continue;
    for (accounts::EndpointIndex i = 0; i < endpoints.size() && !cancel.cancelled(); ++i) {
      const Instant began = loop.clock().now();
      auto probed = co_await prober.probe(endpoints[i].target, settings.allow_private, cancel);
      if (!probed || loop.stalled_at() >= began) continue;
      revision.accounts.endpoints().probed(account, i, probed->round_trip);
    }
  }
}

Task<void> probe_rounds(runtime::Loop& loop, runtime::Random& random, net::Prober& prober,
                        std::function<std::shared_ptr<Revision>()> current, runtime::Cancellation& cancel) {
  while (!cancel.cancelled()) {
    Duration interval;
    {
      const std::shared_ptr<Revision> revision = current();
      interval = revision->settings.accounts.probes.interval;
      if (interval.count() > 0) co_await probe_round(loop, prober, *revision, cancel);
    }
    const double stretch = 1 - kJitter / 2 + kJitter * random.unit();
    const Duration pause = interval.count() == 0
                               ? kLookAgain
                               : Duration{static_cast<int64_t>(static_cast<double>(interval.count()) * stretch)};
    co_await runtime::wait(loop, {.cancel = &cancel, .until = loop.now() + pause});
  }
}

}  // namespace baton::app
