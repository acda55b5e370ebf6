#include "config/file_reader.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "config/budget_reader.h"
#include "config/key_rule.h"
#include "config/price_reader.h"
#include "config/route_reader.h"
#include "config/similar_reader.h"
#include "config/stale_reader.h"
#include "config/table.h"
#include "config/url.h"
#include "config/value.h"
#include "http/http1.h"
#include "net/address.h"

namespace baton::config {
namespace {

constexpr std::string_view kPassthrough = "passthrough";
constexpr std::string_view kNameReason = "must be 1 to 64 letters, digits, dots, hyphens or underscores";
constexpr std::string_view kDomainReason = "must be 1 to 128 letters, digits, slashes, dots, hyphens or underscores";

}  // namespace

FileReader::FileReader(Source source, const Node& root, bool others_may_read, Settings& out)
    : source_(std::move(source)), root_(root), others_may_read_(others_may_read), out_(out) {}

void FileReader::read() {
  read_fields<Settings>(
      source_, {root_, ""}, settings_table(),
      [this](std::string_view row, const Place& place, Settings& settings) { read_other(row, place, settings); }, out_);
  if (given("prices.file")) {
    make_absolute("prices.file", out_.ledger.prices_file);
    source_.require_file(*root_.find("prices")->find("file"), "prices.file", out_.ledger.prices_file);
  }
  if (const Node* budgets = root_.find("budgets")) check_webhook(source_, {*budgets, "budgets"}, out_.ledger);
  if (given("tracing.ca_file")) {
    make_absolute("tracing.ca_file", out_.tracing.ca_file);
    source_.require_file(*root_.find("tracing")->find("ca_file"), "tracing.ca_file", out_.tracing.ca_file);
  }
  if (given("admin.ca_file")) {
    make_absolute("admin.ca_file", out_.admin_ca_file);
    source_.require_file(*root_.find("admin")->find("ca_file"), "admin.ca_file", out_.admin_ca_file);
  }
  if (given("data_dir")) make_absolute("data_dir", out_.data_dir);
  const std::string& log = out_.ledger.access_log;
  if (log != "stdout" && log != "stderr" && log != "off") make_absolute("ledger.access_log", out_.ledger.access_log);
}

int FileReader::line_of(std::string_view key) const {
  const Node* node = &root_;
  while (node != nullptr && !key.empty()) {
    const size_t dot = key.find('.');
    node = node->find(key.substr(0, dot));
    key = dot == key.npos ? std::string_view{} : key.substr(dot + 1);
  }
  return node == nullptr ? 0 : node->line;
}

void FileReader::read_other(std::string_view row, const Place& place, Settings& settings) {
  if (row == "listen") {
    read_listeners(place, settings.edge.listen);
  } else if (row == "admin.listen") {
    settings.admin = read_listener(place);
    if (settings.admin.proxy_protocol) refuse(place, "the operator's port takes no PROXY header");
  } else if (row == "admin.hosts") {
    read_hosts(place, settings.admin_hosts);
  } else if (row == "admin.tokens") {
    read_tokens(place, settings.admin_tokens);
  } else if (row == "admin.metrics_listen") {
    set_address(place, settings.admin_metrics.emplace());
  } else if (row == "prices.multiplier") {
    settings.ledger.prices.multiplier_ppm = read_multiplier(source_, place);
  } else if (row == "prices.models") {
    settings.ledger.prices.prices = read_prices(source_, place);
  } else if (row == "budgets.teams") {
    settings.ledger.budgets.teams = read_budgets(source_, place);
  } else if (row == "budgets.clients") {
    settings.ledger.budgets.clients = read_budgets(source_, place);
  } else if (row == "clients") {
    read_clients(place, settings.auth.clients);
  } else if (row == "trusted_proxies") {
    read_proxies(place, settings.auth.trusted_proxies);
  } else if (row == "tracing.headers") {
    read_headers(place, settings.tracing.headers);
  } else if (row == "accounts") {
    read_accounts(place, settings.accounts.accounts);
  } else if (row == "routes") {
    settings.accounts.routes = read_routes(source_, place);
  } else if (row == "cache.stale_rules") {
    settings.cache.stale_rules = read_stale_rules(source_, place);
  } else if (row == "similar.rules") {
    settings.similar.rules = read_similar_rules(source_, place);
  } else if (row == "sim.orgs") {
    read_orgs(place, settings.sim.orgs);
  }
}

void FileReader::set_address(const Place& place, edge::ListenConfig& out) const {
  const auto address = parse_listen_address(checked_text(source_, place, Secrecy::kPublic), PortZero::kRefused);
  if (!address) refuse(place, address.error());
  out.address = address->address;
  out.port = address->port;
}

void FileReader::read_listeners(const Place& place, std::vector<edge::ListenConfig>& out) const {
  out.clear();
  if (place.node.kind != Node::Kind::kList) {
    out.push_back(read_listener(place));
    return;
  }
  for (const Place& item : items(place)) {
    const edge::ListenConfig listener = read_listener(item);
    const auto same = [&](const edge::ListenConfig& o) {
      return o.address == listener.address && o.port == listener.port;
    };
    if (std::any_of(out.begin(), out.end(), same)) refuse(item, "is in this list already");
    out.push_back(listener);
  }
  if (out.empty()) refuse(place, "must have at least one listener");
}

edge::ListenConfig FileReader::read_listener(const Place& place) const {
  edge::ListenConfig out;
  if (place.node.kind != Node::Kind::kMap) {
    set_address(place, out);
    return out;
  }
  read_fields<edge::ListenConfig>(
      source_, place, listen_table(),
      [this](std::string_view, const Place& field, edge::ListenConfig& listener) { set_address(field, listener); },
      out);
  require(place, "address");
  check_tls(place, out.tls);
  return out;
}

void FileReader::check_tls(const Place& place, edge::TlsFiles& tls) const {
  const Node* node = place.node.find("tls");
  if (node == nullptr) return;
  const Place here{*node, place.key + ".tls"};
  require(here, "cert");
  require(here, "key");
  const std::pair<std::string_view, std::string*> files[] = {{"cert", &tls.cert}, {"key", &tls.key}};
  for (const auto& [field, path] : files) {
    *path = source_.absolute(*path);
    source_.require_file(*node->find(field), here.key + "." + std::string(field), *path);
  }
}

void FileReader::read_tokens(const Place& place, std::vector<admin::TokenConfig>& out) {
  for (const Place& item : items(place)) {
    admin::TokenConfig token;
    const auto role = [this](std::string_view, const Place& field, admin::TokenConfig& one) {
      const std::string text = checked_text(source_, field, Secrecy::kPublic);
      if (text != "read" && text != "operate") refuse(field, "must be read or operate");
      one.role = text == "read" ? admin::Role::kRead : admin::Role::kOperate;
    };
    read_fields<admin::TokenConfig>(source_, item, token_table(), role, token);
    for (const char* field : {"name", "token", "role"}) require(item, field);
    if (!is_name(token.name)) refuse(item, std::string(kNameReason), "name");
    if (std::string fault = key_fault(token.token.reveal(), admin::kTokenBytesMin); !fault.empty())
      refuse(item, fault, "token");
    for (const admin::TokenConfig& other : out) {
      if (other.name == token.name) refuse(item, token.name + " is the name of another token already", "name");
      if (other.token.reveal() == token.token.reveal())
        refuse(item, "is the token of " + other.name + " already", "token");
    }
    warn_of_literal_key(item, "token");
    out.push_back(std::move(token));
    if (out.size() > admin::kTokensMax) refuse(place, "has more than " + std::to_string(admin::kTokensMax) + " tokens");
  }
}

void FileReader::read_clients(const Place& place, std::vector<auth::ClientConfig>& out) {
  for (const Place& item : items(place)) {
    auth::ClientConfig client;
    read_fields<auth::ClientConfig>(source_, item, client_table(), {}, client);
    require(item, "name");
    require(item, "key");
    if (!is_name(client.name)) refuse(item, std::string(kNameReason), "name");
    if (std::string fault = key_fault(client.key.reveal(), auth::kKeyBytesMin); !fault.empty())
      refuse(item, fault, "key");
    for (const auth::ClientConfig& other : out) {
      if (other.name == client.name) refuse(item, client.name + " is the name of another client already", "name");
      if (other.key.reveal() == client.key.reveal())
        refuse(item, "is the key of the client " + other.name + " already", "key");
    }
    warn_of_literal_key(item);
    out.push_back(std::move(client));
  }
}

void FileReader::read_proxies(const Place& place, std::vector<std::string>& out) const {
  for (const Place& item : items(place)) {
    const std::string text = checked_text(source_, item, Secrecy::kPublic);
    if (!net::Cidr::parse(text)) refuse(item, "must be an address or a block of addresses such as 10.0.0.0/8");
    out.push_back(text);
  }
}

void FileReader::read_headers(const Place& place, std::vector<std::pair<std::string, Secret>>& out) const {
  if (place.node.kind != Node::Kind::kMap) refuse(place, "must be a map of names and values");
  if (place.node.items.size() > trace::kHeadersMax)
    refuse(place, "must have at most " + std::to_string(trace::kHeadersMax) + " fields");
  out.clear();
  for (const Node& field : place.node.items) {
    const Place here{field, place.key + "." + field.key};
    if (!is_name(field.key)) refuse(here, "must be a field's name: letters, digits and hyphens");
    if (http::field_id(field.key) != http::FieldId::kOther &&
        http::field_id(field.key) != http::FieldId::kAuthorization &&
        http::field_id(field.key) != http::FieldId::kXApiKey)
      refuse(here, "is a field that Baton writes itself");
    out.emplace_back(field.key, Secret(checked_text(source_, here, Secrecy::kSecret)));
  }
}

void FileReader::read_hosts(const Place& place, std::vector<std::string>& out) const {
  for (const Place& item : items(place)) {
    const std::string text = checked_text(source_, item, Secrecy::kPublic);
    if (!is_name(text)) refuse(item, "must be a host's name without a port");
    out.push_back(text);
  }
}

void FileReader::read_accounts(const Place& place, std::vector<accounts::AccountConfig>& out) {
  for (const Place& item : items(place)) {
    accounts::AccountConfig account;
    read_fields<accounts::AccountConfig>(
        source_, item, account_table(),
        [this](std::string_view, const Place& list, accounts::AccountConfig& a) { read_endpoints(list, a.endpoints); },
        account);
    require(item, "name");
    require(item, "key");
    if (!is_name(account.name)) refuse(item, std::string(kNameReason), "name");
    const auto same_name = [&](const accounts::AccountConfig& other) { return other.name == account.name; };
    if (std::any_of(out.begin(), out.end(), same_name))
      refuse(item, account.name + " is the name of another account already", "name");
    check_account(item, account);
    out.push_back(std::move(account));
  }
}

void FileReader::check_account(const Place& item, accounts::AccountConfig& account) {
  if (account.compress != "off" && account.compress != "auto" && account.compress != "always")
    refuse(item, "must be off, auto or always", "compress");
  if (account.provider != "anthropic" && account.provider != "simulator")
    refuse(item, "must be \"anthropic\", or \"simulator\" for `baton sim`", "provider");
  account.passthrough = is_literally(*item.node.find("key"), kPassthrough);
  if (account.passthrough) {
    account.key = Secret();
  } else if (std::string fault = key_fault(account.key.reveal(), 1); !fault.empty()) {
    refuse(item, fault, "key");
  } else {
    warn_of_literal_key(item);
  }
  check_base_url(item, account);
  check_proxy(item, account);
  if (account.limit_domain.empty()) account.limit_domain = account.name;
  if (account.cache_domain.empty()) account.cache_domain = account.limit_domain + "/default";
  if (!is_name(account.group)) refuse(item, std::string(kNameReason), "group");
  if (!is_domain(account.limit_domain)) refuse(item, std::string(kDomainReason), "limit_domain");
  if (!is_domain(account.cache_domain)) refuse(item, std::string(kDomainReason), "cache_domain");
  if (const Node* node = item.node.find("ca_file")) {
    account.ca_file = source_.absolute(account.ca_file);
    source_.require_file(*node, item.key + ".ca_file", account.ca_file);
  }
}

void FileReader::check_base_url(const Place& item, accounts::AccountConfig& account) const {
  account.base_url = checked_endpoint(item, "base_url", account.base_url, account);
  const Node* list = item.node.find("endpoints");
  for (size_t i = 0; i < account.endpoints.size(); ++i) {
    accounts::EndpointConfig& one = account.endpoints[i];
    const Place place{list->items[i], item.key + ".endpoints[" + std::to_string(i) + "]"};
    one.url = checked_endpoint(place, list->items[i].kind == Node::Kind::kMap ? "url" : "", one.url, account);
    const auto same = [&](const accounts::EndpointConfig& other) { return other.url == one.url; };
    const auto here = account.endpoints.begin() + static_cast<std::ptrdiff_t>(i);
    if (one.url == account.base_url || std::any_of(account.endpoints.begin(), here, same))
      refuse(place, "is an endpoint of this account already");
  }
}

// What the address becomes.
std::string FileReader::checked_endpoint(const Place& place, std::string_view field, const std::string& text,
                                         const accounts::AccountConfig& account) const {
  static constexpr std::array<std::string_view, 2> kSchemes{"https", "http"};
  const auto url = parse_url(text, {.schemes = kSchemes, .path = true});
  if (!url) refuse(place, url.error(), field);
  if (url->scheme == "http" && !is_loopback_name(url->host)) {
    refuse(place, "would send the key in the clear: http:// is for loopback addresses only, use https://", field);
  }
  if (is_private_name(url->host) && !account.allow_private) {
    refuse(
        place,
        "leads to a loopback, private or link-local address; if that is meant, add allow_private: true to this account",
        field);
  }
  return url->text();
}

void FileReader::read_endpoints(const Place& place, std::vector<accounts::EndpointConfig>& out) const {
  for (const Place& item : items(place)) {
    accounts::EndpointConfig& one = out.emplace_back();
    if (item.node.kind == Node::Kind::kMap) {
      read_fields<accounts::EndpointConfig>(source_, item, endpoint_table(), {}, one);
      require(item, "url");
    } else {
      one.url = checked_text(source_, item, Secrecy::kPublic);
    }
  }
  if (out.empty()) refuse(place, "must have at least one URL");
  if (out.size() >= accounts::kEndpointsMax)
    refuse(place, "must have at most " + std::to_string(accounts::kEndpointsMax - 1) + " URLs");
}

void FileReader::check_proxy(const Place& item, const accounts::AccountConfig& account) const {
  if (account.proxy.empty()) return;
  static constexpr std::array<std::string_view, 2> kSchemes{"http", "socks5"};
  const auto url = parse_url(account.proxy, {.schemes = kSchemes, .userinfo = true, .port = true});
  if (!url) refuse(item, url.error(), "proxy");
}

void FileReader::read_orgs(const Place& place, std::vector<sim::OrgConfig>& out) const {
  out.clear();
  std::map<std::string, std::string> owners;  // a key's organization
  for (const Place& item : items(place)) {
    sim::OrgConfig org;
    read_fields<sim::OrgConfig>(
        source_, item, org_table(),
        [this](std::string_view, const Place& list, sim::OrgConfig& o) { read_org_keys(list, o.keys); }, org);
    if (!is_name(org.id)) refuse(item, std::string(kNameReason), "id");
    const auto same_id = [&](const sim::OrgConfig& other) { return other.id == org.id; };
    if (std::any_of(out.begin(), out.end(), same_id))
      refuse(item, org.id + " is the id of another organization already", "id");
    for (const sim::KeyConfig& key : org.keys) {
      if (!owners.emplace(key.key, org.id).second)
        refuse(item, "has a key twice, or one of another organization", "keys");
    }
    out.push_back(std::move(org));
  }
  if (out.empty()) refuse(place, "must have at least one organization");
}

void FileReader::read_org_keys(const Place& place, std::vector<sim::KeyConfig>& out) const {
  out.clear();
  for (const Place& item : items(place)) {
    sim::KeyConfig key;
    read_fields<sim::KeyConfig>(source_, item, org_key_table(), {}, key);
    require(item, "key");
    if (!is_name(key.workspace)) refuse(item, std::string(kNameReason), "workspace");
    out.push_back(std::move(key));
  }
  if (out.empty()) refuse(place, "must have at least one key");
}

void FileReader::make_absolute(std::string_view key, std::string& path) const {
  if (path.starts_with('~')) {
    source_.refuse(line_of(key), std::string(key), "begins with ~, which only shells know: write \"${HOME}/…\"");
  }
  path = source_.absolute(path);
}

void FileReader::warn_of_literal_key(const Place& item, std::string_view field) {
  const Node* key = item.node.find(field);
  if (!others_may_read_ || !is_literal(*key)) return;
  const Problem warning{
      source_.file(),
      key->line,
      item.key + "." + std::string(field),
      "this file holds a key and its group or everyone can read it: chmod 600 it, or use \"${NAME}\" or "
      "\"@file:path\"",
      {}};
  out_.warnings.push_back(warning.text());
}

std::vector<Place> FileReader::items(const Place& list) const {
  if (list.node.kind == Node::Kind::kNull) refuse(list, "has no value");
  if (list.node.kind != Node::Kind::kList) refuse(list, "must be a list");
  std::vector<Place> out;
  out.reserve(list.node.items.size());
  for (const Node& item : list.node.items) out.push_back({item, list.key + "[" + std::to_string(out.size()) + "]"});
  return out;
}

void FileReader::require(const Place& place, std::string_view field) const {
  if (place.node.find(field) == nullptr) refuse(place, "has no " + std::string(field));
}

void FileReader::refuse(const Place& place, std::string reason, std::string_view field) const {
  if (field.empty()) source_.refuse(place.node.line, place.key, std::move(reason));
  const Node* node = place.node.find(field);
  source_.refuse(node == nullptr ? place.node.line : node->line, place.key + "." + std::string(field),
                 std::move(reason));
}

}  // namespace baton::config
