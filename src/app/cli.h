// Cli: the command line as a typed command, and every word of help. It reads no file and opens nothing.
// Life: once, at the start. Thread: one. Bounds: the shell's.
#pragma once

#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "auth/key_store.h"
#include "config/settings.h"
#include "config/url.h"
#include "conformance/suite.h"
#include "ledger/usage_report.h"

namespace baton::app {

struct Serve {
  config::LoadOptions load;
  bool check = false;      // read the configuration, say what is wrong, exit
  bool take_over = false;  // from a relay that runs
  bool print_key = false;  // make a client key for this start and print it; put it into load.generated_client
};

struct Simulate {
  config::LoadOptions load;
};

// Where keys and ledger lie: --data-dir, or what the configuration says.
struct DataFolder {
  config::LoadOptions load;
  std::optional<std::string> path;
  std::optional<std::string> ca;  // of the operator's port, for commands that ask it
};

struct Keys {
  enum class Action { kCreate, kImport, kList, kSet, kRotate, kRevoke };
  Action action = Action::kList;
  DataFolder data;
  auth::NewKey key;  // of the others only its name
  std::optional<Duration> ttl;
  Sha256 sha256{};                 // import: the key's own
  std::vector<std::string> given;  // set: the options that were given; the key's other facts stay
  Duration grace{0};
  bool json = false;
};

// What teams may spend, in the place of what the configuration says.
struct Teams {
  enum class Action { kList, kSet, kUnset };
  Action action = Action::kList;
  DataFolder data;
  std::string name;
  model::Budget budget;
  bool json = false;
};

struct Usage {
  DataFolder data;
  ledger::GroupBy by = ledger::GroupBy::kKey;
  ledger::Period period;
  std::optional<ledger::ExportFormat> rows;  // every call instead of sums
  std::optional<std::string> report;         // reconcile: the vendor's report, a file
  double tolerance = 0.01;                   // for it
  bool json = false;
};

// What asks a running relay through its operator's port.
struct Operate {
  enum class What { kAccounts, kTail, kTop, kCache };
  enum class Action { kList, kDrain, kPark, kRelease, kTest, kPurge };
  What what = What::kAccounts;
  Action action = Action::kList;
  DataFolder data = {};   // its load options have --admin too
  std::string name = {};  // of an account, or a call's id; may be empty where all are meant
  std::optional<std::string> reason = {};
  // Of the reply cache, what is to go.
  bool all = false;
  std::optional<std::string> tenant = {}, tag = {}, key = {};
  bool once = false;
  bool json = false;
};

struct Audit {
  DataFolder data;
  bool list = false;
  bool json = false;
};

// The contract's rows played against some gateway.
struct Conformance {
  config::Url url;
  std::string upstream_address = "127.0.0.1";
  uint16_t upstream_port = 8790;
  std::string key = "conformance";
  std::string ca_file;  // empty: the system's
  conformance::Selection selection;
  conformance::Config config;
  bool json = false;
};

// Text for stdout; then exit 0.
struct Print {
  std::string text;
};

using Command = std::variant<Serve, Simulate, Keys, Teams, Usage, Operate, Audit, Conformance, Print>;

// `arguments` without the program's name; `now` is what --since 7d counts from. Load options have this process's
// environment and user. The error is what to say on stderr, its line break included; then exit 2.
std::expected<Command, std::string> parse_command_line(const std::vector<std::string>& arguments, WallTime now = {});

// Every command's name, in the order of the help.
std::span<const std::string_view> commands();

// The help of a command, or of all for an empty name. Empty for a name that is no command.
std::string_view help_text(std::string_view command);

}  // namespace baton::app
