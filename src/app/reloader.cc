#include "app/reloader.h"

#include <algorithm>
#include <future>
#include <type_traits>
#include <utility>
#include <variant>

#include "app/recover_budgets.h"
#include "app/tracer.h"
#include "config/table.h"

namespace baton::app {

namespace {

// What is made once from the settings at the start. A section ends in a dot.
constexpr std::string_view kFixed[] = {
    "admin.",
    "threads",
    "max_memory",
    "data_dir",
    "edge.request_bytes_budget",
    "stream.reply_bytes_budget",
    "ledger.",
    "cache.",
    "store.",
    "sim.",
    "resume.",
    "similar.",
    "prompt_cache.",
    "upstream.dns_refresh",
    "upstream.dns_stale_max",
    "budgets.webhook",
    "budgets.webhook_secret",
};

bool is_fixed(std::string_view key) {
  return std::ranges::any_of(
      kFixed, [&](std::string_view one) { return one.ends_with('.') ? key.starts_with(one) : key == one; });
}

bool same(const edge::ListenConfig& a, const edge::ListenConfig& b) {
  return a.address == b.address && a.port == b.port && a.tls.cert == b.tls.cert && a.tls.key == b.tls.key;
}

}  // namespace

std::vector<std::string> keep_what_needs_a_restart(config::Settings& fresh, const config::Settings& running) {
  std::vector<std::string> kept;
  config::Settings old = running;  // the table gives no const access
  for (const auto& row : config::settings_table()) {
    if (!is_fixed(row.key)) continue;
    std::visit(
        [&](const auto& at) {
          if constexpr (!std::is_same_v<std::decay_t<decltype(at)>, std::monostate>) {
            auto& now = at(fresh);
            auto& before = at(old);
            bool differs = false;
            if constexpr (std::is_same_v<std::decay_t<decltype(now)>, Secret>) {
              differs = now.reveal() != before.reveal();
            } else {
              differs = now != before;
            }
            if (!differs) return;
            kept.emplace_back(row.key);
            now = before;
          }
        },
        row.at);
  }
  // What the table reads by its key alone.
  const auto keep = [&kept](std::string_view key, bool same, auto& now, const auto& before) {
    if (same) return;
    kept.emplace_back(key);
    now = before;
  };
  const auto same_token = [](const admin::TokenConfig& a, const admin::TokenConfig& b) {
    return a.name == b.name && a.role == b.role && a.token.reveal() == b.token.reveal();
  };
  const auto same_metrics = [](const auto& a, const auto& b) { return a && b ? same(*a, *b) : !a && !b; };
  keep("admin.listen", same(fresh.admin, running.admin), fresh.admin, running.admin);
  keep("cache.stale_rules", fresh.cache.stale_rules == running.cache.stale_rules, fresh.cache.stale_rules,
       running.cache.stale_rules);
  keep("admin.hosts", fresh.admin_hosts == running.admin_hosts, fresh.admin_hosts, running.admin_hosts);
  keep("admin.metrics_listen", same_metrics(fresh.admin_metrics, running.admin_metrics), fresh.admin_metrics,
       running.admin_metrics);
  keep("admin.tokens", std::ranges::equal(fresh.admin_tokens, running.admin_tokens, same_token), fresh.admin_tokens,
       running.admin_tokens);
  keep("similar.rules", fresh.similar.rules == running.similar.rules, fresh.similar.rules, running.similar.rules);
  fresh.sim = running.sim;
  return kept;
}

Reloader::Reloader(Shared& shared, const std::vector<std::unique_ptr<Worker>>& workers, BoundPorts& ports,
                   config::LoadOptions load, std::function<void(config::Settings&)> prepare)
    : shared_(shared), workers_(workers), ports_(ports), load_(std::move(load)), prepare_(std::move(prepare)) {}

Expected<config::Settings> Reloader::read() const {
  auto settings = config::load(load_);
  if (!settings) return fail(ErrorCode::kConfig, Fault::kUs, settings.error().text());
  if (settings->simulated != shared_.settings.simulated)
    return fail(ErrorCode::kConfig, Fault::kUs,
                "whether the built-in simulator answers cannot change while the relay runs");
  prepare_(*settings);
  return std::move(*settings);
}

void Reloader::on_loops(const std::function<void(Worker&)>& run) {
  for (const auto& worker : workers_) {
    std::promise<void> done;
    worker->loop().post([&] {
      run(*worker);
      done.set_value();
    });
    done.get_future().wait();
  }
}

Expected<void> Reloader::open_listeners(const config::Settings& settings) {
  Expected<void> opened;
  BoundPorts ports = ports_;
  on_loops([&](Worker& worker) {
    if (opened) opened = worker.prepare_listeners(settings, ports);
  });
  if (!opened) {
    on_loops([](Worker& worker) { worker.forget_listeners(); });
    return opened;
  }
  std::erase_if(ports, [&](const auto& one) {
    return std::ranges::none_of(settings.edge.listen, [&](const edge::ListenConfig& listen) {
      return listen.address == one.first.first && listen.port == one.first.second;
    });
  });
  ports_ = std::move(ports);
  return {};
}

Expected<uint64_t> Reloader::reload() {
  std::lock_guard lock(mutex_);
  const std::shared_ptr<Revision> running = shared_.current();
  auto refuse = [&](const Error& error) -> std::unexpected<Error> {
    const std::string why =
        "configuration rejected, still on revision " + std::to_string(running->number) + ": " + error.detail;
    shared_.state.note("configuration", why);
    shared_.log.say(why);
    return fail(ErrorCode::kConfig, Fault::kUs, why);
  };
  auto settings = read();
  if (!settings) return refuse(settings.error());
  const std::vector<std::string> kept = keep_what_needs_a_restart(*settings, running->settings);
  auto prices = read_prices(*settings);
  if (!prices) return refuse(prices.error());
  for (const auto& listener : settings->edge.listen) {
    if (auto read = shared_.server_tls.read(listener.tls); !read) return refuse(read.error());
  }
  if (shared_.admin_tls) {
    if (auto read = shared_.admin_tls->reload(); !read) return refuse(read.error());
  }
  const bool traces_change = !same_traces(settings->tracing, running->settings.tracing);
  std::unique_ptr<TraceThread> traces;
  if (traces_change) {
    auto thread = shared_.traces->prepare(settings->tracing);
    if (!thread) return refuse(thread.error());
    traces = std::move(*thread);
  }
  auto made = Revision::make(std::move(*settings), running->number + 1, shared_.clock);
  if (!made) return refuse(made.error());
  const std::shared_ptr<Revision> next = std::move(*made);
  if (auto opened = open_listeners(next->settings); !opened) return refuse(opened.error());

  // From here on nothing can fail.
  // What is known of accounts goes with them: limits, benches, parks, conversations. What is in flight stays counted
  // where it began.
  const Instant now = shared_.clock.now();
  next->accounts.restore(running->accounts.save(now), now);
  next->accounts.follow(running->accounts, now);
  shared_.metrics.know_accounts(account_names(next->settings));
  shared_.budgets->use(*prices);
  (void)recover_budgets(shared_);  // of teams and clients that have one from now on
  shared_.budgets->use(next->settings.ledger.budgets);
  if (shared_.book) shared_.book->use(std::move(*prices));
  {
    std::lock_guard revision_lock(shared_.revision_mutex);
    shared_.revision = next;
  }
  on_loops([&](Worker& worker) {
    worker.use(next);
    worker.use_listeners(next->settings);
  });
  if (traces_change) shared_.traces->use(std::move(traces));
  shared_.state.note("configuration", "");
  shared_.log.say("configuration: revision " + std::to_string(next->number) + " is in force");
  for (const auto& key : kept) shared_.log.say("configuration: " + key + " stays as it was: a change needs a restart");
  for (const auto& warning : next->settings.warnings) shared_.log.say(warning);
  return next->number;
}

}  // namespace baton::app
