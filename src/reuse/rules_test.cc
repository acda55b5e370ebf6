#include "reuse/rules.h"

#include <gtest/gtest.h>

namespace baton::reuse {
namespace {

http::RequestHead head_of(const std::string& fields, std::string& bytes) {
  bytes = "POST /v1/messages HTTP/1.1\r\nhost: x\r\n" + fields + "\r\n";
  http::RequestHead head;
  http::HeadError error;
  size_t scanned = 0;
  EXPECT_EQ(http::parse_request(bytes, scanned, {}, head, error), http::ParseStatus::kDone) << fields;
  return head;
}

TEST(Rules, say_what_may_be_reused) {
  using std::chrono::seconds;
  struct Row {
    std::string_view name, fields;
    bool temperature_zero, look, keep;
    Duration age_max = Duration::max();
  };
  const std::string_view kV = "anthropic-version: 2023-06-01\r\n";
  const Row kTable[] = {
      {"nothing by default", kV, false, false, false},
      {"temperature 0", kV, true, true, true},
      {"temperature 0 of another version", "anthropic-version: 2027-01-01\r\n", true, false, false},
      {"temperature 0 without a version", "", true, false, false},
      {"on", "baton-cache: on\r\n", false, true, true},
      {"on in capitals", "Baton-Cache: ON\r\n", false, true, true},
      {"off beats temperature 0", "anthropic-version: 2023-06-01\r\nbaton-cache: off\r\n", true, false, false},
      {"refresh", "baton-cache: refresh\r\n", false, false, true},
      {"no-store", "baton-cache: on\r\ncache-control: no-store\r\n", false, false, false},
      {"no-cache", "baton-cache: on\r\ncache-control: no-cache\r\n", false, false, true},
      {"no-cache in a list", "baton-cache: on\r\nCache-Control: foo, NO-CACHE\r\n", false, false, true},
      {"in a second field", "baton-cache: on\r\ncache-control: foo\r\ncache-control: no-store\r\n", false, false,
       false},
      {"max-age", "baton-cache: on\r\ncache-control: max-age=7\r\n", false, true, true, seconds(7)},
      {"the smaller max-age", "baton-cache: on\r\ncache-control: max-age=7, max-age=3\r\n", false, true, true,
       seconds(3)},
      {"a max-age that is no number", "baton-cache: on\r\ncache-control: max-age=x\r\n", false, true, true, seconds(0)},
      {"a negative max-age", "baton-cache: on\r\ncache-control: max-age=-1\r\n", false, true, true, seconds(0)},
      {"an endless max-age", "baton-cache: on\r\ncache-control: max-age=99999999999999999999999\r\n", false, true,
       true},
      {"a very large max-age", "baton-cache: on\r\ncache-control: max-age=9223372036\r\n", false, true, true},
      {"cache-control alone allows nothing", "cache-control: max-age=7\r\n", false, false, false},
  };
  for (const Row& row : kTable) {
    std::string bytes;
    const auto rules = rules_of(head_of(std::string(row.fields), bytes), row.temperature_zero);
    ASSERT_TRUE(rules) << row.name;
    EXPECT_EQ(rules->look, row.look) << row.name;
    EXPECT_EQ(rules->keep, row.keep) << row.name;
    EXPECT_EQ(rules->age_max, row.age_max) << row.name;
  }
}

TEST(Rules, say_how_stale_an_answer_may_be) {
  using std::chrono::seconds;
  struct Row {
    std::string_view control;
    Duration max{0};
    std::optional<Duration> revalidate = {}, error = {};
  };
  const Row kTable[] = {
      {"max-age=5"},
      {"max-stale=60", seconds(60)},
      {"max-stale", Duration::max()},
      {"Max-Stale=60, STALE-IF-ERROR=9", seconds(60), {}, seconds(9)},
      {"stale-while-revalidate=30", seconds(0), seconds(30)},
      {"stale-while-revalidate=0", seconds(0), seconds(0)},
      {"stale-if-error=999999999999999999999", seconds(0), {}, Duration::max()},
      {"stale-if-error=x, stale-while-revalidate=-1, max-stale=", seconds(0), seconds(0), seconds(0)},
      {"stale-if-error, stale-while-revalidated=7, max-stales=3"},
  };
  for (const Row& row : kTable) {
    std::string bytes;
    const auto rules =
        rules_of(head_of("baton-cache: on\r\ncache-control: " + std::string(row.control) + "\r\n", bytes), false);
    ASSERT_TRUE(rules) << row.control;
    EXPECT_EQ(rules->stale_max, row.max) << row.control;
    EXPECT_EQ(rules->stale_while_revalidate, row.revalidate) << row.control;
    EXPECT_EQ(rules->stale_if_error, row.error) << row.control;
  }
}

TEST(Rules, another_answer_will_do_only_where_that_was_said) {
  struct Row {
    std::string_view fields;
    bool temperature_zero, on_by_default, similar;
  };
  const Row kTable[] = {
      {"baton-cache: on\r\n", false, false, true},
      {"baton-cache: exact\r\n", false, false, false},
      {"baton-cache: exact\r\n", false, true, false},
      {"", false, true, true},
      {"anthropic-version: 2023-06-01\r\n", true, false, false},
      {"baton-cache: off\r\n", false, true, false},
  };
  for (const Row& row : kTable) {
    std::string bytes;
    const auto rules = rules_of(head_of(std::string(row.fields), bytes), row.temperature_zero, row.on_by_default);
    ASSERT_TRUE(rules) << row.fields;
    EXPECT_EQ(rules->similar, row.similar) << row.fields;
  }
}

TEST(Rules, a_wish_that_cannot_be_understood_is_refused) {
  for (std::string_view fields : {"baton-cache: yes\r\n", "baton-cache: \r\n", "baton-cache: on\r\nbaton-cache: on\r\n",
                                  "baton-cache: on, off\r\n"}) {
    std::string bytes;
    const auto rules = rules_of(head_of(std::string(fields), bytes), true);
    ASSERT_FALSE(rules) << fields;
    EXPECT_EQ(rules.error().code, ErrorCode::kBadRequest);
  }
}

TEST(Rules, the_first_that_fits_says_how_stale_answers_may_be) {
  using namespace std::chrono_literals;
  Config config;
  config.stale = {.while_revalidate = 1s, .if_error = 2s};
  config.stale_rules = {{.models = {"claude-haiku*"}, .clients = {"faq"}, .stale = {.while_revalidate = 3s}},
                        {.teams = {"web"}, .stale = {.if_error = 4s}}};
  const struct {
    std::string_view model, client, team;
    StaleAllowed want;
  } rows[] = {
      {"claude-haiku-5", "faq", "web", {.while_revalidate = 3s}},
      {"claude-opus-5", "faq", "web", {.if_error = 4s}},
      {"claude-haiku-5", "ci", "", {.while_revalidate = 1s, .if_error = 2s}},
  };
  for (const auto& row : rows) EXPECT_EQ(stale_allowed(config, row.model, row.client, row.team), row.want) << row.model;
}

}  // namespace
}  // namespace baton::reuse
