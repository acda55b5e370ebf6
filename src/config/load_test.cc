#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "config/settings.h"
#include "config/table.h"

namespace baton::config {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

// A folder of its own for each test, gone afterwards.
class LoadTest : public testing::Test {
 protected:
  LoadTest() {
    std::string pattern = (fs::temp_directory_path() / "baton-config-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~LoadTest() override { fs::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  std::string write(const std::string& name, std::string_view text, mode_t mode = 0600) const {
    std::ofstream(path(name), std::ios::binary) << text;
    ::chmod(path(name).c_str(), mode);
    return path(name);
  }
  LoadOptions options(std::string_view text) {
    LoadOptions out;
    out.path = write("baton.yaml", text);
    out.environment = [this](const std::string& name) -> std::optional<std::string> {
      const auto found = environment_.find(name);
      return found == environment_.end() ? std::nullopt : std::optional(found->second);
    };
    return out;
  }
  LoadOptions without_file() {
    LoadOptions out = options("");
    out.path.reset();
    return out;
  }
  // The line of the problem without the folder's name, or "(taken)".
  std::string refusal(const LoadOptions& o) const {
    const auto settings = load(o);
    if (settings) return "(taken)";
    std::string line = settings.error().text();
    for (size_t at; (at = line.find(folder_ + "/")) != std::string::npos;) line.erase(at, folder_.size() + 1);
    return line;
  }
  std::string refusal(std::string_view text) { return refusal(options(text)); }

  std::map<std::string, std::string> environment_{{"KEY", "sk-ant-api03-from-the-environment"}, {"HOME", "/home/u"}};
  std::string folder_;
};

constexpr std::string_view kAccount = "accounts: [{name: a, key: \"${KEY}\"}]\n";

std::string with_account(std::string_view more) { return std::string(kAccount) + std::string(more); }

TEST_F(LoadTest, TheIssuesExampleIsTaken) {
  environment_["LAPTOP_KEY"] = "laptop-key-0123456789";
  const auto s =
      load(options("listen: 127.0.0.1:8787\n"
                   "admin: {listen: 127.0.0.1:8788}\n"
                   "clients: [{name: laptop, key: \"${LAPTOP_KEY}\"}]\n"
                   "accounts:\n"
                   "  - {name: org-a, provider: anthropic, base_url: \"https://api.anthropic.com\", key: \"${KEY}\", "
                   "weight: 1, limit_domain: org-a, "
                   "cache_domain: org-a/default}\n"));
  ASSERT_TRUE(s.has_value()) << s.error().text();
  ASSERT_EQ(s->edge.listen.size(), 1u);
  EXPECT_EQ(s->edge.listen[0].address, "127.0.0.1");
  EXPECT_EQ(s->edge.listen[0].port, 8787);
  EXPECT_EQ(s->admin.port, 8788);
  ASSERT_EQ(s->auth.clients.size(), 1u);
  EXPECT_EQ(s->auth.clients[0].name, "laptop");
  EXPECT_EQ(s->auth.clients[0].key.reveal(), "laptop-key-0123456789");
  ASSERT_EQ(s->accounts.accounts.size(), 1u);
  EXPECT_EQ(s->accounts.accounts[0].key.reveal(), environment_["KEY"]);
  EXPECT_EQ(s->accounts.accounts[0].cache_domain, "org-a/default");
  EXPECT_FALSE(s->simulated);
  EXPECT_TRUE(s->warnings.empty());
}

TEST_F(LoadTest, WithoutAFileTheEnvironmentDecides) {
  environment_["ANTHROPIC_API_KEY"] = "sk-ant-x";
  auto s = load(without_file());
  ASSERT_TRUE(s.has_value()) << s.error().text();
  EXPECT_FALSE(s->simulated);
  ASSERT_EQ(s->accounts.accounts.size(), 1u);
  EXPECT_EQ(s->accounts.accounts[0].name, "default");
  EXPECT_EQ(s->accounts.accounts[0].base_url, "https://api.anthropic.com");
  EXPECT_EQ(s->accounts.accounts[0].limit_domain, "default");
  EXPECT_EQ(s->accounts.accounts[0].cache_domain, "default/default");

  environment_.erase("ANTHROPIC_API_KEY");
  s = load(without_file());
  ASSERT_TRUE(s.has_value()) << s.error().text();
  EXPECT_TRUE(s->simulated);
  EXPECT_TRUE(s->accounts.accounts.empty());

  environment_["ANTHROPIC_API_KEY"] = "";
  EXPECT_EQ(refusal(without_file()),
            "ANTHROPIC_API_KEY: is set but empty; give it a key, or unset it to start the simulator");
  environment_["ANTHROPIC_API_KEY"] = "sk-ant-x\n";
  EXPECT_EQ(refusal(without_file()), "ANTHROPIC_API_KEY: has a character that is not printable ASCII");
}

TEST_F(LoadTest, TheLedgersDatabaseIsAnAddressThatNoSentenceRepeats) {
  const std::string accounts = "accounts: [{name: a, key: \"${KEY}\"}]\n";
  const auto s = load(options(accounts + "ledger: {database: \"postgresql://baton:secret@db/baton\"}\n"));
  ASSERT_TRUE(s.has_value()) << s.error().text();
  EXPECT_EQ(s->ledger.database.reveal(), "postgresql://baton:secret@db/baton");
  for (const auto& [ledger, want] : {
           std::pair{"ledger: {database: \"mysql://a:canary@b/c\"}", "must be an address such as postgresql://"},
           std::pair{"ledger: {database: \"postgresql://a:canary@b/c\", rows: false}", "only one of them can be meant"},
       }) {
    const std::string said = refusal(accounts + ledger);
    EXPECT_NE(said.find(want), std::string::npos) << said;
    EXPECT_EQ(said.find("canary"), std::string::npos) << said;
  }
  const std::string long_one = "postgresql://b/" + std::string(2048, 'c');
  EXPECT_NE(refusal(accounts + "ledger: {database: \"" + long_one + "\"}").find("is longer than"), std::string::npos);
}

TEST_F(LoadTest, RoutesNameGroupsThatAccountsHave) {
  const std::string accounts =
      "accounts: [{name: a, key: \"${KEY}\", group: near}, {name: b, key: \"${KEY}\", group: far}]\n";
  const auto s = load(
      options(accounts + "routes:\n"
                         "  - {match: {models: [claude-opus-*], clients: [ci], teams: [ops]}, groups: [far, near]}\n"
                         "  - fallback_models: [claude-haiku-4-5]\n"));
  ASSERT_TRUE(s.has_value()) << s.error().text();
  EXPECT_EQ(s->accounts.accounts[1].group, "far");
  ASSERT_EQ(s->accounts.routes.size(), 2u);
  const accounts::RouteConfig& route = s->accounts.routes[0];
  EXPECT_EQ(route.models, std::vector<std::string>{"claude-opus-*"});
  EXPECT_EQ(route.clients, std::vector<std::string>{"ci"});
  EXPECT_EQ(route.teams, std::vector<std::string>{"ops"});
  EXPECT_EQ(route.groups, (std::vector<std::string>{"far", "near"}));
  EXPECT_EQ(s->accounts.routes[1].fallback_models, std::vector<std::string>{"claude-haiku-4-5"});

  struct Row {
    std::string_view routes;
    std::string_view want;
  };
  for (const Row& row : {
           Row{"routes: [{groups: [near, mars]}]", "baton.yaml:2: routes: names the group mars, which no account has"},
           Row{"routes: [{groups: [near, near]}]", "baton.yaml:2: routes[0].groups[1]: is in this list already"},
           Row{"routes: [{groups: []}]", "baton.yaml:2: routes[0].groups: must not be empty"},
           Row{"routes: [{groups: near}]", "baton.yaml:2: routes[0].groups: must be a list"},
           Row{"routes: [{match: {models: [x]}}]", "baton.yaml:2: routes[0]: must say where to"},
           Row{"routes: [{match: {model: [x]}, groups: [near]}]",
               "baton.yaml:2: routes[0].match.model: is not a setting; did you mean \"models\"?"},
           Row{"routes: [{fallback_models: [a, b, c, d, e]}]",
               "baton.yaml:2: routes[0].fallback_models: must have at most 4 models"},
           Row{"routes: {}", "baton.yaml:2: routes: must be a list"},
       }) {
    EXPECT_TRUE(refusal(accounts + std::string(row.routes)).starts_with(row.want))
        << refusal(accounts + std::string(row.routes));
  }
}

TEST_F(LoadTest, RulesSayForWhomSimilarAnswersWillDo) {
  const std::string accounts = "accounts: [{name: a, key: \"${KEY}\"}]\n";
  const auto s =
      load(options(accounts + "similar:\n  audit_share: 0.1\n  rules:\n"
                              "  - {match: {models: [claude-haiku*], clients: [faq]}, mode: on, error_max: 0.01}\n"
                              "  - {match: {teams: [web]}}\n"));
  ASSERT_TRUE(s.has_value()) << s.error().text();
  EXPECT_EQ(s->similar.audit_share, 0.1);
  ASSERT_EQ(s->similar.rules.size(), 2u);
  const similar::Rule first{.models = {"claude-haiku*"}, .clients = {"faq"}, .mode = "on", .error_max = 0.01};
  EXPECT_EQ(s->similar.rules[0], first);
  EXPECT_EQ(s->similar.rules[1], (similar::Rule{.teams = {"web"}, .mode = "shadow"}));
  for (const auto& [rules, want] : {
           std::pair{"[{mode: loud}]", "baton.yaml:2: similar.rules[0]: mode must be off, shadow or on"},
           std::pair{"[{error_max: 0.5}]", "baton.yaml:2: similar.rules[0]: error_max must be 0.001 to 0.2"},
           std::pair{"[{error_max: 0}]", "baton.yaml:2: similar.rules[0]: error_max must be 0.001 to 0.2"},
           std::pair{"{}", "baton.yaml:2: similar.rules: must be a list"},
           std::pair{"[{match: {clients: []}}]", "baton.yaml:2: similar.rules[0].match.clients: must not be empty"},
       }) {
    const std::string got = refusal(accounts + "similar: {rules: " + rules + "}");
    EXPECT_TRUE(got.starts_with(want)) << got;
  }
}

TEST_F(LoadTest, RulesSayForWhomStaleAnswersWillDo) {
  const std::string accounts = "accounts: [{name: a, key: \"${KEY}\"}]\n";
  const auto s = load(options(accounts + "cache:\n  stale_if_error: 1h\n  stale_rules:\n"
                                         "  - {match: {clients: [faq, ci*]}, stale_while_revalidate: 30s}\n"
                                         "  - {match: {teams: [web]}, stale_if_error: 2h}\n"));
  ASSERT_TRUE(s.has_value()) << s.error().text();
  EXPECT_EQ(s->cache.stale.if_error, std::chrono::hours(1));
  const std::vector<reuse::StaleRule> want{
      {.clients = {"faq", "ci*"}, .stale = {.while_revalidate = std::chrono::seconds(30)}},
      {.teams = {"web"}, .stale = {.if_error = std::chrono::hours(2)}}};
  EXPECT_EQ(s->cache.stale_rules, want);
  EXPECT_TRUE(
      refusal(accounts + "cache: {stale_rules: {}}").starts_with("baton.yaml:2: cache.stale_rules: must be a list"));
  EXPECT_TRUE(refusal(accounts + "cache: {stale_rules: [{stale_if_error: 721h}]}")
                  .starts_with("baton.yaml:2: cache.stale_rules[0].stale_if_error"));
}

TEST_F(LoadTest, ASharedCacheNeedsItsSecretAndSaysNoneOfIt) {
  const std::string accounts = "accounts: [{name: a, key: \"${KEY}\"}]\n";
  const std::string secret = "redis_secret: thirty-two characters or a few more";
  const auto s = load(options(accounts + "cache: {redis: 'rediss://u:hunter2@h/3', " + secret + "}"));
  ASSERT_TRUE(s.has_value()) << s.error().text();
  EXPECT_TRUE(s->shared_cache.on());
  const struct {
    std::string cache, want;
  } rows[] = {
      {"redis: 'redis://u:hunter2@h'", "cache.redis: needs cache.redis_secret"},
      {"redis: 'redis://u:hunter2@h', redis_secret: hunter2", "cache.redis_secret: must have 32"},
      {secret, "cache.redis_secret: has no use without cache.redis"},
      {"redis: 'redis://u:hunter2@h/x', " + secret, "cache.redis: must end in the number of a database"},
      {"redis: 'redis://h', redis_ca_file: /x, " + secret, "cache.redis_ca_file: has no use without rediss://"},
      {"bytes_max: 0, redis: 'redis://h', " + secret, "cache.redis: holds replies"},
      {"redis: 'redis://h', redis_timeout: 2s, " + secret, "cache.redis_timeout: "},
  };
  for (const auto& row : rows) {
    const std::string got = refusal(accounts + "cache: {" + row.cache + "}");
    EXPECT_TRUE(got.starts_with("baton.yaml:2: " + row.want)) << got;
    EXPECT_EQ(got.find("hunter2"), got.npos) << got;
  }
}

TEST_F(LoadTest, AFileNeverStartsTheSimulator) {
  environment_["ANTHROPIC_API_KEY"] = "sk-ant-x";
  for (const std::string_view text : {"", "# nothing\n", "listen: 127.0.0.1:1\n", "accounts: []\n"}) {
    EXPECT_NE(refusal(text).find("accounts: there is none"), std::string::npos) << text;
  }
}

TEST_F(LoadTest, ProblemsAreOneLineWithFileLineKeyAndReason) {
  write("world.key", "0123456789abcdef\n", 0644);
  write("empty.key", "\n");
  write("two.key", "line one\nline two\n");
  write("cert.pem", "x");
  fs::create_directory(path("folder"));
  fs::create_symlink(path("loop"), path("loop"));
  environment_["EMPTY"] = "";
  environment_["SNEAKY"] = "@file:two.key";
  struct {
    std::string_view name;
    std::string text;
    std::string_view want;  // the line's beginning
  } const cases[] = {
      // C1 unknown keys
      {"unknown key", with_account("lisen: 127.0.0.1:1\n"),
       "baton.yaml:2: lisen: is not a setting; did you mean \"listen\"?"},
      {"unknown key of a section", with_account("edge:\n  idle_timout: 1s\n"),
       "baton.yaml:3: edge.idle_timout: is not a setting; did you mean \"idle_timeout\"?"},
      {"a key of another section", with_account("ping_after: 1s\n"),
       "baton.yaml:2: ping_after: is not a setting; did you mean \"stream.ping_after\"?"},
      {"unknown section", with_account("sream: {ping_after: 1s}\n"),
       "baton.yaml:2: sream: is not a setting; did you mean \"stream\"?"},
      {"unknown key of an item", "accounts:\n  - name: a\n    key: \"${KEY}\"\n    wieght: 2\n",
       "baton.yaml:4: accounts[0].wieght: is not a setting; did you mean \"weight\"?"},
      {"nothing is near", with_account("banana: 1\n"), "baton.yaml:2: banana: is not a setting"},
      {"a merge key", with_account("<<: {}\n"), "baton.yaml:2: <<: is not a setting"},
      // C2 duplicates
      {"key twice", with_account("listen: 127.0.0.1:1\nlisten: 127.0.0.1:2\n"),
       "baton.yaml:3: listen: is given twice; the first time in line 2"},
      // C3 types
      {"a list for a text", with_account("data_dir: [a]\n"),
       "baton.yaml:2: data_dir: must be a single value, not a list"},
      {"a map for a number", with_account("threads: {a: 1}\n"),
       "baton.yaml:2: threads: must be a single value, not a map"},
      {"a text for a section", with_account("edge: fast\n"), "baton.yaml:2: edge: must be a map of settings"},
      {"a map for a list", "accounts: {name: a}\n", "baton.yaml:1: accounts: must be a list"},
      {"a text for an item", "accounts: [a]\n", "baton.yaml:1: accounts[0]: must be a map of settings"},
      {"no value", with_account("edge:\n"), "baton.yaml:2: edge: has no value"},
      {"no list", with_account("clients:\n"), "baton.yaml:2: clients: has no value"},
      {"not a number", with_account("threads: many\n"), "baton.yaml:2: threads: must be a whole number in digits"},
      {"not a flag", "accounts: [{name: a, key: \"${KEY}\", allow_private: yes}]\n",
       "baton.yaml:1: accounts[0].allow_private: must be true or false"},
      {"not a share", with_account("sim: {errors: {reset: .nan}}\n"),
       "baton.yaml:2: sim.errors.reset: must be a number from 0 to 1"},
      {"an empty text", with_account("data_dir: \"\"\n"), "baton.yaml:2: data_dir: is empty"},
      // C4 units and ranges
      {"no unit", with_account("drain_limit: 30\n"),
       "baton.yaml:2: drain_limit: has no unit; it must be a duration such as \"250ms\""},
      {"a size for a duration", with_account("drain_limit: 30MB\n"),
       "baton.yaml:2: drain_limit: has the unit \"MB\", which is not known here"},
      {"a duration for a size", with_account("stream: {buffer_bytes_max: 10s}\n"),
       "baton.yaml:2: stream.buffer_bytes_max: has the unit \"s\""},
      {"negative", with_account("max_memory: -1GB\n"), "baton.yaml:2: max_memory: must not be negative"},
      {"overflow", with_account("max_memory: 99999999999999999999GB\n"), "baton.yaml:2: max_memory: is too large"},
      {"below its range", with_account("edge: {fields_max: 1}\n"),
       "baton.yaml:2: edge.fields_max: must be at least 16"},
      {"above its range", with_account("drain_limit: 25h\n"), "baton.yaml:2: drain_limit: must be at most 24h"},
      {"weight 0", "accounts: [{name: a, key: \"${KEY}\", weight: 0}]\n",
       "baton.yaml:1: accounts[0].weight: must be at least 1"},
      {"weight 1001", "accounts: [{name: a, key: \"${KEY}\", weight: 1001}]\n",
       "baton.yaml:1: accounts[0].weight: must be at most 1000"},
      {"attempts beyond the record", with_account("attempts_max: 17\n"),
       "baton.yaml:2: attempts_max: must be at most 16"},
      // C5 no accounts
      {"no accounts", "accounts: []\n", "baton.yaml:1: accounts: there is none: add at least one account"},
      // C6 names
      {"two accounts with one name", "accounts:\n  - {name: a, key: \"${KEY}\"}\n  - {name: a, key: \"${KEY}\"}\n",
       "baton.yaml:3: accounts[1].name: a is the name of another account already"},
      {"two clients with one name",
       with_account("clients:\n  - {name: c, key: 0123456789abcdef}\n  - {name: c, key: 0123456789abcdeX}\n"),
       "baton.yaml:4: clients[1].name: c is the name of another client already"},
      {"two clients with one key",
       with_account("clients:\n  - {name: c, key: 0123456789abcdef}\n  - {name: d, key: 0123456789abcdef}\n"),
       "baton.yaml:4: clients[1].key: is the key of the client c already"},
      {"a name with a blank", "accounts: [{name: a b, key: \"${KEY}\"}]\n",
       "baton.yaml:1: accounts[0].name: must be 1 to 64 letters"},
      {"a long name", "accounts: [{name: " + std::string(65, 'a') + ", key: \"${KEY}\"}]\n",
       "baton.yaml:1: accounts[0].name: must be 1 to 64 letters"},
      {"no name", "accounts: [{key: \"${KEY}\"}]\n", "baton.yaml:1: accounts[0]: has no name"},
      {"no key", "accounts: [{name: a}]\n", "baton.yaml:1: accounts[0]: has no key"},
      {"a domain with a blank", "accounts: [{name: a, key: \"${KEY}\", limit_domain: a b}]\n",
       "baton.yaml:1: accounts[0].limit_domain: must be 1 to 128"},
      {"another provider", "accounts: [{name: a, key: \"${KEY}\", provider: bedrock}]\n",
       "baton.yaml:1: accounts[0].provider: must be \"anthropic\", or"},
      // C7, C8, C9 upstream addresses
      {"http beyond loopback", "accounts:\n- name: a\n  key: \"${KEY}\"\n  base_url: http://api.example\n",
       "baton.yaml:4: accounts[0].base_url: would send the key in the clear"},
      {"http to a private address",
       "accounts: [{name: a, key: \"${KEY}\", base_url: \"http://10.0.0.1\", allow_private: true}]\n",
       "baton.yaml:1: accounts[0].base_url: would send the key in the clear"},
      {"an endpoint beyond loopback in the clear",
       "accounts: [{name: a, key: \"${KEY}\", endpoints: [\"http://api.example\"]}]\n",
       "baton.yaml:1: accounts[0].endpoints[0]: would send the key in the clear"},
      {"an endpoint twice",
       "accounts:\n- name: a\n  key: \"${KEY}\"\n  endpoints:\n  - https://b\n  - {url: https://B/}\n",
       "baton.yaml:6: accounts[0].endpoints[1]: is an endpoint of this account already"},
      {"an endpoint without a URL", "accounts: [{name: a, key: \"${KEY}\", endpoints: [{name: b}]}]\n",
       "baton.yaml:1: accounts[0].endpoints[0]: has no url"},
      {"no endpoints", "accounts: [{name: a, key: \"${KEY}\", endpoints: []}]\n",
       "baton.yaml:1: accounts[0].endpoints: must have at least one URL"},
      {"loopback", "accounts: [{name: a, key: \"${KEY}\", base_url: \"http://127.0.0.1:9\"}]\n",
       "baton.yaml:1: accounts[0].base_url: leads to a loopback, private or link-local address"},
      {"localhost", "accounts: [{name: a, key: \"${KEY}\", base_url: \"https://localhost\"}]\n",
       "baton.yaml:1: accounts[0].base_url: leads to a loopback"},
      {"private", "accounts: [{name: a, key: \"${KEY}\", base_url: \"https://192.168.1.1\"}]\n",
       "baton.yaml:1: accounts[0].base_url: leads to a loopback"},
      {"metadata", "accounts: [{name: a, key: \"${KEY}\", base_url: \"https://169.254.169.254\"}]\n",
       "baton.yaml:1: accounts[0].base_url: leads to a loopback"},
      {"private IPv6", "accounts: [{name: a, key: \"${KEY}\", base_url: \"https://[fd00::1]\"}]\n",
       "baton.yaml:1: accounts[0].base_url: leads to a loopback"},
      {"a mapped address", "accounts: [{name: a, key: \"${KEY}\", base_url: \"https://[::ffff:10.0.0.1]\"}]\n",
       "baton.yaml:1: accounts[0].base_url: leads to a loopback"},
      {"userinfo", "accounts: [{name: a, key: \"${KEY}\", base_url: \"https://u:p@a.example\"}]\n",
       "baton.yaml:1: accounts[0].base_url: must not have a user"},
      {"fragment", "accounts: [{name: a, key: \"${KEY}\", base_url: \"https://a.example/#x\"}]\n",
       "baton.yaml:1: accounts[0].base_url: must not have a fragment"},
      {"query", "accounts: [{name: a, key: \"${KEY}\", base_url: \"https://a.example/?x\"}]\n",
       "baton.yaml:1: accounts[0].base_url: must not have a query"},
      {"traversal", "accounts: [{name: a, key: \"${KEY}\", base_url: \"https://a.example/a/../b\"}]\n",
       "baton.yaml:1: accounts[0].base_url: has a path with"},
      {"a proxy without a port", "accounts: [{name: a, key: \"${KEY}\", proxy: \"http://p.example\"}]\n",
       "baton.yaml:1: accounts[0].proxy: must have a port"},
      {"a proxy of another kind", "accounts: [{name: a, key: \"${KEY}\", proxy: \"ftp://p.example:1\"}]\n",
       "baton.yaml:1: accounts[0].proxy: must begin with http:// or socks5://"},
      {"public_url with a path", with_account("public_url: https://relay.example/x\n"),
       "baton.yaml:2: public_url: must not have a path"},
      // C10 keys
      {"an empty key", "accounts: [{name: a, key: \"\"}]\n", "baton.yaml:1: accounts[0].key: is empty"},
      {"an empty variable", "accounts: [{name: a, key: \"${EMPTY}\"}]\n", "baton.yaml:1: accounts[0].key: is empty"},
      {"an empty key file", "accounts: [{name: a, key: \"@file:empty.key\"}]\n",
       "baton.yaml:1: accounts[0].key: is empty"},
      {"a key with a line break", "accounts: [{name: a, key: \"@file:two.key\"}]\n",
       "baton.yaml:1: accounts[0].key: has a line break"},
      {"a key with a blank at its end", "accounts: [{name: a, key: \"a \"}]\n",
       "baton.yaml:1: accounts[0].key: begins or ends with a blank"},
      {"a key that is not ASCII", "accounts: [{name: a, key: \"\\u00e4\"}]\n",
       "baton.yaml:1: accounts[0].key: has a character that is not printable ASCII"},
      {"a placeholder", "accounts: [{name: a, key: sk-ant-...}]\n", "baton.yaml:1: accounts[0].key: is a placeholder"},
      {"another", "accounts: [{name: a, key: your-api-key}]\n", "baton.yaml:1: accounts[0].key: is a placeholder"},
      {"a sample client key", with_account("clients: [{name: c, key: changeme-changeme}]\n"),
       "baton.yaml:2: clients[0].key: is a placeholder"},
      {"a short client key", with_account("clients: [{name: c, key: 0123456789abcde}]\n"),
       "baton.yaml:2: clients[0].key: is shorter than 16 characters"},
      {"a long client key", with_account("clients: [{name: c, key: " + std::string(513, 'k') + "}]\n"),
       "baton.yaml:2: clients[0].key: is longer than 512 characters"},
      // C11 files of secrets
      {"a key file for everyone", "accounts: [{name: a, key: \"@file:world.key\"}]\n",
       "baton.yaml:1: accounts[0].key: the file world.key can be read by its group or by everyone: chmod 600 it"},
      // C12 the operator's port
      {"admin for everyone", with_account("admin: {listen: \"0.0.0.0:8788\"}\n"),
       "baton.yaml:2: admin.listen: 0.0.0.0:8788 can be reached from beyond this host, and without TLS"},
      {"admin with half of TLS", with_account("admin: {listen: {address: \"0.0.0.0:8788\", tls: {cert: cert.pem}}}\n"),
       "baton.yaml:2: admin.listen.tls: has no key"},
      {"admin behind a PROXY header",
       with_account("admin: {listen: {address: \"127.0.0.1:8788\", proxy_protocol: true}}\n"),
       "baton.yaml:2: admin.listen: the operator's port takes no PROXY header"},
      {"admin without its CA", with_account("admin: {ca_file: no.pem}\n"),
       "baton.yaml:2: admin.ca_file: the file no.pem cannot be read"},
      {"admin on the clients' port", with_account("admin: {listen: \"127.0.0.1:8787\"}\n"),
       "baton.yaml:2: admin.listen: 127.0.0.1:8787 is where clients call already"},
      // C13 TLS
      {"a cert without a key", with_account("listen: {address: \"127.0.0.1:1\", tls: {cert: cert.pem}}\n"),
       "baton.yaml:2: listen.tls: has no key"},
      {"a key without a cert", with_account("listen: {address: \"127.0.0.1:1\", tls: {key: cert.pem}}\n"),
       "baton.yaml:2: listen.tls: has no cert"},
      {"no such cert", with_account("listen: {address: \"127.0.0.1:1\", tls: {cert: no.pem, key: cert.pem}}\n"),
       "baton.yaml:2: listen.tls.cert: the file no.pem cannot be read"},
      {"a folder as a cert", with_account("listen: {address: \"127.0.0.1:1\", tls: {cert: folder, key: cert.pem}}\n"),
       "baton.yaml:2: listen.tls.cert: folder is not a regular file"},
      {"no such CA", "accounts: [{name: a, key: \"${KEY}\", ca_file: no.pem}]\n",
       "baton.yaml:1: accounts[0].ca_file: the file no.pem cannot be read"},
      // C14 ports
      {"port 0", with_account("listen: 127.0.0.1:0\n"), "baton.yaml:2: listen: has the port 0"},
      {"port 70000", with_account("listen: 127.0.0.1:70000\n"),
       "baton.yaml:2: listen: has the port 70000; ports end at 65535"},
      {"no port", with_account("listen: 127.0.0.1\n"), "baton.yaml:2: listen: must be an address and a port"},
      {"a listener twice", with_account("listen: [\"127.0.0.1:1\", \"127.0.0.1:1\"]\n"),
       "baton.yaml:2: listen[1]: is in this list already"},
      {"no listener", with_account("listen: []\n"), "baton.yaml:2: listen: must have at least one listener"},
      {"a listener without an address", with_account("listen: {proxy_protocol: true}\n"),
       "baton.yaml:2: listen: has no address"},
      // C18 references
      {"an unset variable", "accounts: [{name: a, key: \"${UNSET_KEY}\"}]\n",
       "baton.yaml:1: accounts[0].key: the environment variable UNSET_KEY is not set"},
      {"a variable outside quotes", "accounts:\n- name: a\n  key: ${KEY}\n",
       "baton.yaml:3: accounts[0].key: put a text with ${"},
      {"an unclosed reference", "accounts: [{name: a, key: \"${KEY\"}]\n",
       "baton.yaml:1: accounts[0].key: has a \"${\" that is not followed"},
      {"an empty reference", "accounts: [{name: a, key: \"${}\"}]\n",
       "baton.yaml:1: accounts[0].key: has a \"${\" that is not followed"},
      {"a default in a reference", "accounts: [{name: a, key: \"${KEY:-x}\"}]\n",
       "baton.yaml:1: accounts[0].key: has a \"${\" that is not followed"},
      {"no such file", "accounts: [{name: a, key: \"@file:no.key\"}]\n",
       "baton.yaml:1: accounts[0].key: the file no.key cannot be read: No such file"},
      {"a folder", "accounts: [{name: a, key: \"@file:folder\"}]\n",
       "baton.yaml:1: accounts[0].key: folder is a folder, not a file"},
      {"a loop of links", "accounts: [{name: a, key: \"@file:loop\"}]\n",
       "baton.yaml:1: accounts[0].key: the file loop cannot be read"},
      {"a device", "accounts: [{name: a, key: \"@file:/dev/zero\"}]\n",
       "baton.yaml:1: accounts[0].key: /dev/zero is not a regular file"},
      // C19 pairs
      {"a field larger than the head", with_account("edge: {head_bytes_max: 8KiB, field_bytes_max: 16KiB}\n"),
       "baton.yaml:2: edge.field_bytes_max: must not be larger than edge.head_bytes_max"},
      {"idle beyond the total", with_account("upstream: {idle_read_timeout: 2h}\n"),
       "baton.yaml:2: upstream.idle_read_timeout: must not be larger than upstream.total_timeout"},
      {"bodies beyond the memory", with_account("max_memory: 256MiB\nedge: {request_bytes_budget: 1GiB}\n"),
       "baton.yaml:3: edge.request_bytes_budget: must not be larger than max_memory"},
      {"too little memory", with_account("max_memory: 1MB\n"),
       "baton.yaml:2: max_memory: must be 0 or at least 128MiB"},
      {"errors beyond 1", with_account("sim: {errors: {reset: 0.6, overloaded: 0.6}}\n"),
       "baton.yaml:2: sim.errors: must not add up to more than 1"},
      {"PROXY without trust", with_account("listen: {address: \"127.0.0.1:1\", proxy_protocol: true}\n"),
       "baton.yaml:2: listen: proxy_protocol needs trusted_proxies"},
      {"not a block", with_account("trusted_proxies: [10.0.0.0/33]\n"),
       "baton.yaml:2: trusted_proxies[0]: must be an address or a block"},
      {"no way to choose accounts", with_account("affinity: {policy: random}\n"),
       "baton.yaml:2: affinity.policy: must be cost, session or round_robin"},
      {"two orgs with one id", with_account("sim: {orgs: [{id: o}, {id: o}]}\n"),
       "baton.yaml:2: sim.orgs[1].id: o is the id of another organization already"},
      {"a sim key of two orgs", with_account("sim: {orgs: [{id: o, keys: [{key: k}]}, {id: p, keys: [{key: k}]}]}\n"),
       "baton.yaml:2: sim.orgs[1].keys: has a key twice, or one of another organization"},
      {"~ in a path", with_account("data_dir: ~/baton\n"), "baton.yaml:2: data_dir: begins with ~"},
      // beyond this host
      {"everyone could spend the key", with_account("listen: 0.0.0.0:8787\n"),
       "baton.yaml:2: listen: 0.0.0.0:8787 can be reached from beyond this host"},
      {"one of several", with_account("listen: [\"127.0.0.1:1\", \"[::]:8787\"]\n"),
       "baton.yaml:2: listen: [::]:8787 can be reached from beyond this host"},
  };
  for (const auto& c : cases) {
    const std::string line = refusal(c.text);
    EXPECT_TRUE(line.starts_with(c.want)) << c.name << ":\n  " << line << "\n  " << c.want;
    EXPECT_EQ(line.find('\n'), std::string::npos) << c.name;
    EXPECT_EQ(line.find(environment_["KEY"]), std::string::npos) << c.name;
  }
}

TEST_F(LoadTest, FilesThatAreNone) {
  LoadOptions o = options("");
  o.path = path("missing.yaml");
  EXPECT_EQ(refusal(o), "--config: the file missing.yaml cannot be read: No such file or directory");
  o.path = folder_;
  EXPECT_NE(refusal(o).find("is a folder, not a file"), std::string::npos);
  fs::create_symlink(path("loop"), path("loop"));
  o.path = path("loop");
  EXPECT_NE(refusal(o).find("cannot be read"), std::string::npos);
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  o.path = path("pipe");
  EXPECT_NE(refusal(o).find("is not a regular file"), std::string::npos);
  o.path = write("large.yaml", std::string(kFileBytesMax + 1, '#'));
  EXPECT_NE(refusal(o).find("is larger than 1MiB"), std::string::npos);
  o.path = "";
  EXPECT_NE(refusal(o).find("--config: "), std::string::npos);
}

TEST_F(LoadTest, ReferencesAreResolvedOnceAndNeverReadAgain) {
  write("a.key", "from-a-file\n");
  write("b.key", "from-${KEY}-file\r\n");
  environment_["NAMED"] = "${KEY}";
  environment_["FILE"] = "@file:a.key";
  environment_["YAML"] = "passthrough";
  environment_["DIR"] = folder_;
  environment_["ODD"] = "sk-x: {a} \"b\" ${HOME} #c";
  struct {
    std::string_view name;
    std::string_view key;
    std::string want;
  } const cases[] = {
      {"a variable", "\"${KEY}\"", environment_["KEY"]},
      {"in the middle, twice", "\"x${KEY}y${KEY}z\"", "x" + environment_["KEY"] + "y" + environment_["KEY"] + "z"},
      {"in single quotes", "'${KEY}'", environment_["KEY"]},
      {"a variable that names another", "\"${NAMED}\"", "${KEY}"},
      {"a variable that names a file", "\"${FILE}\"", "@file:a.key"},
      {"a variable that reads like a word of ours", "\"${YAML}\"", "passthrough"},
      {"a file", "\"@file:a.key\"", "from-a-file"},
      {"a file that names a variable", "\"@file:b.key\"", "from-${KEY}-file"},
      {"a file behind a variable", "\"@file:${DIR}/a.key\"", "from-a-file"},
      {"a variable that reads like YAML", "\"${ODD}\"", environment_["ODD"]},
      {"a dollar alone", "\"a$b$\"", "a$b$"},
      {"a plain text", "plain", "plain"},
  };
  for (const auto& c : cases) {
    const auto s = load(options("accounts: [{name: a, key: " + std::string(c.key) + "}]\n"));
    ASSERT_TRUE(s.has_value()) << c.name << ": " << s.error().text();
    EXPECT_EQ(s->accounts.accounts[0].key.reveal(), c.want) << c.name;
    EXPECT_FALSE(s->accounts.accounts[0].passthrough) << c.name;
  }
}

TEST_F(LoadTest, PassthroughIsAWordOfTheFile) {
  for (const std::string_view word : {"passthrough", "\"passthrough\""}) {
    const auto s = load(options("accounts: [{name: a, key: " + std::string(word) + "}]\n"));
    ASSERT_TRUE(s.has_value()) << s.error().text();
    EXPECT_TRUE(s->accounts.accounts[0].passthrough);
    EXPECT_TRUE(s->accounts.accounts[0].key.empty());
  }
}

TEST_F(LoadTest, AnAccountTakesAllItsSettings) {
  write("ca.pem", "x", 0644);
  const auto s =
      load(options("accounts:\n"
                   "  - name: local\n"
                   "    key: k\n"
                   "    base_url: http://127.0.0.1:9000/\n"
                   "    weight: 7\n"
                   "    limit_domain: org\n"
                   "    ca_file: ca.pem\n"
                   "    proxy: socks5://u:p@proxy.example:1080\n"
                   "    allow_private: true\n"
                   "    show_rate_limits: true\n"
                   "  - {name: plain, key: k}\n"));
  ASSERT_TRUE(s.has_value()) << s.error().text();
  const accounts::AccountConfig& a = s->accounts.accounts[0];
  EXPECT_EQ(a.base_url, "http://127.0.0.1:9000");
  EXPECT_EQ(a.weight, 7u);
  EXPECT_EQ(a.limit_domain, "org");
  EXPECT_EQ(a.cache_domain, "org/default");
  EXPECT_EQ(a.ca_file, path("ca.pem"));
  EXPECT_EQ(a.proxy, "socks5://u:p@proxy.example:1080");
  EXPECT_TRUE(a.allow_private);
  EXPECT_TRUE(a.show_rate_limits);
  const accounts::AccountConfig& plain = s->accounts.accounts[1];
  EXPECT_EQ(plain.limit_domain, "plain");
  EXPECT_EQ(plain.cache_domain, "plain/default");
  EXPECT_EQ(plain.weight, 1u);
}

TEST_F(LoadTest, ListenersComeInThreeForms) {
  write("cert.pem", "x");
  write("key.pem", "x");
  const std::string tls = "{address: \"[::1]:8443\", tls: {cert: cert.pem, key: key.pem}}";
  auto s = load(options(with_account("listen: " + tls + "\n")));
  ASSERT_TRUE(s.has_value()) << s.error().text();
  ASSERT_EQ(s->edge.listen.size(), 1u);
  EXPECT_EQ(s->edge.listen[0].address, "::1");
  EXPECT_EQ(s->edge.listen[0].port, 8443);
  EXPECT_EQ(s->edge.listen[0].tls.cert, path("cert.pem"));
  EXPECT_EQ(s->edge.listen[0].tls.key, path("key.pem"));
  s =
      load(options(with_account("trusted_proxies: [127.0.0.1]\nlisten:\n  - 127.0.0.1:1\n  - {address: "
                                "\"127.0.0.1:2\", proxy_protocol: true}\n  - " +
                                tls + "\n")));
  ASSERT_TRUE(s.has_value()) << s.error().text();
  ASSERT_EQ(s->edge.listen.size(), 3u);
  EXPECT_FALSE(s->edge.listen[0].tls.set());
  EXPECT_TRUE(s->edge.listen[1].proxy_protocol);
  EXPECT_TRUE(s->edge.listen[2].tls.set());
}

TEST_F(LoadTest, AClientListOpensTheHost) {
  const auto s = load(options(with_account("listen: 0.0.0.0:8787\nclients: [{name: c, key: 0123456789abcdef}]\n")));
  ASSERT_TRUE(s.has_value()) << s.error().text();
  LoadOptions o = options(with_account("listen: 0.0.0.0:8787\n"));
  o.generated_client = auth::ClientConfig{"generated", Secret("0123456789abcdef0123")};
  const auto generated = load(o);
  ASSERT_TRUE(generated.has_value()) << generated.error().text();
  ASSERT_EQ(generated->auth.clients.size(), 1u);
  EXPECT_EQ(generated->auth.clients[0].name, "generated");
}

TEST_F(LoadTest, TheCommandLineComesLast) {
  LoadOptions o = options(with_account("listen: [\"127.0.0.1:1\", \"127.0.0.1:2\"]\nthreads: 2\n"));
  o.listen = "127.0.0.1:0";
  o.admin = "[::1]:0";
  o.overrides.push_back({"--threads", "threads", "5"});
  o.overrides.push_back({"--per-token", "sim.per_token", "5ms"});
  const auto s = load(o);
  ASSERT_TRUE(s.has_value()) << s.error().text();
  ASSERT_EQ(s->edge.listen.size(), 1u);
  EXPECT_EQ(s->edge.listen[0].port, 0);
  EXPECT_EQ(s->admin.address, "::1");
  EXPECT_EQ(s->threads, 5u);
  EXPECT_EQ(s->sim.per_token, Duration(5ms));
  o.listen = "0.0.0.0:8787";
  EXPECT_TRUE(refusal(o).starts_with("--listen: 0.0.0.0:8787 can be reached"));
  o.listen = "nowhere";
  EXPECT_TRUE(refusal(o).starts_with("--listen: must be an address"));
  o.listen.reset();
  o.admin = "0.0.0.0:1";
  EXPECT_TRUE(refusal(o).starts_with("--admin: 0.0.0.0:1 can be reached from beyond this host, and without TLS"));
  o.admin.reset();
  o.overrides.push_back({"--threads", "threads", "1025"});
  EXPECT_EQ(refusal(o), "--threads: must be at most 1024");
  o.overrides.back() = {"--per-token", "sim.per_token", "5"};
  EXPECT_TRUE(refusal(o).starts_with("--per-token: has no unit"));
}

TEST_F(LoadTest, TheSimulatorNeedsNoAccountAndGuardsNothing) {
  LoadOptions o = options(
      "sim: {seed: 7, first_token: 0, errors: {overloaded: 0.25}, orgs: [{id: org, requests_per_minute: 50, keys: "
      "[{key: \"*\", workspace: w}]}]}\nlisten: 0.0.0.0:9\n");
  o.purpose = Purpose::kSimulate;
  const auto s = load(o);
  ASSERT_TRUE(s.has_value()) << s.error().text();
  EXPECT_EQ(s->sim.seed, 7u);
  EXPECT_EQ(s->sim.first_token, Duration{0});
  EXPECT_EQ(s->sim.errors.overloaded, 0.25);
  ASSERT_EQ(s->sim.orgs.size(), 1u);
  EXPECT_EQ(s->sim.orgs[0].requests_per_minute, 50u);
  ASSERT_EQ(s->sim.orgs[0].keys.size(), 1u);
  EXPECT_EQ(s->sim.orgs[0].keys[0].workspace, "w");
  o = without_file();
  o.purpose = Purpose::kSimulate;
  const auto plain = load(o);
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(plain->edge.listen[0].port, kSimulatorPort);
  EXPECT_FALSE(plain->simulated);
}

TEST_F(LoadTest, DefaultsFollowWhatIsGiven) {
  auto s =
      load(options(with_account("max_memory: 1GiB\nedge: {head_bytes_max: 8KiB}\nupstream: {total_timeout: "
                                "5m}\nstream: {buffer_bytes_max: 16KiB}\n")));
  ASSERT_TRUE(s.has_value()) << s.error().text();
  EXPECT_EQ(s->edge.request_bytes_budget, 256 * kMiB);
  EXPECT_EQ(s->edge.head.field_bytes_max, 8 * kKiB);
  EXPECT_EQ(s->upstream.idle_read_timeout, Duration(5min));
  EXPECT_EQ(s->upstream.first_byte_timeout_unstreamed, Duration(5min));
  EXPECT_EQ(s->stream.opening_bytes_max, 16 * kKiB);
  s = load(options(with_account("max_memory: 128MiB\n")));
  ASSERT_TRUE(s.has_value()) << s.error().text();
  EXPECT_EQ(s->edge.request_bytes_budget, 32 * kMiB) << "one whole body always fits";
}

TEST_F(LoadTest, DataLiesWhereTheSystemPutsState) {
  LoadOptions o = without_file();
  EXPECT_EQ(load(o)->data_dir, "/home/u/.local/state/baton");
  environment_["XDG_STATE_HOME"] = "/state";
  EXPECT_EQ(load(o)->data_dir, "/state/baton");
  environment_["XDG_STATE_HOME"] = "relative";
  EXPECT_EQ(load(o)->data_dir, "/home/u/.local/state/baton");
  environment_.erase("HOME");
  EXPECT_EQ(load(o)->data_dir, "/var/lib/baton");
  environment_["HOME"] = "/root";
  o.root = true;
  EXPECT_EQ(load(o)->data_dir, "/var/lib/baton");
  EXPECT_EQ(load(options(with_account("data_dir: state\n")))->data_dir, path("state"));
  EXPECT_EQ(load(options(with_account("ledger: {access_log: calls.log}\n")))->ledger.access_log, path("calls.log"));
  EXPECT_EQ(load(options(with_account("ledger: {access_log: off}\n")))->ledger.access_log, "off");
}

TEST_F(LoadTest, AKeyInAReadableFileIsWorthAWarning) {
  LoadOptions o = options("accounts: [{name: a, key: secret-literal}, {name: b, key: \"${KEY}\"}]\n");
  ::chmod(o.path->c_str(), 0644);
  const auto s = load(o);
  ASSERT_TRUE(s.has_value());
  ASSERT_EQ(s->warnings.size(), 1u);
  EXPECT_NE(s->warnings[0].find("baton.yaml:1: accounts[0].key: this file holds a key"), std::string::npos);
  EXPECT_EQ(s->warnings[0].find("secret-literal"), std::string::npos);
}

// Every row of the table leads to a member of its own: a value is read, is stored, and no other row's member moves.
TEST_F(LoadTest, EveryNumberReachesItsOwnMember) {
  std::set<const void*> members;
  Settings defaults;
  for (const Setting<Settings>& row : settings_table()) {
    const void* member = std::visit(
        [&](auto at) -> const void* {
          if constexpr (std::is_same_v<decltype(at), std::monostate>) {
            return &row;
          } else {
            return &at(defaults);
          }
        },
        row.at);
    EXPECT_TRUE(members.insert(member).second) << row.key << " shares its member with another row";
    if (row.kind != Kind::kCount && row.kind != Kind::kSize && row.kind != Kind::kDuration) continue;
    Settings settings;
    const uint64_t value = std::visit(
        [&](auto at) -> uint64_t {
          using At = decltype(at);
          if constexpr (std::is_same_v<At, Duration& (*)(Settings&)>) {
            return static_cast<uint64_t>(at(settings).count());
          } else if constexpr (std::is_same_v<At, uint64_t& (*)(Settings&)> ||
                               std::is_same_v<At, uint32_t& (*)(Settings&)>) {
            return at(settings);
          } else {
            return 0;
          }
        },
        row.at);
    EXPECT_GE(value, row.min) << row.key << ": the default lies in its range";
    EXPECT_LE(value, row.max) << row.key;
    EXPECT_FALSE(row.meaning.empty()) << row.key;
  }
}

}  // namespace
}  // namespace baton::config
