#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "config/settings.h"
#include "config/table.h"

namespace baton::config {
namespace {

std::string committed(const std::string& name) {
  std::ifstream in(std::string(BATON_SOURCE_DIR) + "/docs/" + name);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(Document, TheCommittedPagesAreTheGeneratedOnes) {
  EXPECT_EQ(committed("config.md"), document()) << "run: baton docs config > docs/config.md";
  EXPECT_EQ(committed("limits.md"), limits()) << "run: baton docs limits > docs/limits.md";
}

template <class T>
void expect_rows(const std::string& page, std::span<const Setting<T>> rows) {
  for (const Setting<T>& row : rows)
    EXPECT_NE(page.find("| `" + std::string(row.key) + "` |"), std::string::npos) << row.key;
}

TEST(Document, EverySettingIsInIt) {
  const std::string page = document();
  expect_rows(page, settings_table());
  expect_rows(page, listen_table());
  expect_rows(page, client_table());
  expect_rows(page, account_table());
  expect_rows(page, price_table());
  expect_rows(page, budget_table());
  expect_rows(page, org_table());
  expect_rows(page, org_key_table());
}

TEST(Document, DefaultsAndRangesAreTheCodesOwn) {
  const std::string page = document();
  EXPECT_NE(page.find("| `upstream.idle_read_timeout` | duration | 15m | 100ms to 24h |"), std::string::npos);
  EXPECT_NE(page.find("| `stream.buffer_bytes_max` | size | 256KiB |"), std::string::npos);
  EXPECT_NE(page.find("| `base_url` | text | https://api.anthropic.com |"), std::string::npos);
  EXPECT_NE(limits().find("| Body of a new batch, streamed | 256MiB | 413 |"), std::string::npos);
}

}  // namespace
}  // namespace baton::config
