#include "app/cli_conformance.h"

#include <array>

#include "app/options.h"
#include "config/value.h"
#include "conformance/report.h"
#include "net/address.h"

namespace baton::app {

namespace {

// "127.0.0.1:8790", "[::1]:8790".
bool parse_address(std::string_view text, Conformance& out) {
  const size_t colon = text.rfind(':');
  if (colon == text.npos) return false;
  std::string_view address = text.substr(0, colon);
  if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
  const auto port = ascii::decimal(text.substr(colon + 1));
  if (!net::IpAddress::parse(address) || !port || *port > 65'535) return false;
  out.upstream_address = address;
  out.upstream_port = static_cast<uint16_t>(*port);
  return true;
}

}  // namespace

std::expected<Command, std::string> parse_conformance(std::vector<std::string> arguments) {
  Conformance command;
  std::string url;
  if (!arguments.empty() && !arguments.front().starts_with('-')) {
    url = std::move(arguments.front());
    arguments.erase(arguments.begin());
  }
  std::optional<std::string> upstream, key, only, ca_file, line;
  bool list = false;
  Options options("conformance");
  options.text("--upstream", upstream, "ADDR:PORT");
  options.text("--key", key, "KEY");
  options.text("--only", only, "NAME,...");
  options.text("--endless-line", line, "SIZE");
  options.text("--ca-file", ca_file, "FILE");
  options.flag("--slow", command.selection.slow);
  options.flag("--json", command.json);
  options.flag("--list", list);
  if (std::string reason = options.parse(arguments); !reason.empty()) return refuse(std::move(reason));
  if (options.help()) return Print{std::string(help_text("conformance"))};
  if (list) return Print{conformance::list_text()};
  if (url.empty())
    return refuse(
        "conformance: needs the gateway's URL behind it, such as http://127.0.0.1:8787; --list lists the rows");
  static constexpr std::array<std::string_view, 2> kSchemes{"http", "https"};
  auto parsed = config::parse_url(url, {.schemes = kSchemes, .path = true});
  if (!parsed) return refuse("conformance: the URL " + parsed.error());
  command.url = std::move(*parsed);
  if (upstream && !parse_address(*upstream, command))
    return refuse("conformance: --upstream takes an address and a port, such as 127.0.0.1:8790");
  if (key) command.key = *key;
  if (command.key.empty() || command.key.find_first_of("\r\n") != std::string::npos)
    return refuse("conformance: --key takes a key on one line");
  if (ca_file) command.ca_file = *ca_file;
  if (line) {
    const auto size = config::parse_size(*line);
    if (!size || *size == 0 || *size > kGiB)
      return refuse("conformance: --endless-line takes a size such as 64MB, at most 1GiB");
    command.config.endless_line_bytes = static_cast<size_t>(*size);
  }
  while (only && !only->empty()) {
    const size_t comma = std::min(only->find(','), only->size());
    command.selection.names.push_back(only->substr(0, comma));
    only->erase(0, std::min(comma + 1, only->size()));
  }
  if (const std::string_view unknown = conformance::unknown_name(command.selection); !unknown.empty())
    return refuse("conformance: --only: no row begins with " + ascii::excerpt(unknown) + "; --list lists them");
  return command;
}

}  // namespace baton::app
