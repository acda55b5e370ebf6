#include "metrics/log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>

namespace baton::metrics {
namespace {

// Both ends of a pipe or a socket pair; what was written can be read without blocking.
struct Ends {
  int read = -1;
  int write = -1;
  static Ends pipe() {
    std::array<int, 2> fds{};
    EXPECT_EQ(::pipe2(fds.data(), O_CLOEXEC), 0);
    ::fcntl(fds[0], F_SETFL, O_NONBLOCK);
    return {fds[0], fds[1]};
  }
  static Ends socket() {
    std::array<int, 2> fds{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()), 0);
    ::fcntl(fds[0], F_SETFL, O_NONBLOCK);
    return {fds[0], fds[1]};
  }
  Ends(int r, int w) : read(r), write(w) {}
  Ends(const Ends&) = delete;
  ~Ends() {
    close_read();
    ::close(write);
  }
  void close_read() {
    if (read >= 0) ::close(std::exchange(read, -1));
  }
  std::string take() const {
    std::string out;
    std::array<char, 4096> chunk;
    for (ssize_t got = 0; (got = ::read(read, chunk.data(), chunk.size())) > 0;) {
      out.append(chunk.data(), static_cast<size_t>(got));
    }
    return out;
  }
};

TEST(LineSink, NeverBlocksOnAPipeOrSocketThatNobodyReads) {
  for (bool socket : {false, true}) {
    Ends ends = socket ? Ends::socket() : Ends::pipe();
    LineSink sink = LineSink::borrow(ends.write);
    ASSERT_TRUE(sink.open());
    std::string block(10'000, 'x');
    size_t written = 0;
    for (int i = 0; i < 1000; ++i) {
      Expected<size_t> wrote = sink.write(block);
      ASSERT_TRUE(wrote.has_value()) << wrote.error().detail;
      written += *wrote;
      if (*wrote == 0) break;
    }
    EXPECT_LT(written, 1000 * block.size());
    EXPECT_FALSE(sink.wait(Duration{0}));
    EXPECT_EQ(ends.take().size(), written);
    EXPECT_TRUE(sink.wait(Duration{0}));
    // Whoever shares the descriptor still blocks as before.
    EXPECT_EQ(::fcntl(ends.write, F_GETFL) & O_NONBLOCK, 0);
  }
}

TEST(LineSink, AReaderThatHasGoneIsAnError) {
  ::signal(SIGPIPE, SIG_IGN);
  for (bool socket : {false, true}) {
    Ends ends = socket ? Ends::socket() : Ends::pipe();
    LineSink sink = LineSink::borrow(ends.write);
    ends.close_read();
    Expected<size_t> wrote = sink.write("x\n");
    ASSERT_FALSE(wrote.has_value());
    EXPECT_EQ(wrote.error().code, ErrorCode::kStore);
  }
  ::signal(SIGPIPE, SIG_DFL);
}

TEST(LineSink, AppendsToAFileThatOnlyTheOwnerAndGroupRead) {
  std::filesystem::path path = std::filesystem::path(::testing::TempDir()) / "line_sink_test.log";
  std::filesystem::remove(path);
  for (int i = 0; i < 2; ++i) {
    Expected<LineSink> sink = LineSink::append_to(path);
    ASSERT_TRUE(sink.has_value());
    ASSERT_EQ(sink->write("line\n").value_or(0), 5u);
  }
  std::ifstream file(path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "line\nline\n");
  auto others = std::filesystem::perms::others_all;
  EXPECT_EQ(std::filesystem::status(path).permissions() & others, std::filesystem::perms::none);
  Expected<LineSink> nowhere = LineSink::append_to("/nonexistent/folder/x.log");
  ASSERT_FALSE(nowhere.has_value());
  EXPECT_EQ(nowhere.error().code, ErrorCode::kConfig);
  EXPECT_EQ(nowhere.error().detail, "/nonexistent/folder/x.log: No such file or directory");
  std::filesystem::remove(path);
}

TEST(Log, SaysWhatItIsToldOnOneSafeLine) {
  runtime::VirtualClock clock;
  Ends ends = Ends::pipe();
  Log log(clock, ends.write);
  log.say("listening on 127.0.0.1:8787");
  EXPECT_EQ(ends.take(), "baton: listening on 127.0.0.1:8787\n");
  log.say("two\nlines \x1b[31m");
  EXPECT_EQ(ends.take(), "baton: two\\u000alines \\u001b[31m\n");
  log.say(std::string(5000, 'x'));
  EXPECT_EQ(ends.take(), "baton: " + std::string(Log::kLineBytesMax, 'x') + "\n");
}

TEST(Log, ATopicSpeaksOnceInAWhileAndTellsHowOftenItWasKeptBack) {
  runtime::VirtualClock clock;
  Ends ends = Ends::pipe();
  Log log(clock, ends.write);
  log.trouble("store", "disk full");
  for (int i = 0; i < 5; ++i) log.trouble("store", "disk full");
  log.trouble("upstream", "refused");
  EXPECT_EQ(ends.take(), "baton: disk full\nbaton: refused\n");
  clock.advance(Log::kTopicPause);
  log.trouble("store", "disk still full");
  EXPECT_EQ(ends.take(), "baton: disk still full (5 more lines were kept back)\n");
}

TEST(Log, AllTopicsTogetherAreLimited) {
  runtime::VirtualClock clock;
  Ends ends = Ends::pipe();
  Log log(clock, ends.write);
  for (int i = 0; i < 1000; ++i) log.trouble("topic " + std::to_string(i), "trouble");
  std::string said = ends.take();
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), static_cast<long>(Log::kLinesPerMinuteMax));
  clock.advance(std::chrono::minutes(1));
  log.trouble("another", "trouble");
  EXPECT_EQ(ends.take(), "baton: trouble (940 more lines were kept back)\n");
}

TEST(Log, ABlockedOrClosedSinkDoesNotBlockTheCaller) {
  ::signal(SIGPIPE, SIG_IGN);
  runtime::VirtualClock clock;
  Ends ends = Ends::pipe();
  Log log(clock, ends.write);
  for (int i = 0; i < 10'000; ++i) log.say("nobody reads this line, which is as long as a line usually is");
  EXPECT_GT(ends.take().size(), 1000u);
  log.say("read again");
  EXPECT_EQ(ends.take(), "baton: read again\n");
  ends.close_read();
  log.say("nobody is there");
  Log closed(clock, -1);
  closed.say("nowhere");
  ::signal(SIGPIPE, SIG_DFL);
}

}  // namespace
}  // namespace baton::metrics
