// Every .flow file of this folder is a test.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/transcripts/flow.h"

namespace baton::transcripts {
namespace {

const std::filesystem::path kFolder = std::filesystem::path(BATON_SOURCE_DIR) / "tests/transcripts";

std::vector<std::string> flows() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".flow") names.push_back(entry.path().stem());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class Transcript : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Flow, Transcript, testing::ValuesIn(flows()), [](const auto& name) { return name.param; });

TEST_P(Transcript, happens_as_written) {
  const std::string file = GetParam() + ".flow";
  std::ifstream in(kFolder / file, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  auto flow = parse(text);
  ASSERT_TRUE(flow) << file << ":" << flow.error();
  run(*flow, file);
}

TEST(TranscriptGrammar, what_is_not_understood_is_named_with_its_line) {
  struct Row {
    const char* name;
    const char* text;
    const char* want;
  };
  const Row rows[] = {
      {"no accounts", "seed 1\nwant ledger = 1\n", "1: no accounts"},
      {"nothing wanted", "accounts a\n", "1: nothing is wanted"},
      {"an unknown word", "accounts a\n0 client > POST /v1/messages strem=true\n", "2: a request has no strem=true"},
      {"an unknown account", "accounts a\n+1 up(b) < 200\n", "2: no account b"},
      {"an unknown event", "accounts a\n+1 up(a) < 200 sse message_strat\n", "2: a stream has no message_strat"},
      {"no time", "accounts a\nx client > GET /\n", "2: not a time: x"},
      {"an unknown setting", "accounts a\nset colour 1\n", "2: nothing is called colour"},
      {"nobody", "accounts a\n0 nobody > x\n", "2: neither `TIME client > …` nor `+TIME up(account) < …`"},
  };
  for (const Row& row : rows) {
    auto flow = parse(row.text);
    ASSERT_FALSE(flow) << row.name;
    EXPECT_EQ(flow.error(), row.want) << row.name;
  }
}

}  // namespace
}  // namespace baton::transcripts
