#include "store/id_bindings.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "store/database.h"
#include "store/recent_bindings.h"

namespace baton::store {
namespace {

namespace fs = std::filesystem;
using std::chrono::hours;

constexpr Duration kRest = std::chrono::seconds(1);

class IdBindingsTest : public ::testing::Test {
 protected:
  IdBindingsTest() {
    folder_ = ::testing::TempDir() + "id_bindings_test_XXXXXX";
    EXPECT_NE(::mkdtemp(folder_.data()), nullptr);
    config_.folder = folder_ + "/state";
    config_.busy_timeout = std::chrono::milliseconds(1);
    EXPECT_EQ(::pipe2(said_.data(), O_CLOEXEC | O_NONBLOCK), 0);
    log_ = std::make_unique<metrics::Log>(clock_, said_[1]);
  }
  ~IdBindingsTest() override {
    fs::remove_all(folder_);
    ::close(said_[0]);
    ::close(said_[1]);
  }

  std::string file() const { return config_.folder + "/baton.db"; }
  std::unique_ptr<IdBindings> open() { return std::make_unique<IdBindings>(config_, clock_, *log_); }
  std::string said() {
    std::array<char, 8192> text;
    ssize_t got = ::read(said_[0], text.data(), text.size());
    return got > 0 ? std::string(text.data(), static_cast<size_t>(got)) : "";
  }
  // "?" when it is not known, "!" when the store failed.
  static std::string account(IdBindings& bindings, std::string_view id) {
    auto found = bindings.account_of(id);
    return !found ? "!" : found->value_or("?");
  }
  // The file as another process has it open. Its one migration has been applied, so the text does not matter.
  Database another_process() const {
    return std::move(Database::open({.path = file(), .busy_timeout = {}}, std::vector<Migration>(1)).value());
  }
  size_t rows() const {
    Database database = another_process();
    Statement count = std::move(database.prepare("SELECT count(*) FROM bindings").value());
    EXPECT_TRUE(count.step().value());
    return static_cast<size_t>(count.number(0));
  }
  size_t files_aside() const {
    size_t found = 0;
    for (const auto& entry : fs::directory_iterator(config_.folder)) {
      if (entry.path().string().find(".corrupt-") != std::string::npos) ++found;
    }
    return found;
  }

  std::string folder_;
  Config config_;
  runtime::VirtualClock clock_;
  std::array<int, 2> said_{};
  std::unique_ptr<metrics::Log> log_;
};

TEST_F(IdBindingsTest, AreRememberedAcrossARestart) {
  {
    auto bindings = open();
    EXPECT_TRUE(bindings->bind("msgbatch_1", "org-a", ObjectKind::kBatch).has_value());
    EXPECT_TRUE(bindings->bind("file_1", "org-b", ObjectKind::kFile).has_value());
    EXPECT_TRUE(bindings->bind("file_1", "org-c", ObjectKind::kFile).has_value());
    EXPECT_TRUE(bindings->bind("file_2", "org-c", ObjectKind::kFile).has_value());
    EXPECT_TRUE(bindings->forget("file_2").has_value());
    EXPECT_TRUE(bindings->forget("file_3").has_value());
    EXPECT_EQ(account(*bindings, "file_2"), "?");
  }
  auto bindings = open();
  EXPECT_EQ(account(*bindings, "msgbatch_1"), "org-a");
  EXPECT_EQ(account(*bindings, "file_1"), "org-c");
  EXPECT_EQ(account(*bindings, "file_2"), "?");
  EXPECT_EQ(account(*bindings, "MSGBATCH_1"), "?");
  EXPECT_EQ(bindings->trouble(), "");
  EXPECT_EQ(said(), "");
}

TEST_F(IdBindingsTest, SurviveAProcessThatIsKilled) {
  pid_t child = ::fork();
  if (child == 0) {
    IdBindings bindings(config_, clock_, *log_);
    bool bound = bindings.bind("msgbatch_1", "org-a", ObjectKind::kBatch).has_value();
    ::_exit(bound ? 7 : 1);  // no destructor runs
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  ASSERT_EQ(WEXITSTATUS(status), 7);
  EXPECT_EQ(account(*open(), "msgbatch_1"), "org-a");
}

TEST_F(IdBindingsTest, OddTextsAreRefusedAndHostileOnesStored) {
  auto bindings = open();
  std::string longest(IdBindings::kTextBytesMax, 'x');
  struct {
    const char* name;
    std::string id;
    std::string account;
    bool bound;
  } const cases[] = {
      {"empty id", "", "a", false},
      {"empty account", "x", "", false},
      {"too long an id", longest + "x", "a", false},
      {"the longest", longest, longest, true},
      {"SQL", "'; DELETE FROM bindings; --", "a", true},
      {"not UTF-8", "\xff\xfe", "a", true},
  };
  for (const auto& c : cases) {
    Expected<void> bound = bindings->bind(c.id, c.account, ObjectKind::kFile);
    EXPECT_EQ(bound.has_value(), c.bound) << c.name;
    if (!bound) EXPECT_EQ(bound.error().code, ErrorCode::kBadReply) << c.name;
  }
  bindings.reset();
  bindings = open();
  for (const auto& c : cases) EXPECT_EQ(account(*bindings, c.id), c.bound ? c.account : "?") << c.name;
}

TEST_F(IdBindingsTest, TheOldestGoBeyondTheBound) {
  config_.object_ids_max = 100;
  config_.object_ids_cached_max = 10;
  auto bindings = open();
  for (int i = 0; i < 250; ++i) {
    ASSERT_TRUE(bindings->bind("file_" + std::to_string(i), "a", ObjectKind::kFile).has_value());
    if (i % 50 == 0) ASSERT_TRUE(bindings->bind("file_0", "kept by use", ObjectKind::kFile).has_value());
  }
  EXPECT_EQ(account(*bindings, "file_150"), "?");
  EXPECT_EQ(account(*bindings, "file_152"), "a");
  EXPECT_EQ(account(*bindings, "file_249"), "a");
  EXPECT_EQ(account(*bindings, "file_0"), "kept by use");
  bindings.reset();
  EXPECT_EQ(rows(), 100u);
}

TEST_F(IdBindingsTest, WhatIsNotUsedForFortyDaysIsForgottenAndUseKeepsIt) {
  auto bindings = open();
  ASSERT_TRUE(bindings->bind("file_used", "a", ObjectKind::kFile).has_value());
  ASSERT_TRUE(bindings->bind("file_left", "a", ObjectKind::kFile).has_value());
  clock_.advance(hours(24 * 39));
  EXPECT_EQ(account(*bindings, "file_used"), "a");
  clock_.advance(hours(24 * 2));
  EXPECT_EQ(account(*bindings, "file_left"), "?") << "in memory";
  bindings.reset();
  bindings = open();
  EXPECT_EQ(account(*bindings, "file_used"), "a");
  EXPECT_EQ(account(*bindings, "file_left"), "?") << "in the file";
  bindings.reset();
  EXPECT_EQ(rows(), 1u);
}

TEST_F(IdBindingsTest, OldRowsGoALittleWithEverySave) {
  auto bindings = open();
  for (int i = 0; i < 12; ++i)
    ASSERT_TRUE(bindings->bind("old_" + std::to_string(i), "a", ObjectKind::kFile).has_value());
  clock_.advance(hours(24 * 41));
  for (int i = 0; i < 2; ++i)
    ASSERT_TRUE(bindings->bind("new_" + std::to_string(i), "a", ObjectKind::kFile).has_value());
  bindings.reset();
  EXPECT_EQ(rows(), 2u);
}

TEST_F(IdBindingsTest, ACorruptFileIsMovedAsideSaidAndReplaced) {
  struct {
    const char* name;
    void (*spoil)(const std::string&);
  } const cases[] = {
      {"not a database",
       [](const std::string& path) { std::ofstream(path, std::ios::trunc) << std::string(9000, 'x'); }},
      {"a page overwritten",
       [](const std::string& path) {
         std::fstream bytes(path, std::ios::in | std::ios::out | std::ios::binary);
         bytes.seekp(4096);
         bytes << std::string(4096 * 3, '\xa5');
       }},
      {"cut short", [](const std::string& path) { fs::resize_file(path, 5000); }},
  };
  for (const auto& c : cases) {
    fs::remove_all(config_.folder);
    {
      auto bindings = open();
      for (int i = 0; i < 200; ++i) {
        ASSERT_TRUE(bindings->bind("file_" + std::to_string(i), "org-a", ObjectKind::kFile).has_value());
      }
    }
    c.spoil(file());
    auto bindings = open();
    EXPECT_EQ(files_aside(), 1u) << c.name;
    std::string line = said();
    EXPECT_NE(line.find("baton: store: " + file() + " is corrupt"), std::string::npos) << c.name << ": " << line;
    EXPECT_EQ(account(*bindings, "file_1"), "?") << c.name;
    EXPECT_TRUE(bindings->bind("file_new", "org-b", ObjectKind::kFile).has_value()) << c.name;
    EXPECT_EQ(bindings->trouble(), "") << c.name;
    EXPECT_EQ(account(*open(), "file_new"), "org-b") << c.name;
    clock_.advance(metrics::Log::kTopicPause);
  }
}

TEST_F(IdBindingsTest, AFileThatBecomesCorruptWhileOpenIsReplacedAndWhatIsInMemoryIsKept) {
  config_.object_ids_cached_max = 1;
  auto bindings = open();
  for (int i = 0; i < 400; ++i) {
    ASSERT_TRUE(bindings->bind("file_" + std::to_string(i), "org-a", ObjectKind::kFile).has_value());
  }
  bindings.reset();  // the write-ahead log is now in the file
  bindings = open();
  EXPECT_EQ(account(*bindings, "file_399"), "org-a");
  {
    // Another process writes, so that what this one has read before has to be read again.
    Database other = another_process();
    ASSERT_TRUE(other.execute("UPDATE bindings SET account = 'org-x' WHERE object_id = 'file_300'").has_value());
  }
  {
    std::fstream bytes(file(), std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekp(0, std::ios::end);
    auto size = static_cast<size_t>(bytes.tellp());
    ASSERT_GT(size, 5 * 4096u);
    bytes.seekp(3 * 4096);
    bytes << std::string(size - 3 * 4096, '\xa5');
  }
  EXPECT_EQ(account(*bindings, "file_7"), "?");
  EXPECT_EQ(files_aside(), 1u);
  EXPECT_EQ(account(*bindings, "file_399"), "org-a");
  EXPECT_TRUE(bindings->bind("file_new", "org-b", ObjectKind::kFile).has_value());
  bindings.reset();
  bindings = open();
  EXPECT_EQ(account(*bindings, "file_399"), "org-a") << "saved again from memory";
  EXPECT_EQ(account(*bindings, "file_new"), "org-b");
}

TEST_F(IdBindingsTest, AStoreThatCannotBeOpenedKeepsBindingsInMemoryAndSavesThemWhenItCan) {
  std::ofstream(config_.folder) << "a file where the folder should be";
  auto bindings = open();
  EXPECT_NE(bindings->trouble().find("Not a directory"), std::string::npos) << bindings->trouble();
  EXPECT_NE(said().find("kept in memory"), std::string::npos);
  Expected<void> bound = bindings->bind("file_1", "org-a", ObjectKind::kFile);
  ASSERT_FALSE(bound.has_value());
  EXPECT_EQ(bound.error().code, ErrorCode::kStore);
  EXPECT_EQ(bound.error().retry, Retry::kLater);
  EXPECT_EQ(account(*bindings, "file_1"), "org-a");
  EXPECT_EQ(account(*bindings, "file_2"), "!");

  fs::remove(config_.folder);
  EXPECT_EQ(account(*bindings, "file_2"), "!") << "it rests";
  clock_.advance(kRest);
  EXPECT_EQ(account(*bindings, "file_2"), "?");
  EXPECT_EQ(bindings->trouble(), "");
  EXPECT_EQ(account(*open(), "file_1"), "org-a") << "saved by the look-up";
  EXPECT_NE(said().find("works again"), std::string::npos);
}

TEST_F(IdBindingsTest, AFullDiskIsAnErrorAndRecoversWhenThereIsSpace) {
  ::signal(SIGXFSZ, SIG_IGN);
  auto bindings = open();
  ASSERT_TRUE(bindings->bind("file_1", "org-a", ObjectKind::kFile).has_value());
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit full = before;
  full.rlim_cur = 1;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
  Expected<void> bound = bindings->bind("file_2", "org-b", ObjectKind::kFile);
  Expected<void> again = bindings->bind("file_3", "org-b", ObjectKind::kFile);
  std::string trouble = bindings->trouble();
  clock_.advance(kRest);
  std::string known = account(*bindings, "file_1") + account(*bindings, "file_2") + account(*bindings, "file_3");
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ::signal(SIGXFSZ, SIG_DFL);

  ASSERT_FALSE(bound.has_value());
  EXPECT_EQ(bound.error().code, ErrorCode::kStore);
  EXPECT_FALSE(again.has_value());
  EXPECT_NE(trouble, "");
  EXPECT_EQ(known, "org-aorg-borg-b");
  EXPECT_NE(bindings->trouble(), "") << "not well before all is saved";
  clock_.advance(kRest);
  EXPECT_TRUE(bindings->bind("file_4", "org-b", ObjectKind::kFile).has_value());
  EXPECT_EQ(bindings->trouble(), "");
  bindings.reset();
  bindings = open();
  for (const char* id : {"file_2", "file_3", "file_4"}) EXPECT_EQ(account(*bindings, id), "org-b") << id;
}

// Root may write anywhere, so a child gives its rights up first.
TEST_F(IdBindingsTest, AReadOnlyFileIsAnErrorNotACrash) {
  {
    EXPECT_TRUE(open()->bind("file_1", "org-a", ObjectKind::kFile).has_value());
  }
  fs::permissions(folder_, fs::perms(0755));
  fs::permissions(config_.folder, fs::perms(0555));
  fs::permissions(file(), fs::perms(0444));
  pid_t child = ::fork();
  if (child == 0) {
    if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(2);
    IdBindings bindings(config_, clock_, *log_);
    Expected<void> bound = bindings.bind("file_2", "org-b", ObjectKind::kFile);
    bool refused = !bound.has_value() && bound.error().code == ErrorCode::kStore;
    bool known = account(bindings, "file_2") == "org-b";
    bool told = bindings.trouble().find("Permission denied") != std::string::npos;
    ::_exit(refused && known && told ? 7 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 7);
  fs::permissions(config_.folder, fs::perms(0700));
}

TEST_F(IdBindingsTest, AnotherProcessThatHoldsTheFileCostsOneWaitNotOneEach) {
  auto bindings = open();
  Database other = another_process();
  ASSERT_TRUE(other.execute("BEGIN IMMEDIATE").has_value());
  EXPECT_FALSE(bindings->bind("file_1", "org-a", ObjectKind::kFile).has_value());
  ASSERT_TRUE(other.execute("COMMIT").has_value());
  EXPECT_FALSE(bindings->bind("file_2", "org-a", ObjectKind::kFile).has_value())
      << "it rests, whatever the file would say";
  clock_.advance(kRest);
  EXPECT_TRUE(bindings->bind("file_3", "org-a", ObjectKind::kFile).has_value());
  bindings.reset();
  EXPECT_EQ(rows(), 3u);
}

TEST_F(IdBindingsTest, WhatCouldNotBeSavedIsTriedOnceMoreAtTheEnd) {
  auto bindings = open();
  {
    Database other = another_process();
    ASSERT_TRUE(other.execute("BEGIN IMMEDIATE").has_value());
    EXPECT_FALSE(bindings->bind("file_1", "org-a", ObjectKind::kFile).has_value());
  }
  bindings.reset();
  EXPECT_EQ(account(*open(), "file_1"), "org-a");
}

TEST_F(IdBindingsTest, WithoutAFolderTheyLiveInMemory) {
  config_.folder.clear();
  auto bindings = open();
  EXPECT_TRUE(bindings->bind("file_1", "org-a", ObjectKind::kFile).has_value());
  EXPECT_EQ(account(*bindings, "file_1"), "org-a");
  EXPECT_EQ(account(*bindings, "file_2"), "?");
  EXPECT_TRUE(bindings->forget("file_1").has_value());
  EXPECT_EQ(account(*bindings, "file_1"), "?");
  EXPECT_EQ(bindings->trouble(), "");
}

TEST_F(IdBindingsTest, SeveralLoopsMayBindAndAskAtOnce) {
  config_.object_ids_cached_max = 16;
  auto bindings = open();
  std::atomic<int> wrong{0};
  std::vector<std::thread> loops;
  loops.reserve(4);
  for (int loop = 0; loop < 4; ++loop) {
    loops.emplace_back([&, loop] {
      std::string name = "org-" + std::to_string(loop);
      for (int i = 0; i < 100; ++i) {
        std::string id = "file_" + std::to_string(loop) + "_" + std::to_string(i);
        if (!bindings->bind(id, name, ObjectKind::kFile)) ++wrong;
        if (account(*bindings, id) != name) ++wrong;
        if (account(*bindings, "file_" + std::to_string(loop) + "_0") != name) ++wrong;
      }
    });
  }
  for (auto& loop : loops) loop.join();
  EXPECT_EQ(wrong, 0);
  bindings.reset();
  EXPECT_EQ(rows(), 400u);
}

TEST_F(IdBindingsTest, TheWriteAheadLogIsCarriedOverBesideTheLoops) {
  auto bindings = open();
  auto bytes = [](const std::string& path) { return fs::exists(path) ? fs::file_size(path) : 0; };
  uintmax_t before = bytes(file());
  int bound = 0;
  // The limit is for a test that fails.
  for (; bound < 100'000 && bytes(file()) == before; ++bound) {
    ASSERT_TRUE(bindings->bind("file_" + std::to_string(bound), "org-a", ObjectKind::kFile).has_value());
  }
  EXPECT_GT(bytes(file()), before);
  EXPECT_GE(bound, 100);
  bindings.reset();
  EXPECT_EQ(rows(), static_cast<size_t>(bound));
}

TEST(RecentBindings, TheLeastRecentlyUsedMakesRoom) {
  RecentBindings recent(3);
  auto put = [&](const char* id) {
    recent.put({.object_id = id, .account = id, .kind = ObjectKind::kFile, .used = {}});
  };
  put("a");
  put("b");
  put("c");
  ASSERT_NE(recent.find("a"), nullptr);
  put("d");
  EXPECT_EQ(recent.find("b"), nullptr);
  put("a");
  EXPECT_EQ(recent.size(), 3u);
  recent.remove("c");
  recent.remove("never there");
  EXPECT_EQ(recent.size(), 2u);
  EXPECT_EQ(recent.find("d")->account, "d");
  EXPECT_EQ(recent.find("c"), nullptr);
  RecentBindings none(0);
  none.put({.object_id = "a", .account = "a", .kind = ObjectKind::kFile, .used = {}});
  EXPECT_EQ(none.size(), 0u);
}

}  // namespace
}  // namespace baton::store
