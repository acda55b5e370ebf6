#include "admin/routes.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "admin/relay_api.h"
#include "http/json.h"
#include "http/json_view.h"

namespace baton::admin {
namespace {

TEST(Routes, a_path_is_found_with_its_names) {
  struct {
    const char* method;
    const char* path;
    std::optional<Operation> want;
    std::vector<std::string> names;
    const char* allow;
  } const cases[] = {
      {"GET", "/admin/v1/accounts", Operation::kAccounts, {}, ""},
      {"HEAD", "/admin/v1/accounts", Operation::kAccounts, {}, ""},
      {"POST", "/admin/v1/accounts/main/drain", Operation::kDrainAccount, {"main"}, ""},
      {"POST", "/admin/v1/accounts/a%2Fb%20c/park", Operation::kParkAccount, {"a/b c"}, ""},
      {"POST", "/admin/v1/accounts", {}, {}, "GET, HEAD"},
      {"GET", "/admin/v1/accounts/main/drain", {}, {}, "POST"},
      {"get", "/admin/v1/accounts", {}, {}, "GET, HEAD"},
      {"GET", "/admin/v1/accounts/", {}, {}, ""},
      {"GET", "/admin/v1//accounts", {}, {}, ""},
      {"GET", "/admin/v2/accounts", {}, {}, ""},
      {"GET", "/admin/v1/accounts/../config", {}, {}, ""},
      {"POST", "/admin/v1/accounts//drain", {}, {}, ""},
      {"POST", "/admin/v1/accounts/a/b/drain", {}, {}, ""},
      {"POST", "/admin/v1/accounts/%zz/drain", {}, {}, ""},
      {"POST", "/admin/v1/accounts/%4/drain", {}, {}, ""},
      {"GET", "/admin", {}, {}, ""},
      {"GET", "", {}, {}, ""},
  };
  for (const auto& c : cases) {
    const Match match = match_route(c.method, c.path);
    ASSERT_EQ(match.route != nullptr, c.want.has_value()) << c.method << ' ' << c.path;
    EXPECT_EQ(match.allow, c.allow) << c.path;
    if (!c.want) continue;
    EXPECT_EQ(match.route->operation, *c.want) << c.path;
    EXPECT_EQ(match.names, c.names) << c.path;
  }
  EXPECT_EQ(match_route("GET", "/admin/v1/accounts/" + std::string(10'000, 'a')).route, nullptr);
}

TEST(Routes, each_operation_has_one_route_and_what_changes_needs_to_operate) {
  std::set<Operation> seen;
  for (const Route& route : routes()) {
    EXPECT_TRUE(seen.insert(route.operation).second) << route.path;
    EXPECT_TRUE(route.path.starts_with("/admin/v1/")) << route.path;
    EXPECT_EQ(route.method == "GET", route.role == Role::kRead) << route.path;
    EXPECT_EQ(route.method == "GET", route.action.empty()) << route.path << ": a change is written down";
  }
  EXPECT_EQ(seen.size(), kOperations);
}

TEST(Routes, the_openapi_document_says_the_same_as_the_table) {
  std::string text(openapi_text());
  const size_t size = text.size();
  text.append(http::kJsonPadding, '\0');
  const std::string_view document(text.data(), size);
  http::JsonScanner scanner;
  ASSERT_TRUE(scanner.scan_object(document));
  EXPECT_TRUE(http::json_word(document, "openapi").starts_with("3.1"));
  std::map<std::string, std::string> described;  // "GET /path": role
  std::set<std::string> ids;
  http::JsonMembers paths(http::json_member(document, "paths"));
  while (paths.next()) {
    http::JsonMembers methods(paths.value);
    while (methods.next()) {
      std::string method(methods.key);
      std::ranges::transform(method, method.begin(), [](char c) { return static_cast<char>(c & ~0x20); });
      described[method + " " + std::string(paths.key)] = http::json_word(methods.value, "x-role");
      EXPECT_TRUE(ids.insert(std::string(http::json_word(methods.value, "operationId"))).second);
      EXPECT_FALSE(http::json_word(methods.value, "summary").empty()) << paths.key;
      EXPECT_FALSE(http::json_member(http::json_member(methods.value, "responses"), "200").empty()) << paths.key;
    }
  }
  std::map<std::string, std::string> table;
  for (const Route& route : routes())
    table[std::string(route.method) + " " + std::string(route.path)] = route.role == Role::kRead ? "read" : "operate";
  EXPECT_EQ(described, table);
  // Every reference leads somewhere.
  const std::string_view schemas = http::json_member(http::json_member(document, "components"), "schemas");
  constexpr std::string_view kRef = "\"#/components/schemas/";
  size_t references = 0;
  for (size_t at = document.find(kRef); at != document.npos; at = document.find(kRef, at + 1), ++references) {
    const std::string_view rest = document.substr(at + kRef.size());
    EXPECT_FALSE(http::json_member(schemas, rest.substr(0, rest.find('"'))).empty()) << rest.substr(0, 30);
  }
  EXPECT_GT(references, 5u);
}

TEST(Routes, query_values_are_decoded) {
  struct {
    const char* query;
    const char* name;
    std::optional<std::string> want;
  } const cases[] = {
      {"?limit=5", "limit", "5"},
      {"limit=5&x=1", "x", "1"},
      {"?a=b%20c+d", "a", "b c d"},
      {"?a", "a", ""},
      {"?a=", "a", ""},
      {"?b=1", "a", std::nullopt},
      {"", "a", std::nullopt},
      {"?a=%zz", "a", std::nullopt},
      {"?aa=1&a=2", "a", "2"},
      {"?a=1&a=2", "a", "1"},
      {"?&&a=1", "a", "1"},
      {"?a=b=c", "a", "b=c"},
  };
  for (const auto& c : cases) EXPECT_EQ(query_value(c.query, c.name), c.want) << c.query;
}

}  // namespace
}  // namespace baton::admin
