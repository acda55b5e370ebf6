#include "auth/right_rules.h"

#include <gtest/gtest.h>

#include <string>

namespace baton::auth {
namespace {

TEST(RightRules, words_are_taken_or_refused) {
  const std::string long_name(64, 'a');
  const struct {
    bool (*rule)(std::string_view);
    std::string text;
    bool want;
  } rows[] = {
      {is_key_name, "web-ci_1.a", true},
      {is_key_name, long_name, true},
      {is_key_name, long_name + "a", false},
      {is_key_name, "", false},
      {is_key_name, "a b", false},
      {is_key_name, "a/b", false},
      {is_model_pattern, "claude-*", true},
      {is_model_pattern, "*", true},
      {is_model_pattern, "claude-*-4", false},
      {is_model_pattern, "a,b", false},
      {is_model_pattern, "", false},
      {is_model_pattern, "a b", false},
      {is_account_pattern, "org-*", true},
      {is_account_pattern, "org", true},
      {is_account_pattern, "*", false},
      {is_account_pattern, "a,b", false},
      {is_endpoint, "messages", true},
      {is_endpoint, "mesages", false},
      {is_address_block, "10.0.0.0/8", true},
      {is_address_block, "::1", true},
      {is_address_block, "10.0.0.0/99", false},
      {is_address_block, "host", false},
  };
  for (const auto& row : rows) EXPECT_EQ(row.rule(row.text), row.want) << row.text;
}

}  // namespace
}  // namespace baton::auth
