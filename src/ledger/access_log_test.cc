#include "ledger/access_log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <signal.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>

#include "runtime/clock.h"

namespace baton::ledger {
namespace {

namespace fs = std::filesystem;

class AccessLogTest : public ::testing::Test {
 protected:
  AccessLogTest() {
    folder_ = ::testing::TempDir() + "access_log_test_XXXXXX";
    EXPECT_NE(::mkdtemp(folder_.data()), nullptr);
  }
  ~AccessLogTest() override { fs::remove_all(folder_); }

  std::string path(const char* name = "access.log") const { return folder_ + "/" + name; }
  std::unique_ptr<AccessLog> open(std::string sink, size_t queue_bytes_max = 1 << 20) {
    auto opened =
        AccessLog::open({.access_log = std::move(sink), .log_queue_bytes_max = queue_bytes_max}, metrics_, log_);
    EXPECT_TRUE(opened.has_value());
    return std::move(*opened);
  }
  static Lines lines(std::string bytes) {
    Lines l;
    l.count = static_cast<uint64_t>(std::count(bytes.begin(), bytes.end(), '\n'));
    l.bytes = std::move(bytes);
    return l;
  }
  static std::string contents(const std::string& file_path) {
    std::ifstream file(file_path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  // Waits for what another thread does; the limit is for a test that fails.
  template <class Done>
  static bool eventually(Done done) {
    for (int i = 0; i < 10'000; ++i) {
      if (done()) return true;
      ::usleep(1000);
    }
    return false;
  }
  double dropped() const {
    std::string text = metrics_.text();
    size_t at = text.find("\nbaton_access_log_dropped_total ");
    return std::strtod(text.c_str() + at + 32, nullptr);
  }

  std::string folder_;
  runtime::SystemClock clock_;
  metrics::RelayMetrics metrics_{{.accounts = {}, .loops = 1, .version = "1"}};
  metrics::Log log_{clock_, -1};
};

TEST_F(AccessLogTest, WritesTheLinesInOrderAndEndsWithThemWritten) {
  std::string want;
  {
    auto log = open(path());
    EXPECT_FALSE(log->off());
    for (int i = 0; i < 1000; ++i) {
      std::string text = "{\"line\":" + std::to_string(i) + "}\n";
      want += text;
      Lines l = lines(text);
      EXPECT_EQ(log->hand_over(l), 0u);
      EXPECT_TRUE(l.bytes.empty());
      EXPECT_EQ(l.count, 0u);
    }
  }
  EXPECT_EQ(contents(path()), want);
  EXPECT_EQ(dropped(), 0);
  EXPECT_EQ(fs::status(path()).permissions() & fs::perms::others_all, fs::perms::none);
}

TEST_F(AccessLogTest, OffTakesNothingAndStartsNoThread) {
  auto log = open("off");
  EXPECT_TRUE(log->off());
  log->reopen();
}

TEST_F(AccessLogTest, AFileThatCannotBeOpenedIsAMistakeInTheConfiguration) {
  auto opened = AccessLog::open({.access_log = folder_ + "/no/such/folder/x"}, metrics_, log_);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::kConfig);
}

TEST_F(AccessLogTest, ReopenGoesOnInANewFileAfterTheOldOneWasRenamed) {
  auto log = open(path());
  Lines l = lines("before\n");
  log->hand_over(l);
  ASSERT_TRUE(eventually([&] { return contents(path()) == "before\n"; }));
  fs::rename(path(), path("access.log.1"));
  log->reopen();
  ASSERT_TRUE(eventually([&] { return fs::exists(path()); }));
  l = lines("after\n");
  log->hand_over(l);
  ASSERT_TRUE(eventually([&] { return contents(path()) == "after\n"; }));
  EXPECT_EQ(contents(path("access.log.1")), "before\n");
}

TEST_F(AccessLogTest, ReopenThatFailsKeepsTheOldFile) {
  {
    auto log = open(path());
    fs::rename(path(), path("kept.log"));
    fs::create_directory(path());
    log->reopen();
    Lines l = lines("still here\n");
    EXPECT_EQ(log->hand_over(l), 0u);
  }
  EXPECT_EQ(contents(path("kept.log")), "still here\n");
}

// A named pipe whose reader does not read: as `baton serve | less` does.
TEST_F(AccessLogTest, ASinkThatNobodyReadsDropsLinesAndDelaysTheEndByLessThanASecond) {
  ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
  int reader = ::open(path().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  constexpr size_t kQueueMax = 1 << 20;
  auto log = open(path(), kQueueMax);
  std::string block;
  while (block.size() < 64 * 1024) block += "{\"line\":\"as long as a short line of a log\"}\n";
  auto per_block = static_cast<uint64_t>(std::count(block.begin(), block.end(), '\n'));
  uint64_t handed = 0;
  uint64_t refused = 0;
  for (int i = 0; i < 100; ++i) {
    Lines l = lines(block);
    handed += per_block;
    refused += log->hand_over(l);
  }
  EXPECT_GT(refused, 0u);
  EXPECT_EQ(refused % per_block, 0u);
  EXPECT_GE(handed - refused, kQueueMax / block.size() * per_block) << "the queue took its bound";
  EXPECT_LE(handed - refused, (kQueueMax + 2 * block.size()) / block.size() * per_block) << "and no more";

  auto began = std::chrono::steady_clock::now();
  log.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(1));
  // What came out of the pipe and what was counted as lost are all the lines there were.
  std::string out;
  std::array<char, 65536> chunk;
  for (ssize_t got = 0; (got = ::read(reader, chunk.data(), chunk.size())) > 0;)
    out.append(chunk.data(), static_cast<size_t>(got));
  auto written = static_cast<uint64_t>(std::count(out.begin(), out.end(), '\n'));
  EXPECT_GT(written, 0u);
  EXPECT_EQ(written + refused + static_cast<uint64_t>(dropped()), handed);
  ::close(reader);
}

TEST_F(AccessLogTest, AReaderThatLeavesCostsLinesAndNothingElse) {
  ASSERT_EQ(::mkfifo(path().c_str(), 0600), 0);
  int reader = ::open(path().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  auto log = open(path());
  ::close(reader);
  Lines l = lines("lost\n");
  EXPECT_EQ(log->hand_over(l), 0u);
  EXPECT_TRUE(eventually([&] { return dropped() == 1; }));
  reader = ::open(path().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  l = lines("read\n");
  EXPECT_EQ(log->hand_over(l), 0u);
  std::array<char, 64> chunk;
  ssize_t got = 0;
  EXPECT_TRUE(eventually([&] { return (got = ::read(reader, chunk.data(), chunk.size())) > 0; }));
  EXPECT_EQ(std::string_view(chunk.data(), static_cast<size_t>(std::max<ssize_t>(got, 0))), "read\n");
  ::close(reader);
}

TEST_F(AccessLogTest, AFullDiskCostsLinesAndTheNextWholeLineBeginsOnItsOwn) {
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  {
    auto log = open(path());
    rlimit full = before;
    full.rlim_cur = 25;
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
    Lines l = lines("0123456789\n0123456789\n0123456789\n0123456789\n");
    EXPECT_EQ(log->hand_over(l), 0u);
    bool lost = eventually([&] { return dropped() == 2; });
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    EXPECT_TRUE(lost) << dropped();
    l = lines("space again\n");
    EXPECT_EQ(log->hand_over(l), 0u);
  }
  EXPECT_EQ(contents(path()), "0123456789\n0123456789\n012\nspace again\n");
  ::signal(SIGXFSZ, SIG_DFL);
}

}  // namespace
}  // namespace baton::ledger
