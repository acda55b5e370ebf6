#include "dialect/call_labels.h"

#include <gtest/gtest.h>

namespace baton::dialect {
namespace {

struct Given {
  http::FieldId id;
  std::string_view name;
  std::string_view value;
};

http::RequestHead head_of(const std::vector<Given>& fields) {
  http::RequestHead head;
  for (const Given& field : fields) head.fields.push_back({.name = field.name, .value = field.value, .id = field.id});
  return head;
}

TEST(CallLabels, TagsOfTheRequestAndTheKeyAreSortedAndEachOnce) {
  using enum http::FieldId;
  struct {
    const char* name;
    std::vector<Given> fields;
    std::string_view key_tags;
    std::string want;  // or "(refused)"
  } const rows[] = {
      {"none", {}, "", ""},
      {"the key's alone", {}, "ci,team=web", "ci,team=web"},
      {"one", {{kBatonOther, "baton-tags", "search"}}, "", "search"},
      {"several, with blanks", {{kBatonOther, "baton-tags", " search , env=prod,search"}}, "", "env=prod,search"},
      {"two fields", {{kBatonOther, "baton-tags", "b"}, {kBatonOther, "Baton-Tags", "a"}}, "", "a,b"},
      {"with the key's", {{kBatonOther, "baton-tags", "b"}}, "a,b", "a,b"},
      {"an empty list", {{kBatonOther, "baton-tags", " , ,"}}, "", ""},
      {"another field of ours", {{kBatonOther, "baton-sim", "x y"}}, "", ""},
      {"a blank inside", {{kBatonOther, "baton-tags", "a b"}}, "", "(refused)"},
      {"a quote", {{kBatonOther, "baton-tags", "a\"b"}}, "", "(refused)"},
      {"two equals signs", {{kBatonOther, "baton-tags", "a=b=c"}}, "", "(refused)"},
      {"a value without a name", {{kBatonOther, "baton-tags", "=b"}}, "", "(refused)"},
      {"not ASCII", {{kBatonOther, "baton-tags", "\xc3\xa9"}}, "", "(refused)"},
      {"sixteen",
       {{kBatonOther, "baton-tags", "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p"}},
       "",
       "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p"},
      {"seventeen", {{kBatonOther, "baton-tags", "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p"}}, "q", "(refused)"},
  };
  for (const auto& row : rows) {
    const auto labels = read_labels(head_of(row.fields), row.key_tags);
    EXPECT_EQ(labels ? labels->tags : "(refused)", row.want) << row.name;
    if (!labels) EXPECT_EQ(labels.error().code, ErrorCode::kBadRequest) << row.name;
  }
  EXPECT_TRUE(is_tag(std::string(kTagBytesMax, 'a')));
  EXPECT_FALSE(is_tag(std::string(kTagBytesMax + 1, 'a')));
}

TEST(CallLabels, ClaudeCodesIdsAreTakenAsTheyComeAndCut) {
  using enum http::FieldId;
  const std::string longer(300, 'x');
  const auto labels = read_labels(head_of({{kOther, "x-claude-code-session-id", "s-1"},
                                           {kOther, "X-Claude-Code-Agent-Id", longer},
                                           {kOther, "x-claude-code-parent-agent-id", "p\x01q"},
                                           {kOther, "x-claude-code-else", "no"}}),
                                  "");
  ASSERT_TRUE(labels);
  EXPECT_EQ(labels->session_id, "s-1");
  EXPECT_EQ(labels->agent_id, longer.substr(0, kLabelBytesMax));
  EXPECT_EQ(labels->parent_agent_id, "p");
}

}  // namespace
}  // namespace baton::dialect
