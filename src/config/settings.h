// Settings: the whole configuration of a process, read from a file, the environment and the command line, and checked.
// Life: made once at the start (and once per reload), then immutable. Thread: any. Bounds: docs/limits.md.
// docs/config.md lists every key; it is made from the same table that reads them.
#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "accounts/config.h"
#include "admin/config.h"
#include "auth/config.h"
#include "base/units.h"
#include "config/problem.h"
#include "config/source.h"
#include "edge/config.h"
#include "ledger/config.h"
#include "reuse/config.h"
#include "sim/config.h"
#include "similar/config.h"
#include "store/config.h"
#include "stream/config.h"
#include "trace/config.h"
#include "upstream/config.h"

namespace baton::config {

struct Settings {
  edge::Config edge;
  auth::Config auth;
  upstream::Config upstream;
  accounts::Config accounts;
  stream::Config stream;
  ledger::Config ledger;
  reuse::Config cache;
  reuse::SharedConfig shared_cache;
  reuse::ResumeConfig resume;
  similar::Config similar;
  sim::Config sim;
  trace::Config tracing;
  store::Config store;  // its folder is data_dir
  edge::ListenConfig admin{.address = "127.0.0.1", .port = 8788, .tls = {}};
  std::vector<std::string> admin_hosts;  // names, besides loopback, that a request to the operator's port may carry
  std::vector<admin::TokenConfig> admin_tokens;     // besides the one in data_dir
  std::optional<edge::ListenConfig> admin_metrics;  // where metrics and health are too
  bool admin_metrics_need_token = false;
  bool admin_plaintext = false;  // the operator's port may be reached from beyond this host without TLS
  std::string admin_ca_file;     // whom commands trust there; empty: its own certificate
  Duration drain_limit = std::chrono::minutes(15);
  size_t threads = 0;                 // 0: one per core
  size_t max_memory_bytes = 0;        // 0: no limit
  std::string data_dir;               // ledger, bindings of batches and files
  bool simulated = false;             // no file and no key: the simulator is the upstream
  std::string public_url;             // origin that clients reach the relay by; empty: what their Host says
  std::vector<std::string> warnings;  // one line each, for the operator; nothing is wrong enough to refuse
};

// Where `baton sim` listens unless told otherwise: beside `baton serve`, not in its place.
inline constexpr uint16_t kSimulatorPort = 8789;

// For which command: `baton sim` needs no accounts and guards nothing that could be spent.
enum class Purpose { kServe, kSimulate };

// A setting that the command line gives: it replaces the file's and is read like it.
struct Override {
  std::string flag;  // "--per-token", which a problem names
  std::string key;   // of the table: "sim.per_token"
  std::string text;
};

struct LoadOptions {
  std::optional<std::string> path;  // --config
  Environment environment;          // required
  Purpose purpose = Purpose::kServe;
  bool root = false;                  // the process runs as root: its data lies in /var/lib/baton
  std::optional<std::string> listen;  // --listen, replaces the file's; here port 0 asks for any free one
  std::optional<std::string> admin;   // --admin
  std::vector<Override> overrides;    // other settings that have a flag
  std::optional<auth::ClientConfig> generated_client;  // --print-key: added to the file's clients
};

// Success: settings that hold together. Otherwise the first problem, for one line on stderr and exit 2.
// Reads the file and those it names; opens no socket.
std::expected<Settings, Problem> load(const LoadOptions& options);

// A price file, as the setting prices.file names it. The first problem otherwise.
std::expected<ledger::PriceList, Problem> load_prices(const std::string& path);

// The value of a variable of this process.
std::optional<std::string> process_environment(const std::string& name);

// The texts of docs/config.md and docs/limits.md.
std::string document();
std::string limits();

}  // namespace baton::config
