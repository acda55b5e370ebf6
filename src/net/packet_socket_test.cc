#include "net/packet_socket.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>

namespace baton::net {
namespace {

constexpr Duration kSoon = std::chrono::seconds(5);

class PacketSocketTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "packets-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    path_ = folder_ + "/socket";
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string folder_;
  std::string path_;
};

TEST_F(PacketSocketTest, AMessageArrivesWholeWithItsDescriptors) {
  auto listener = PacketListener::listen(path_);
  ASSERT_TRUE(listener) << listener.error().detail;
  EXPECT_FALSE(listener->accept());
  auto here = PacketSocket::connect(path_);
  ASSERT_TRUE(here) << here.error().detail;
  auto there = listener->accept();
  ASSERT_TRUE(there);

  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const Fd read_end(ends[0]);
  const Fd write_end(ends[1]);
  ASSERT_TRUE(here->send("two ends", ends));
  ASSERT_TRUE(here->send("nothing else"));
  auto first = there->receive(kSoon);
  ASSERT_TRUE(first && *first);
  EXPECT_EQ((*first)->text, "two ends");
  ASSERT_EQ((*first)->fds.size(), 2u);
  // They are the same pipe, and are not inherited.
  ASSERT_EQ(::write((*first)->fds[1].get(), "x", 1), 1);
  char got = 0;
  EXPECT_EQ(::read(read_end.get(), &got, 1), 1);
  EXPECT_EQ(::fcntl((*first)->fds[0].get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  auto second = there->receive(kSoon);
  ASSERT_TRUE(second && *second);
  EXPECT_EQ((*second)->text, "nothing else");
  EXPECT_TRUE((*second)->fds.empty());
  auto none = there->receive();
  ASSERT_TRUE(none);
  EXPECT_FALSE(*none);
}

TEST_F(PacketSocketTest, WhoHasGoneIsNoticedOnBothSides) {
  auto listener = PacketListener::listen(path_);
  ASSERT_TRUE(listener);
  auto here = PacketSocket::connect(path_);
  ASSERT_TRUE(here);
  listener->accept();  // and closed again
  EXPECT_FALSE(here->receive(kSoon));
  EXPECT_FALSE(here->send("too late"));
}

TEST_F(PacketSocketTest, TheNameBelongsToOneAtATime) {
  auto nobody = PacketSocket::connect(path_);
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code, ErrorCode::kConnect);
  {
    auto first = PacketListener::listen(path_);
    ASSERT_TRUE(first);
    struct stat about{};
    ASSERT_EQ(::stat(path_.c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777u, 0600u);
    EXPECT_FALSE(PacketListener::listen(path_)) << "somebody waits there already";
    {
      auto successor = PacketListener::listen(path_, PacketListener::Name::kTake);
      ASSERT_TRUE(successor) << successor.error().detail;
      ASSERT_TRUE(PacketSocket::connect(path_));
      EXPECT_TRUE(successor->accept());
      while (first->accept()) {  // who only looked whether somebody is there
      }
      ASSERT_TRUE(PacketSocket::connect(path_));
      EXPECT_FALSE(first->accept()) << "the name leads to the other one";
      successor->leave_name();
    }
    first->leave_name();
  }
  // Left behind, as by a process that was killed: refused, and so taken over.
  nobody = PacketSocket::connect(path_);
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code, ErrorCode::kConnect);
  {
    auto second = PacketListener::listen(path_);
    ASSERT_TRUE(second) << second.error().detail;
    EXPECT_TRUE(PacketSocket::connect(path_));
  }
  EXPECT_FALSE(std::filesystem::exists(path_)) << "an end in order takes the name away";
}

TEST_F(PacketSocketTest, ALongPathWorksToo) {
  const std::string deep = folder_ + "/" + std::string(150, 'd');
  ASSERT_EQ(::mkdir(deep.c_str(), 0700), 0);
  auto listener = PacketListener::listen(deep + "/socket");
  ASSERT_TRUE(listener) << listener.error().detail;
  EXPECT_TRUE(PacketSocket::connect(deep + "/socket"));
}

TEST_F(PacketSocketTest, BoundsHold) {
  auto listener = PacketListener::listen(path_);
  ASSERT_TRUE(listener);
  auto here = PacketSocket::connect(path_);
  ASSERT_TRUE(here);
  auto there = listener->accept();
  ASSERT_TRUE(there);
  EXPECT_TRUE(here->send(std::string(PacketSocket::kTextBytesMax, 'x')));
  EXPECT_FALSE(here->send(std::string(PacketSocket::kTextBytesMax + 1, 'x')));
  auto got = there->receive(kSoon);
  ASSERT_TRUE(got && *got);
  EXPECT_EQ((*got)->text.size(), PacketSocket::kTextBytesMax);
  std::vector<int> many(PacketSocket::kFdsMax + 1, 0);
  EXPECT_FALSE(here->send("x", many));
  many.pop_back();
  EXPECT_TRUE(here->send("x", many));
  got = there->receive(kSoon);
  ASSERT_TRUE(got && *got);
  EXPECT_EQ((*got)->fds.size(), PacketSocket::kFdsMax);
  // A reader that reads nothing does not hold the writer up.
  int sent = 0;
  while (sent < 100'000 && here->send("more")) ++sent;
  EXPECT_LT(sent, 100'000);
}

TEST_F(PacketSocketTest, TheSupervisorIsToldWhereThereIsOne) {
  const Fd supervisor(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path_.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(supervisor.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ::unsetenv("NOTIFY_SOCKET");
  tell_supervisor("READY=1");
  char got[64];
  EXPECT_LT(::recv(supervisor.get(), got, sizeof got, 0), 0);
  ::setenv("NOTIFY_SOCKET", path_.c_str(), 1);
  tell_supervisor("READY=1");
  ASSERT_EQ(::recv(supervisor.get(), got, sizeof got, 0), 7);
  EXPECT_EQ(std::string_view(got, 7), "READY=1");
  ::setenv("NOTIFY_SOCKET", (folder_ + "/nobody").c_str(), 1);
  tell_supervisor("READY=1");
  ::unsetenv("NOTIFY_SOCKET");
}

}  // namespace
}  // namespace baton::net
