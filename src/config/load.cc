#include <cstdlib>
#include <utility>

#include "base/check.h"
#include "config/consistency.h"
#include "config/file_reader.h"
#include "config/key_rule.h"
#include "config/price_reader.h"
#include "config/read.h"
#include "config/settings.h"
#include "config/table.h"
#include "config/value.h"

namespace baton::config {
namespace {

constexpr std::string_view kKeyVariable = "ANTHROPIC_API_KEY";
constexpr std::string_view kDefaultAccount = "default";

[[noreturn]] void refuse(std::string key, std::string reason) {
  throw Problem{{}, 0, std::move(key), std::move(reason), {}};
}

std::string default_data_dir(const LoadOptions& options) {
  constexpr std::string_view kSystem = "/var/lib/baton";
  if (options.root) return std::string(kSystem);
  const auto state = options.environment("XDG_STATE_HOME");
  if (state && state->starts_with('/')) return *state + "/baton";
  const auto home = options.environment("HOME");
  if (home && home->starts_with('/')) return *home + "/.local/state/baton";
  return std::string(kSystem);
}

// Without a file: the key in the environment makes the one account, and its absence the simulator.
void read_environment(const LoadOptions& options, Settings& out) {
  if (options.purpose == Purpose::kSimulate) return;
  const std::string variable(kKeyVariable);
  const auto key = options.environment(variable);
  out.simulated = !key.has_value();
  if (!key) return;
  // An empty one is more likely lost than meant, and simulated answers must never come by mistake.
  if (key->empty()) refuse(variable, "is set but empty; give it a key, or unset it to start the simulator");
  if (std::string fault = key_fault(*key, 1); !fault.empty()) refuse(variable, fault);
  accounts::AccountConfig account;
  account.name = kDefaultAccount;
  account.key = Secret(*key);
  account.limit_domain = account.name;
  account.cache_domain = account.name + "/default";
  out.accounts.accounts.push_back(std::move(account));
}

void override_address(const std::optional<std::string>& text, const std::string& flag, edge::ListenConfig& out) {
  if (!text) return;
  const auto address = parse_listen_address(*text, PortZero::kAllowed);
  if (!address) refuse(flag, address.error());
  out.address = address->address;
  out.port = address->port;
}

void override_setting(const Override& given, const Environment& environment, Settings& out) {
  const Source command_line("", environment);
  Node node;
  node.kind = Node::Kind::kText;
  node.line = 0;
  node.text = given.text;
  for (const Setting<Settings>& row : settings_table()) {
    if (row.key == given.key) return read_setting(command_line, {node, given.flag}, row, out);
  }
  BATON_CHECK(false);
}

void apply_command_line(const LoadOptions& options, Settings& out) {
  if (options.listen) {
    edge::ListenConfig listener;
    override_address(options.listen, "--listen", listener);
    out.edge.listen.clear();
    out.edge.listen.push_back(std::move(listener));
  }
  override_address(options.admin, "--admin", out.admin);
  for (const Override& given : options.overrides) override_setting(given, options.environment, out);
  if (options.generated_client) out.auth.clients.push_back(*options.generated_client);
}

void load_file(const LoadOptions& options, Settings& out) {
  if (!options.path) return;
  const std::string& path = *options.path;
  std::string reason;
  const std::optional<FileText> file = read_file(path, kFileBytesMax, reason);
  if (!file) refuse("--config", reason);
  const Node root = parse_yaml(file->text, path);
  FileReader reader(Source(path, options.environment), root, file->others_may_read, out);
  reader.read();
  apply_command_line(options, out);
  check_consistency(options, &reader, out);
}

}  // namespace

std::expected<Settings, Problem> load(const LoadOptions& options) {
  try {
    Settings out;
    if (options.purpose == Purpose::kSimulate) out.edge.listen.front().port = kSimulatorPort;
    out.data_dir = default_data_dir(options);
    if (options.path) {
      load_file(options, out);
    } else {
      read_environment(options, out);
      apply_command_line(options, out);
      check_consistency(options, nullptr, out);
    }
    return out;
  } catch (Problem& problem) {
    return std::unexpected(std::move(problem));
  }
}

std::expected<ledger::PriceList, Problem> load_prices(const std::string& path) {
  try {
    std::string reason;
    const std::optional<FileText> file = read_file(path, kFileBytesMax, reason);
    if (!file) throw Problem{path, 0, {}, reason, {}};
    // A price file holds prices alone: nothing of it is looked up elsewhere.
    const Source source(path, [](const std::string&) { return std::nullopt; });
    return read_price_list(source, {parse_yaml(file->text, path), ""});
  } catch (Problem& problem) {
    return std::unexpected(std::move(problem));
  }
}

std::optional<std::string> process_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

}  // namespace baton::config
