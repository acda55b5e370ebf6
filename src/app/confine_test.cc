#include "app/confine.h"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <thread>

namespace baton::app {
namespace {

// What `what` gives, run in a confined child: 0 when it holds.
template <class What>
int in_confined_child(What what) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(confine() ? what() : 99);
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

int refused(long result) { return result == -1 && errno == EPERM ? 0 : 1; }

TEST(ConfineTest, NoProgramCanBeStarted) {
  EXPECT_EQ(in_confined_child([] {
              char name[] = "/bin/true";
              char* arguments[] = {name, nullptr};
              return refused(::execv(name, arguments));
            }),
            0);
  EXPECT_EQ(in_confined_child([] { return refused(::fork()); }), 0);
  EXPECT_EQ(in_confined_child([] { return refused(::syscall(SYS_vfork)); }), 0);
}

TEST(ConfineTest, OtherProcessesAndTheSystemAreOutOfReach) {
  EXPECT_EQ(in_confined_child([] { return refused(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr)); }), 0);
  EXPECT_EQ(in_confined_child([] { return refused(::mount("none", "/mnt", "tmpfs", 0, nullptr)); }), 0);
  EXPECT_EQ(in_confined_child([] { return refused(::syscall(SYS_bpf, 0, nullptr, 0)); }), 0);
  EXPECT_EQ(in_confined_child([] { return refused(::syscall(SYS_unshare, 0x20000000)); }), 0);
}

TEST(ConfineTest, WhatTheRelayDoesGoesOn) {
  EXPECT_EQ(in_confined_child([] {
              int done = 1;
              std::thread([&] { done = 0; }).join();
              const std::ifstream file("/proc/self/status");
              return file ? done : 2;
            }),
            0);
}

}  // namespace
}  // namespace baton::app
