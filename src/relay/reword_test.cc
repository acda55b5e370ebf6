#include "relay/reword.h"

#include <gtest/gtest.h>

#include "http/json.h"

namespace baton::relay {
namespace {

std::string padded(std::string text) {
  text.reserve(text.size() + http::kJsonPadding);
  return text;
}

TEST(Reword, only_the_models_name_changes) {
  struct Row {
    const char* name;
    const char* body;
    const char* want;  // null: there is nothing to reword
  };
  for (const Row& row : {
           Row{"first", R"({"model":"a","x":1})", R"({"model":"other","x":1})"},
           Row{"last, odd blanks", "{ \"x\" : [1 ,2],\r\n\"model\"  :  \"claude-opus-4-8\" }\n",
               "{ \"x\" : [1 ,2],\r\n\"model\"  :  \"other\" }\n"},
           Row{"escaped", R"({"mod\u0065l":"cl\u0061ude","x":"model"})", R"({"mod\u0065l":"other","x":"model"})"},
           Row{"nested ones stay", R"({"a":{"model":"b"},"model":"c","d":[{"model":"e"}]})",
               R"({"a":{"model":"b"},"model":"other","d":[{"model":"e"}]})"},
           Row{"none", R"({"x":{"model":"b"}})", nullptr},
           Row{"no object", R"(["model"])", nullptr},
       }) {
    ByteBudget budget(1 * kMiB);
    const std::string body = padded(row.body);
    {
      auto wording = reword(budget, body, http::Coding::kIdentity, 1 * kMiB, "other");
      ASSERT_EQ(wording.has_value(), row.want != nullptr) << row.name;
      if (!wording) continue;
      EXPECT_EQ(wording->body, row.want) << row.name;
      EXPECT_EQ(budget.taken(), wording->body.size());
    }
    EXPECT_EQ(budget.taken(), 0u);
  }
}

TEST(Reword, without_room_nothing_is_reworded) {
  ByteBudget budget(10);
  const std::string body = padded(R"({"model":"claude-opus-4-8"})");
  EXPECT_FALSE(reword(budget, body, http::Coding::kIdentity, 1 * kMiB, "other"));
  EXPECT_EQ(budget.taken(), 0u);
}

TEST(Reword, what_is_no_gzip_is_not_reworded) {
  ByteBudget budget(1 * kMiB);
  const std::string body = padded(R"({"model":"claude-opus-4-8"})");
  EXPECT_FALSE(reword(budget, body, http::Coding::kGzip, 1 * kMiB, "other"));
}

}  // namespace
}  // namespace baton::relay
