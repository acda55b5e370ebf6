#include "admin/audit_log.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace baton::admin {
namespace {

class AuditLogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "baton-audit-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    log_.emplace(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void append(std::string_view target) {
    auto done =
        log_->append({.who = "chief", .role = "operate", .action = "accounts.drain", .target = target, .outcome = "ok"},
                     WallTime{std::chrono::milliseconds(1'800'000'000'123)});
    ASSERT_TRUE(done) << done.error().detail;
  }
  std::string read() const {
    std::ifstream in(log_->path());
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void write(const std::string& text) const { std::ofstream(log_->path(), std::ios::trunc) << text; }
  AuditState verify() const {
    auto state = log_->verify();
    EXPECT_TRUE(state);
    return state.value_or(AuditState{});
  }

  std::string folder_;
  std::optional<AuditLog> log_;
};

TEST_F(AuditLogTest, EntriesFollowOneAnother) {
  EXPECT_TRUE(verify().whole());
  EXPECT_EQ(verify().entries, 0u);
  for (const char* target : {"a", "b \"quoted\"\n", "c"}) append(target);
  const AuditState state = verify();
  EXPECT_TRUE(state.whole()) << state.why;
  EXPECT_EQ(state.entries, 3u);
  const std::string text = read();
  EXPECT_TRUE(text.starts_with(R"({"seq":1,"time":"2027-01-15T08:00:00.123Z","who":"chief","role":"operate",)"
                               R"("action":"accounts.drain","target":"a","outcome":"ok","previous":"0000)"))
      << text;
  EXPECT_TRUE(text.ends_with("\"hash\":\"" + state.last_hash + "\"}\n"));
  struct stat facts{};
  ASSERT_EQ(::stat(log_->path().c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
}

TEST_F(AuditLogTest, EveryChangeOfAnyByteIsFound) {
  for (const char* target : {"a", "b", "c"}) append(target);
  const std::string text = read();
  for (size_t at = 0; at < text.size(); ++at) {
    std::string changed = text;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    write(changed);
    const AuditState state = verify();
    // The last line break only ends the last entry: without it that entry was never acknowledged.
    if (at + 1 == text.size()) {
      EXPECT_EQ(state.entries, 2u);
    } else {
      EXPECT_FALSE(state.whole()) << at;
    }
  }
}

TEST_F(AuditLogTest, TakingOutPuttingInAndSwappingAreFound) {
  for (const char* target : {"a", "b", "c"}) append(target);
  const std::string text = read();
  const size_t first = text.find('\n') + 1;
  const size_t second = text.find('\n', first) + 1;
  const std::string one = text.substr(0, first), two = text.substr(first, second - first), three = text.substr(second);
  struct {
    const char* name;
    std::string text;
    uint64_t wrong_line;
  } const cases[] = {
      {"taken out at the front", two + three, 1}, {"taken out in the middle", one + three, 2},
      {"twice", one + two + two + three, 3},      {"swapped", two + one + three, 1},
      {"a blank line", one + "\n" + two, 2},      {"something else behind it", text + "{}\n", 4},
  };
  for (const auto& c : cases) {
    write(c.text);
    const AuditState state = verify();
    EXPECT_EQ(state.wrong_line, c.wrong_line) << c.name << ": " << state.why;
  }
}

TEST_F(AuditLogTest, WhatWasCutOffAtTheEndIsMissedForGood) {
  for (const char* target : {"a", "b", "c"}) append(target);
  const std::string text = read();
  const size_t first = text.find('\n') + 1;
  const size_t second = text.find('\n', first) + 1;
  write(text.substr(0, second));
  EXPECT_FALSE(verify().whole());
  EXPECT_EQ(verify().missing, 1u);
  EXPECT_EQ(verify().entries, 2u);
  write(text.substr(0, first));
  EXPECT_EQ(verify().missing, 2u);
  std::filesystem::remove(log_->path());
  EXPECT_EQ(verify().missing, 3u);
  // Nor does it go on as if nothing were missing.
  write(text.substr(0, first));
  append("d");
  EXPECT_EQ(verify().wrong_line, 2u);
  EXPECT_EQ(verify().why, "has the number 4 instead of 2");
}

TEST_F(AuditLogTest, AnEndThatWasWrittenAnewIsFound) {
  append("a");
  append("b");
  const std::string text = read();
  // The same number of entries that follow one another, the last of them another one.
  AuditLog other(folder_ + "/other");
  std::filesystem::create_directories(folder_ + "/other");
  std::ofstream(other.path()) << text.substr(0, text.find('\n') + 1);
  ASSERT_TRUE(other.append({.who = "nobody"}, {}));
  std::ifstream in(other.path());
  write({std::istreambuf_iterator<char>(in), {}});
  EXPECT_EQ(other.verify()->entries, 2u);
  EXPECT_TRUE(other.verify()->whole());
  EXPECT_TRUE(verify().replaced);
  EXPECT_FALSE(verify().whole());
}

TEST_F(AuditLogTest, AnEntryThatACrashCutShortGivesWayToTheNext) {
  append("a");
  const std::string head = folder_ + "/audit.db", before = folder_ + "/before";
  std::filesystem::copy_file(head, before);
  append("b");
  const std::string text = read();
  for (size_t cut = text.find('\n') + 1; cut < text.size(); cut += 17) {
    write(text.substr(0, cut));
    std::filesystem::copy_file(before, head, std::filesystem::copy_options::overwrite_existing);
    append("again");
    EXPECT_TRUE(verify().whole()) << cut;
    EXPECT_EQ(verify().entries, 2u) << cut;
  }
}

TEST_F(AuditLogTest, GoesOnBehindWhatIsBroken) {
  write("not an entry\n");
  append("a");
  EXPECT_EQ(verify().wrong_line, 1u);
  EXPECT_EQ(log_->latest(10)->size(), 1u);
}

TEST_F(AuditLogTest, TheLatestComeFirst) {
  EXPECT_TRUE(log_->latest(5)->empty());
  for (int i = 0; i < 30; ++i) append(std::to_string(i));
  const auto latest = log_->latest(2);
  ASSERT_TRUE(latest);
  ASSERT_EQ(latest->size(), 2u);
  EXPECT_NE((*latest)[0].find("\"seq\":30,"), std::string::npos);
  EXPECT_NE((*latest)[1].find("\"seq\":29,"), std::string::npos);
  EXPECT_EQ(log_->latest(1000)->size(), 30u);
}

TEST_F(AuditLogTest, TextsAreBounded) {
  append(std::string(100'000, 'x'));
  EXPECT_LT(read().size(), kEntryBytesMax);
  EXPECT_TRUE(verify().whole());
}

TEST_F(AuditLogTest, AFileThatCannotBeWrittenIsSaid) {
  AuditLog nowhere(folder_ + "/missing");
  auto done = nowhere.append({}, {});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, ErrorCode::kStore);
}

}  // namespace
}  // namespace baton::admin
