#include "relay/objects.h"

#include <gtest/gtest.h>

namespace baton::relay {
namespace {

TEST(ResultsUrl, every_link_leads_back_to_the_relay_and_nothing_else_changes) {
  struct Row {
    const char* name;
    const char* json;
    const char* want;
  };
  const Row rows[] = {
      {"one batch", R"({"id":"b","results_url":"https://api.anthropic.com/v1/messages/batches/b/results"})",
       R"({"id":"b","results_url":"http://relay:1/v1/messages/batches/b/results"})"},
      {"none yet", R"({"id":"b","results_url":null})", R"({"id":"b","results_url":null})"},
      {"a list, with blanks", R"({"data":[{"results_url" : "https://x.example/v1/a"},{"results_url":
"https://x.example/v1/b"}]})",
       R"({"data":[{"results_url" : "http://relay:1/v1/a"},{"results_url":
"http://relay:1/v1/b"}]})"},
      {"a prefix before the path goes too", R"({"results_url":"https://x.example/proxy/v1/a"})",
       R"({"results_url":"http://relay:1/v1/a"})"},
      {"the word as a value", R"(["results_url","https://x.example/v1/a"])",
       R"(["results_url","https://x.example/v1/a"])"},
      {"the word inside a string", R"({"text":"\"results_url\":\"https://x.example/v1/a\""})",
       R"({"text":"\"results_url\":\"https://x.example/v1/a\""})"},
      {"not a link of the API", R"({"results_url":"https://x.example/elsewhere"})",
       R"({"results_url":"https://x.example/elsewhere"})"},
      {"cut off", R"({"results_url":"https://x.example/v1)", R"({"results_url":"https://x.example/v1)"},
      {"empty", "", ""},
  };
  for (const Row& row : rows) EXPECT_EQ(with_results_url(row.json, "http://relay:1"), row.want) << row.name;
}

}  // namespace
}  // namespace baton::relay
