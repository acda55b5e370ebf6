#include "store/journal.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

namespace baton::store {
namespace {

using Found = std::vector<std::pair<int, std::string>>;

class JournalTest : public testing::Test {
 protected:
  JournalTest() {
    std::string pattern = testing::TempDir() + "journal_test_XXXXXX";
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  ~JournalTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Journal> open() {
    auto journal = Journal::open(folder_);
    EXPECT_TRUE(journal) << journal.error().detail;
    return std::move(*journal);
  }
  Found found() {
    Found out;
    auto files = Journal::read(
        folder_, [&](Journal::Kind kind, std::string_view bytes) { out.emplace_back(kind, bytes); },
        Journal::Which::kAll);
    EXPECT_TRUE(files);
    return out;
  }
  size_t files() { return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder_), {})); }

  std::string folder_;
};

TEST_F(JournalTest, WhatIsKeptIsFoundAndNothingElse) {
  auto journal = open();
  Journal::Writer writer(*journal);
  const auto first = writer.append(1, "an intent");
  ASSERT_TRUE(first);
  const auto empty = writer.append(2, "");
  EXPECT_EQ(found(), (Found{{1, "an intent"}, {2, ""}}));
}

TEST_F(JournalTest, AnEndInOrderLeavesNoFile) {
  {
    auto journal = open();
    Journal::Writer writer(*journal);
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(writer.append(1, std::string(60'000, 'x')));
    EXPECT_GT(files(), 0u);
  }
  EXPECT_EQ(files(), 0u);
}

TEST_F(JournalTest, SegmentsOfWhichNothingIsKeptAreUsedAgain) {
  auto journal = open();
  Journal::Writer writer(*journal);
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(writer.append(1, std::string(50'000, 'x')));
  EXPECT_LE(journal->bytes(), 3 * Journal::kSegmentBytes);
  // One record keeps its whole segment, and it alone.
  const Journal::Keep kept = *writer.append(7, "kept");
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(writer.append(1, std::string(50'000, 'y')));
  EXPECT_LE(journal->bytes(), 4 * Journal::kSegmentBytes);
  size_t times = 0;
  for (const auto& [kind, bytes] : found()) times += kind == 7 && bytes == "kept";
  EXPECT_EQ(times, 1u);
}

TEST_F(JournalTest, WhatAnEarlierUseLeftBehindIsNoRecord) {
  auto journal = open();
  std::vector<Journal::Keep> keeps;
  {
    Journal::Writer old(*journal);
    for (int i = 0; i < 10; ++i) keeps.push_back(*old.append(1, "old"));
  }
  keeps.clear();
  EXPECT_TRUE(found().empty());
  Journal::Writer writer(*journal);
  const auto keep = writer.append(2, "new");
  EXPECT_EQ(found(), (Found{{2, "new"}}));
}

TEST_F(JournalTest, HalfARecordIsLeftOut) {
  std::vector<Journal::Keep> keeps;
  std::string path;
  {
    auto journal = open();
    Journal::Writer writer(*journal);
    for (const char* text : {"one", "two", "three"}) keeps.push_back(*writer.append(1, text));
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) path = entry.path();
    std::ifstream in(path, std::ios::binary);
    const std::string whole((std::istreambuf_iterator<char>(in)), {});
    const size_t last = whole.find("three");
    ASSERT_NE(last, std::string::npos);
    for (const size_t broken : {last, last + 4, last - 1, last - 5, last - 9}) {
      std::string half = whole;
      half[broken] = static_cast<char>(half[broken] ^ 1);
      std::ofstream(folder_ + "/journal-1-1-00000001", std::ios::binary) << half;
      const Found all = found();
      ASSERT_EQ(all.size(), 5u) << broken;
      EXPECT_EQ(all[1].second, "two");
    }
    std::ofstream(folder_ + "/journal-1-1-00000001", std::ios::binary) << whole.substr(0, last + 2);
    EXPECT_EQ(found().size(), 5u);
    for (const char* other : {"", "BATONJ", "some other file that is no journal"}) {
      std::ofstream(folder_ + "/journal-1-1-00000001", std::ios::binary) << other;
      EXPECT_EQ(found().size(), 3u);
    }
    keeps.clear();
  }
}

TEST_F(JournalTest, FilesOfALivingProcessAreLeftAlone) {
  auto journal = open();
  Journal::Writer writer(*journal);
  const auto keep = writer.append(1, "mine");
  auto left = Journal::read(folder_, [](auto, auto) { ADD_FAILURE(); });
  ASSERT_TRUE(left);
  EXPECT_TRUE(left->empty());
}

TEST_F(JournalTest, WhatWasAbandonedStays) {
  {
    auto journal = open();
    Journal::Writer writer(*journal);
    const auto keep = writer.append(1, "not written elsewhere");
    journal->abandon();
  }
  EXPECT_EQ(found(), (Found{{1, "not written elsewhere"}}));
  auto left = Journal::read(folder_, [](auto, auto) {});
  ASSERT_TRUE(left);
  EXPECT_EQ(left->size(), 1u);
  Journal::remove(*left);
  EXPECT_EQ(files(), 0u);
}

TEST_F(JournalTest, FilesThatAreTakenOverGoWithTheLastOfThemAndStayWhenTheJournalIsAbandoned) {
  const auto leave = [this] {
    auto journal = open();
    Journal::Writer writer(*journal);
    const auto keep = writer.append(1, "left");
    journal->abandon();
  };
  // As of another process: names hold the second and the process.
  const auto age = [this] {
    for (const auto& entry : std::filesystem::directory_iterator(folder_))
      std::filesystem::rename(entry.path(), folder_ + "/journal-1-1-00000001");
  };
  leave();
  age();
  {
    auto journal = open();
    auto left = Journal::read(folder_, [](auto, auto) {});
    ASSERT_TRUE(left);
    Journal::Keep keep = journal->adopt(*left);
    Journal::Keep another = keep;
    keep.reset();
    EXPECT_EQ(found(), (Found{{1, "left"}}));
    another.reset();
    EXPECT_EQ(found(), Found{});
  }
  std::filesystem::remove_all(folder_);
  std::filesystem::create_directory(folder_);
  leave();
  age();
  {
    auto journal = open();
    auto left = Journal::read(folder_, [](auto, auto) {});
    ASSERT_TRUE(left);
    const Journal::Keep keep = journal->adopt(*left);
    journal->abandon();
  }
  EXPECT_EQ(found(), (Found{{1, "left"}}));
}

TEST_F(JournalTest, AFolderThatCannotBeWrittenIsSaid) {
  auto journal = Journal::open(folder_ + "/none/below");
  ASSERT_FALSE(journal);
  EXPECT_EQ(journal.error().code, ErrorCode::kStore);
}

}  // namespace
}  // namespace baton::store
