#include "app/serve.h"

#include <atomic>
#include <cstdio>
#include <mutex>
#include <thread>

#include "app/admin_thread.h"
#include "app/pool_file.h"
#include "app/reloader.h"
#include "app/shared.h"
#include "app/signals.h"
#include "app/sim_thread.h"
#include "app/tracer.h"
#include "app/upkeep.h"
#include "app/worker.h"

namespace baton::app {

namespace {

constexpr Duration kAfterCut = std::chrono::seconds(5);

int cannot_start(metrics::Log& log, const std::string& why) {
  log.say("cannot start: " + why);
  return 2;
}

std::string printable(const edge::ListenConfig& one, uint16_t port) {
  std::string host = one.address.find(':') == std::string::npos ? one.address : "[" + one.address + "]";
  return std::string(one.tls.set() ? "https" : "http") + "://" + host + ":" + std::to_string(port);
}

// Waits until every worker has drained; further signals make it harder.
int drain(Shared& shared, std::vector<std::unique_ptr<Worker>>& workers, std::atomic<size_t>& left) {
  shared.state.draining = true;
  left = workers.size();
  for (auto& worker : workers) worker->drain(left);
  shared.log.say("draining: accepting nothing new, open calls may finish");
  const Instant until = shared.clock.now() + shared.current()->settings.drain_limit;
  bool cut = false;
  while (left.load() > 0) {
    if (!cut && shared.clock.now() >= until) {
      shared.log.say("the drain limit has passed: open calls are cut");
      cut = true;
      for (auto& worker : workers) worker->cut();
    }
    if (cut && shared.clock.now() >= until + kAfterCut) break;
    if (auto signal = wait_for_signal(std::chrono::milliseconds(20)); signal == Signal::kStop && !cut) {
      shared.log.say("second signal: open calls are cut");
      cut = true;
      for (auto& worker : workers) worker->cut();
    }
  }
  return cut ? 1 : 0;
}

void greet(Shared& shared, const BoundPorts& ports, uint16_t admin_port) {
  const auto& settings = shared.settings;
  for (const auto& one : settings.edge.listen)
    shared.log.say("listening on " + printable(one, ports.at({one.address, one.port})));
  shared.log.say("operator's port: " + printable(settings.admin, admin_port) +
                 " (its page, /metrics, /healthz, /readyz)");
  if (settings.admin_metrics)
    shared.log.say("metrics: " + printable(*settings.admin_metrics, settings.admin_metrics->port) +
                   "/metrics /healthz /readyz");
  for (const auto& warning : settings.warnings) shared.log.say(warning);
  if (!settings.simulated) return;
  shared.log.say(
      "ANTHROPIC_API_KEY is not set: the built-in simulator answers, every reply carries baton-simulated: 1");
  const std::string line =
      "try it:\n\n  curl -N " + printable(settings.edge.listen[0], ports.begin()->second) +
      "/v1/messages -H 'content-type: application/json' -H 'anthropic-version: 2023-06-01' \\\n    -d "
      "'{\"model\":\"claude-sonnet-5-5\","
      "\"max_tokens\":256,\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}'\n\n";
  std::fputs(line.c_str(), stderr);
}

}  // namespace

int serve(config::Settings settings, config::LoadOptions load) {
  runtime::SystemClock clock;
  metrics::Log log(clock);
  std::unique_ptr<SimThread> simulator;
  accounts::AccountConfig simulated;
  if (settings.simulated) {
    simulator = std::make_unique<SimThread>(settings.sim, /*standalone=*/false);
    auto port = simulator->listen({.address = "127.0.0.1", .port = 0, .tls = {}});
    if (!port) return cannot_start(log, port.error().detail);
    simulated.name = simulated.provider = "simulator";
    simulated.base_url = "http://127.0.0.1:" + std::to_string(*port);
    simulated.key = Secret("simulated");
    simulated.allow_private = true;
    simulator->start("baton-sim");
  }
  const auto prepare = [&](config::Settings& read) {
    if (read.simulated) read.accounts.accounts = {simulated};
  };
  prepare(settings);
  const size_t threads = settings.threads != 0 ? settings.threads : std::max(1u, std::thread::hardware_concurrency());
  auto made = Shared::make(std::move(settings), threads, log);
  if (!made) return cannot_start(log, made.error().detail);
  Shared& shared = **made;

  Tracer traces(shared.metrics);
  auto exporting = traces.prepare(shared.settings.tracing);
  if (!exporting) return cannot_start(log, exporting.error().detail);
  traces.use(std::move(*exporting));
  shared.traces = &traces;
  // Keys are known before the first call can come.
  Upkeep upkeep(shared);
  if (auto begun = upkeep.begin(); !begun) return cannot_start(log, begun.error().detail);

  // So is what was learnt of the accounts before.
  PoolFile pool_file(shared.settings.data_dir);
  if (const std::string what = pool_file.restore(shared.current()->accounts, clock); !what.empty()) log.say(what);
  const auto keep_pool = [&](bool now_or_never) {
    const std::string trouble = pool_file.keep(shared.current()->accounts, clock.now(), now_or_never);
    shared.state.note("pool", trouble);
    if (!trouble.empty()) log.trouble("pool", "what is known of the accounts is not kept: " + trouble);
  };

  std::atomic<size_t> left_to_drain{0};  // outlives the workers, which may be late
  std::vector<std::unique_ptr<Worker>> workers;
  BoundPorts ports;
  for (size_t i = 0; i < threads; ++i) {
    workers.push_back(std::make_unique<Worker>(shared, i));
    if (auto open = workers.back()->prepare_listeners(shared.settings, ports); !open) {
      return cannot_start(log, open.error().detail);
    }
    workers.back()->use_listeners(shared.settings);
  }
  const std::string config_path = load.path.value_or("");
  Reloader reloader(shared, workers, ports, std::move(load), prepare);
  std::mutex reloading;
  auto tokens = operator_tokens(shared);
  if (!tokens) return cannot_start(log, tokens.error().detail);
  AdminThread admin({.shared = shared,
                     .tokens = std::move(*tokens),
                     .config_path = config_path,
                     .reload = [&]() -> Expected<uint64_t> {
                       std::lock_guard lock(reloading);
                       if (shared.state.draining) return fail(ErrorCode::kConfig, Fault::kUs, "the relay is stopping");
                       return reloader.reload();
                     },
                     .keys_changed = [&upkeep] { upkeep.take_keys_over(); }});
  auto admin_port = admin.listen();
  if (!admin_port) return cannot_start(log, admin_port.error().detail);
  for (size_t i = 0; i < threads; ++i) workers[i]->start(("baton-" + std::to_string(i)).c_str());
  admin.start("baton-admin");
  shared.state.ready = true;
  greet(shared, ports, *admin_port);

  while (true) {
    auto signal = wait_for_signal(Upkeep::kEvery);
    upkeep.turn();
    keep_pool(/*now_or_never=*/false);
    if (signal == Signal::kStop) break;
    if (signal == Signal::kReload) {
      shared.access_log->reopen();
      (void)reloader.reload();  // what came of it is said
    }
  }
  shared.state.ready = false;
  int code = drain(shared, workers, left_to_drain);
  {
    const std::lock_guard last(reloading);
  }  // loops that have ended answer no reload
  for (auto& worker : workers) worker->end();
  keep_pool(/*now_or_never=*/true);
  admin.end();
  traces.end();
  if (simulator) simulator->end();
  log.say("bye");
  return code;
}

int simulate(config::Settings settings) {
  runtime::SystemClock clock;
  metrics::Log log(clock);
  SimThread simulator(settings.sim, /*standalone=*/true);
  auto port = simulator.listen(settings.edge.listen[0]);
  if (!port) return cannot_start(log, port.error().detail);
  simulator.start("baton-sim");
  log.say("simulating the Claude API on " + printable(settings.edge.listen[0], *port));
  while (wait_for_signal(std::nullopt) != Signal::kStop) {
  }
  simulator.end();
  log.say("bye");
  return 0;
}

}  // namespace baton::app
