// FileReader: one configuration file into Settings. It checks what one key, one item or one list can decide; what
// several keys decide together is consistency.h's. Every refusal throws Problem. Life: during load(). Thread: one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/read.h"
#include "config/settings.h"
#include "config/source.h"
#include "config/yaml.h"

namespace baton::config {

class FileReader {
 public:
  // `root` and `out` are borrowed for the reader's life. `others_may_read`: the file's mode lets its group or everyone
  // read it, which is worth a warning when a key stands in it.
  FileReader(Source source, const Node& root, bool others_may_read, Settings& out);

  void read();

  // The line of a setting that is given, else 0.
  int line_of(std::string_view key) const;
  bool given(std::string_view key) const { return line_of(key) > 0; }
  const Source& source() const { return source_; }

 private:
  void read_other(std::string_view row, const Place& place, Settings& settings);
  void read_listeners(const Place& place, std::vector<edge::ListenConfig>& out) const;
  edge::ListenConfig read_listener(const Place& place) const;
  void set_address(const Place& place, edge::ListenConfig& out) const;
  void check_tls(const Place& place, edge::TlsFiles& tls) const;
  void read_clients(const Place& place, std::vector<auth::ClientConfig>& out);
  void read_proxies(const Place& place, std::vector<std::string>& out) const;
  void read_headers(const Place& place, std::vector<std::pair<std::string, Secret>>& out) const;
  void read_hosts(const Place& place, std::vector<std::string>& out) const;
  void read_accounts(const Place& place, std::vector<accounts::AccountConfig>& out);
  void check_account(const Place& item, accounts::AccountConfig& account);
  void check_base_url(const Place& item, accounts::AccountConfig& account) const;
  std::string checked_endpoint(const Place& place, std::string_view field, const std::string& text,
                               const accounts::AccountConfig& account) const;
  void read_endpoints(const Place& place, std::vector<accounts::EndpointConfig>& out) const;
  void check_proxy(const Place& item, const accounts::AccountConfig& account) const;
  void read_orgs(const Place& place, std::vector<sim::OrgConfig>& out) const;
  void read_org_keys(const Place& place, std::vector<sim::KeyConfig>& out) const;
  void make_absolute(std::string_view key, std::string& path) const;
  void read_tokens(const Place& place, std::vector<admin::TokenConfig>& out);
  void warn_of_literal_key(const Place& item, std::string_view field = "key");

  std::vector<Place> items(const Place& list) const;
  void require(const Place& place, std::string_view field) const;
  // Of `place`, or of the field below it that is named.
  [[noreturn]] void refuse(const Place& place, std::string reason, std::string_view field = {}) const;

  Source source_;
  const Node& root_;
  const bool others_may_read_;
  Settings& out_;
};

}  // namespace baton::config
