#include "app/serve.h"

#include <atomic>
#include <cstdio>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "admin/audit_log.h"
#include "app/admin_thread.h"
#include "app/hand_over.h"
#include "app/inherited.h"
#include "app/memory_watch.h"
#include "app/pool_file.h"
#include "app/reloader.h"
#include "app/shared.h"
#include "app/signals.h"
#include "app/sim_thread.h"
#include "app/similar_file.h"
#include "app/tracer.h"
#include "app/upkeep.h"
#include "app/worker.h"
#include "net/activation.h"
#include "net/packet_socket.h"

namespace baton::app {

namespace {

constexpr Duration kAfterCut = std::chrono::seconds(5);
constexpr Duration kSlack = std::chrono::milliseconds(1);
constexpr Duration kSettleMax = std::chrono::seconds(2);  // for rows that wait, before a successor reads them

int say_cannot_start(metrics::Log& log, const std::string& why) {
  log.say("cannot start: " + why);
  return 2;
}

std::string printable(const edge::ListenConfig& one, uint16_t port) {
  std::string host = one.address.find(':') == std::string::npos ? one.address : "[" + one.address + "]";
  return std::string(one.tls.set() ? "https" : "http") + "://" + host + ":" + std::to_string(port);
}

// Waits until every worker has drained; further signals make it harder.
int drain(Shared& shared, std::vector<std::unique_ptr<Worker>>& workers, std::atomic<size_t>& left, Worker::Drain how,
          const std::function<void()>& meanwhile) {
  shared.state.draining = true;
  left = workers.size();
  for (auto& worker : workers) worker->drain(left, how);
  net::tell_supervisor("STOPPING=1");
  shared.log.say(how == Worker::Drain::kHandOver ? "another process has taken over: open calls may finish"
                                                 : "draining: accepting nothing new, open calls may finish");
  const Instant until = shared.clock.now() + shared.current()->settings.drain_limit;
  bool cut = false;
  while (left.load() > 0) {
    meanwhile();
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

// The head of the audit log, where whoever cuts the log off does not reach it.
void say_audit(Shared& shared) {
  const auto state = admin::AuditLog(shared.settings.data_dir).verify();
  if (!state) {
    shared.log.say("audit log: cannot be read: " + state.error().detail);
  } else if (!state->whole()) {
    shared.log.say("audit log: it is not as it was written; `baton audit verify` tells more");
  } else if (state->entries > 0) {
    shared.log.say("audit log: " + std::to_string(state->entries) + " entries, the last has the hash " +
                   state->last_hash);
  }
}

// A call has a connection on either side; what is left is for files.
size_t connections_for_descriptors() {
  constexpr size_t kOthers = 64;
  const size_t all = descriptors_max();
  return all > 2 * kOthers ? (all - kOthers) / 2 : kOthers / 2;
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
  say_audit(shared);
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

int serve(config::Settings settings, ServeOptions options) {
  runtime::SystemClock clock;
  metrics::Log log(clock);
  std::optional<net::PacketSocket> successor;  // open until everything is on disk, by which it knows
  std::optional<Predecessor> predecessor;
  Inherited inherited;
  if (options.take_over) {
    auto found = Predecessor::find(settings.data_dir);
    if (!found) return say_cannot_start(log, found.error().detail);
    predecessor = std::move(*found);
    if (predecessor) inherited = predecessor->take_sockets();
    log.say(predecessor ? "taking over from " + predecessor->who() : "there is no relay to take over from");
  }
  const auto cannot_start = [&](metrics::Log& to, const std::string& why) {
    if (predecessor) predecessor->failed(why);
    return say_cannot_start(to, why);
  };
  if (auto activated = inherited.add_activated(net::take_activated(), settings); !activated)
    return cannot_start(log, activated.error().detail);
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
    if (const size_t most = connections_for_descriptors(); read.edge.connections_max > most) {
      log.say("edge.connections_max: " + std::to_string(most) + " instead of " +
              std::to_string(read.edge.connections_max) + ", since the process may open only so many files");
      read.edge.connections_max = most;
    }
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
  Upkeep upkeep(shared);
  PoolFile pool_file(shared.settings.data_dir);
  SimilarFile similar_file(shared.settings.data_dir);
  const auto keep_pool = [&](bool now_or_never) {
    const std::string trouble = pool_file.keep(shared.current()->accounts, clock.now(), now_or_never);
    shared.state.note("pool", trouble);
    if (!trouble.empty()) log.trouble("pool", "what is known of the accounts is not kept: " + trouble);
    if (!shared.similar) return;
    const std::string lost = similar_file.keep(*shared.similar, clock, now_or_never);
    if (!lost.empty()) log.trouble("similar", "what similarity has learnt is not kept: " + lost);
  };

  std::atomic<size_t> left_to_drain{0};  // outlives the workers, which may be late
  std::vector<std::unique_ptr<Worker>> workers;
  BoundPorts ports;
  for (size_t i = 0; i < threads; ++i) {
    workers.push_back(std::make_unique<Worker>(shared, i));
    if (auto open = workers.back()->prepare_listeners(shared.settings, ports, &inherited); !open) {
      return cannot_start(log, open.error().detail);
    }
    workers.back()->use_listeners(shared.settings);
  }
  const std::string config_path = options.load.path.value_or("");
  Reloader reloader(shared, workers, ports, std::move(options.load), prepare);
  std::mutex reloading;
  std::optional<HandOver> hand_over;
  const auto taking_over = [&] { return hand_over && hand_over->busy(); };
  auto tokens = operator_tokens(shared);
  if (!tokens) return cannot_start(log, tokens.error().detail);
  AdminThread admin({.shared = shared,
                     .tokens = std::move(*tokens),
                     .config_path = config_path,
                     .reload = [&]() -> Expected<uint64_t> {
                       std::lock_guard lock(reloading);
                       if (shared.state.draining) return fail(ErrorCode::kConfig, Fault::kUs, "the relay is stopping");
                       if (taking_over()) return fail(ErrorCode::kConfig, Fault::kUs, "another process is taking over");
                       return reloader.reload();
                     },
                     .keys_changed = [&upkeep] { upkeep.take_keys_over(); }});
  auto admin_port = admin.listen(inherited);
  if (!admin_port) return cannot_start(log, admin_port.error().detail);
  if (predecessor) {
    if (auto go = predecessor->prepared(); !go) return say_cannot_start(log, go.error().detail);
  }
  // Keys are known before the first call can come, and so is what was learnt of the accounts before.
  if (auto begun = upkeep.begin(); !begun) return cannot_start(log, begun.error().detail);
  if (const std::string what = pool_file.restore(shared.current()->accounts, clock); !what.empty()) log.say(what);
  if (shared.similar) {
    if (const std::string what = similar_file.restore(*shared.similar, clock); !what.empty()) log.say(what);
  }
  for (size_t i = 0; i < threads; ++i) workers[i]->start(("baton-" + std::to_string(i)).c_str());
  admin.start("baton-admin");
  shared.state.ready = true;
  if (predecessor) {
    predecessor->serving();
    shared.metrics.took_over();
    shared.metrics.predecessor_drains(true);
  }
  inherited = {};
  if (!shared.settings.simulated) {
    const auto sockets = [&] {
      const std::lock_guard lock(reloading);
      std::vector<Inherited::Socket> all = admin.listening_sockets();
      reloader.on_loops([&](Worker& worker) {
        for (auto& socket : worker.listening_sockets()) all.push_back(std::move(socket));
      });
      return all;
    };
    const auto save = [&] {
      keep_pool(/*now_or_never=*/true);
      if (shared.book) (void)shared.book->settle(kSettleMax);
    };
    hand_over.emplace(HandOver::Parts{.log = log, .metrics = shared.metrics, .sockets = sockets, .save = save},
                      shared.settings.data_dir, /*take_name=*/predecessor.has_value());
  }
  greet(shared, ports, *admin_port);
  net::tell_supervisor("READY=1");

  MemoryWatch memory(shared.settings.max_memory_bytes, shared.pressure, log);
  auto how = Worker::Drain::kStop;
  bool reload_waits = false;
  Instant next_upkeep{};
  while (true) {
    const Duration pause = memory.watches() ? MemoryWatch::kEvery : Upkeep::kEvery;
    auto signal = wait_for_signal(taking_over() ? HandOver::kEveryBusy : pause);
    memory.look(clock.now());
    if (clock.now() >= next_upkeep) {
      next_upkeep = clock.now() + Upkeep::kEvery - kSlack;
      upkeep.turn();
      keep_pool(/*now_or_never=*/false);
      if (predecessor && predecessor->ended()) {
        predecessor.reset();
        shared.predecessor_ended();
      }
    }
    if (signal == Signal::kStop) break;
    if (hand_over && hand_over->turn(clock.now())) {
      how = Worker::Drain::kHandOver;
      break;
    }
    if (signal == Signal::kReload) {
      shared.access_log->reopen();
      reload_waits = true;
    }
    if (reload_waits && !taking_over()) {
      (void)reloader.reload();  // what came of it is said
      reload_waits = false;
    }
  }
  shared.state.ready = false;
  if (how == Worker::Drain::kHandOver) {
    successor.emplace(hand_over->take_successor());
    admin.leave();
    if (shared.reply_log) shared.reply_log->leave();
  }
  hand_over.reset();
  int code = drain(shared, workers, left_to_drain, how, [&] {
    memory.look(clock.now());
    if (clock.now() < next_upkeep) return;
    next_upkeep = clock.now() + Upkeep::kEvery;
    upkeep.turn();
  });
  {
    const std::lock_guard last(reloading);
  }  // loops that have ended answer no reload
  for (auto& worker : workers) worker->end();
  if (how == Worker::Drain::kStop) keep_pool(/*now_or_never=*/true);  // else the successor knows more by now
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
  if (!port) return say_cannot_start(log, port.error().detail);
  simulator.start("baton-sim");
  log.say("simulating the Claude API on " + printable(settings.edge.listen[0], *port));
  while (wait_for_signal(std::nullopt) != Signal::kStop) {
  }
  simulator.end();
  log.say("bye");
  return 0;
}

}  // namespace baton::app
