#include "accounts/routes.h"

#include <gtest/gtest.h>

namespace baton::accounts {
namespace {

Config config() {
  Config config;
  config.accounts = {{.name = "a", .group = "near"}, {.name = "b", .group = "far"}, {.name = "c", .group = "spare"}};
  config.routes = {
      {.models = {"claude-opus-*"}, .groups = {"far", "near"}, .fallback_models = {"claude-sonnet-5-5"}},
      {.clients = {"ci*"}, .groups = {"spare"}},
      {.models = {"claude-haiku-4-5"}, .teams = {"search", "ads"}, .groups = {"near", "spare", "far"}},
      {.teams = {"ops"}, .fallback_models = {"claude-haiku-4-5"}},
  };
  return config;
}

TEST(Routes, the_first_that_fits_in_all_it_names_decides) {
  const Config given = config();
  const Routes routes(given);
  struct Row {
    const char* model;
    const char* client;
    const char* team;
    std::vector<int> ranks;  // of near, far, spare; -1: not in the chain; none: no route fits
  };
  for (const Row& row : {Row{"claude-opus-4-8", "me", "", {1, 0, -1}},
                         Row{"claude-opus-4-8", "ci-7", "ops", {1, 0, -1}}, Row{"claude-opus", "me", "", {}},
                         Row{"claude-sonnet-5-5", "ci-7", "", {-1, -1, 0}}, Row{"claude-sonnet-5-5", "cd", "", {}},
                         Row{"claude-haiku-4-5", "me", "ads", {0, 2, 1}}, Row{"claude-haiku-4-5-x", "me", "ads", {}},
                         Row{"claude-haiku-4-5", "me", "", {}}, Row{"", "me", "ops", {0, 0, 0}}}) {
    const Chain* chain = routes.find(row.model, row.client, row.team);
    ASSERT_EQ(chain != nullptr, !row.ranks.empty()) << row.model << " " << row.client << " " << row.team;
    if (chain == nullptr) continue;
    const char* names[] = {"near", "far", "spare"};
    for (size_t i = 0; i < 3; ++i) {
      const int want = row.ranks[i] < 0 ? Chain::kNotIn : row.ranks[i];
      EXPECT_EQ(chain->rank[routes.group_of(names[i])], want) << row.model << " " << names[i];
    }
  }
  EXPECT_EQ(routes.find("claude-opus-4-8", "", "")->fallback_models, std::vector<std::string>{"claude-sonnet-5-5"});
  EXPECT_EQ(routes.find("claude-opus-4-8", "", "")->length, 2);
  EXPECT_EQ(routes.find("", "", "ops")->length, 1);
}

TEST(Routes, without_any_no_call_has_a_chain) {
  Config given = config();
  given.routes.clear();
  const Routes routes(given);
  EXPECT_FALSE(routes.any());
  EXPECT_EQ(routes.find("claude-opus-4-8", "me", ""), nullptr);
}

}  // namespace
}  // namespace baton::accounts
