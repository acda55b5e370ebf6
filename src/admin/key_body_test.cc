#include "admin/key_body.h"

#include <gtest/gtest.h>

namespace baton::admin {
namespace {

using namespace std::chrono_literals;

const WallTime kNow{1'790'000'000'000ms};

TEST(KeyBody, everything_of_a_key_can_be_said_when_it_is_made) {
  const auto key = read_new_key(
      R"({"name":"ci","team":"web","ttl":"30d","tags":"env=ci","signing":"legacy","budget":{"day":"0.5","month":"20",
      "reserve":"cap:0.1"},"rights":{"models":["claude-*"],"endpoints":["messages"],"accounts":["org-*"],
      "groups":["near"],"addresses":["10.0.0.0/8"],"requests_per_minute":60,"tokens_per_minute":5000000000,
      "concurrency":4,"cache":"off","priority":"high"}})",
      kNow);
  ASSERT_TRUE(key) << key.error().detail;
  EXPECT_EQ(key->name, "ci");
  EXPECT_EQ(key->team, "web");
  EXPECT_EQ(key->tags, "env=ci");
  EXPECT_EQ(key->signing, auth::Signing::kLegacy);
  EXPECT_EQ(key->expires, kNow + 720h);
  EXPECT_EQ(key->rights, (auth::Rights{.models = {"claude-*"},
                                       .endpoints = {"messages"},
                                       .requests_per_minute = 60,
                                       .concurrency = 4,
                                       .budget = {.day_nanodollars = 500'000'000,
                                                  .month_nanodollars = 20'000'000'000,
                                                  .reserve = model::Reserve::kCap,
                                                  .cap_nanodollars = 100'000'000},
                                       .tokens_per_minute = 5'000'000'000,
                                       .accounts = {"org-*"},
                                       .groups = {"near"},
                                       .addresses = {"10.0.0.0/8"},
                                       .cache = auth::CachePolicy::kOff,
                                       .priority = auth::Priority::kHigh}));
}

TEST(KeyBody, an_edit_changes_what_it_names_and_nothing_else) {
  const auth::StoredKey before{.name = "ci",
                               .team = "web",
                               .tags = "t",
                               .rights = {.models = {"claude-*"},
                                          .requests_per_minute = 60,
                                          .budget = {.day_nanodollars = 5},
                                          .groups = {"near"},
                                          .priority = auth::Priority::kLow},
                               .expires = kNow};
  const auto edited = [&](std::string_view body) {
    auth::StoredKey key = before;
    const auto edit = read_key_edit(body, kNow);
    EXPECT_TRUE(edit) << body << edit.error().detail;
    if (edit) (*edit)(key);
    return key;
  };
  auth::StoredKey want = before;
  const auto expect = [&](std::string_view body) {
    const auth::StoredKey got = edited(body);
    EXPECT_EQ(got.rights, want.rights) << body;
    EXPECT_EQ(std::tie(got.team, got.tags, got.expires), std::tie(want.team, want.tags, want.expires)) << body;
    want = before;
  };
  expect("{}");
  want.team = "ops";
  expect(R"({"team":"ops"})");
  want.team = "";
  want.tags = "";
  want.expires.reset();
  expect(R"({"team":null,"tags":null,"ttl":null})");
  want.rights.requests_per_minute = 0;
  want.rights.groups = {};
  want.rights.concurrency = 2;
  expect(R"({"rights":{"requests_per_minute":null,"groups":[],"concurrency":2}})");
  want.rights = {.budget = before.rights.budget};
  expect(R"({"rights":null})");
  want.rights.budget = {.month_nanodollars = 1'000'000'000, .reserve = model::Reserve::kStrict};
  expect(R"({"budget":{"month":"1","reserve":"strict"}})");
  want.rights.budget = {};
  expect(R"({"budget":null})");
}

TEST(KeyBody, slips_are_said) {
  struct {
    const char* body;
    const char* want;
  } const edits[] = {
      {R"({"name":"x"})", "no member \"name\""},
      {R"({"rights":{"model":["x"]}})", "no member \"model\""},
      {R"({"rights":[]})", "rights must be an object"},
      {R"({"rights":{"models":["a b"]}})", "A model is its id"},
      {R"({"rights":{"endpoints":["mesages"]}})", "Endpoints are messages"},
      {R"({"rights":{"accounts":["*"]}})", "An account is its name"},
      {R"({"rights":{"groups":["a/b"]}})", "A group of accounts"},
      {R"({"rights":{"addresses":["10.0.0.0/40"]}})", "Addresses are"},
      {R"({"rights":{"requests_per_minute":-1}})", "requests_per_minute is a number"},
      {R"({"rights":{"requests_per_minute":1000001}})", "requests_per_minute is a number"},
      {R"({"rights":{"tokens_per_minute":"5"}})", "tokens_per_minute must be a whole number"},
      {R"({"rights":{"cache":"never"}})", "cache is one of default, off, on."},
      {R"({"rights":{"priority":"urgent"}})", "priority is one of normal, low, high."},
      {R"({"team":"a b"})", "team is 1 to 64"},
      {R"({"tags":"a b"})", "Tags are"},
      {R"({"ttl":"30"})", "ttl is a time"},
      {R"({"budget":{}})", "budget has a day, a month or both"},
      {R"({"budget":{"day":"-5"}})", "day must be dollars"},
      {R"({"budget":{"day":5}})", "day must be a string"},
      {R"({"budget":{"reserve":"strict"}})", "budget has a day"},
      {R"({"budget":{"day":"5","reserve":"stric"}})", "reserve must be learned, strict or cap:"},
      {R"({"budget":{"week":"5"}})", "no member \"week\""},
      {"[]", ""},
  };
  for (const auto& c : edits) {
    const auto edit = read_key_edit(c.body, kNow);
    ASSERT_FALSE(edit) << c.body;
    EXPECT_EQ(edit.error().code, ErrorCode::kBadRequest) << c.body;
    EXPECT_NE(edit.error().detail.find(c.want), std::string::npos) << c.body << ": " << edit.error().detail;
  }
  for (const char* body : {R"({"name":""})", R"({})", R"({"name":"a","signing":"yes"})", R"({"name":"a/b"})"})
    EXPECT_FALSE(read_new_key(body, kNow)) << body;
  EXPECT_EQ(read_team_edit(R"({"budget":null})"), model::Budget{});
  EXPECT_EQ(read_team_edit(R"({"budget":{"day":"1"}})"), (model::Budget{.day_nanodollars = 1'000'000'000}));
  for (const char* body : {"{}", R"({"budget":{}})", R"({"day":"1"})"}) EXPECT_FALSE(read_team_edit(body)) << body;
}

}  // namespace
}  // namespace baton::admin
