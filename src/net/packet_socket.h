// PacketSocket: whole messages, and descriptors with them, between two processes of one user on this machine.
// PacketListener: where the other one is awaited, a name in a folder.
// Life: values; the name goes with the listener, unless another has taken its place. Thread: one at a time, no loop: it
// is for what happens seldom. Bounds: kTextBytesMax, kFdsMax in a message. Source: unix(7), SCM_RIGHTS, SO_PEERCRED.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/units.h"
#include "net/fd.h"

namespace baton::net {

class PacketSocket {
 public:
  static constexpr size_t kTextBytesMax = 32 * 1024;
  static constexpr size_t kFdsMax = 128;  // the kernel takes 253

  struct Packet {
    std::string text;
    std::vector<Fd> fds;
  };

  // kConnect: nobody awaits anybody there. kForbidden: it is another user's. kConfig: everything else.
  static Expected<PacketSocket> connect(const std::string& path);
  explicit PacketSocket(Fd fd) : fd_(std::move(fd)) {}

  // Never waits. kReset: the other one has gone, or does not read.
  Expected<void> send(std::string_view text, std::span<const int> fds = {});
  // Nothing when nothing came within `limit`; kReset: the other one has gone, or sent what is no message of ours.
  Expected<std::optional<Packet>> receive(Duration limit = Duration{0});
  // Whether it is this process's user at the other end.
  bool same_user() const;

 private:
  Fd fd_;
};

class PacketListener {
 public:
  // kConfig: the folder cannot be written, or somebody waits at `path` already, unless it is to be taken from them.
  enum class Name : uint8_t { kFree, kTake };
  static Expected<PacketListener> listen(const std::string& path, Name name = Name::kFree);
  PacketListener(PacketListener&&) = default;
  PacketListener& operator=(PacketListener&&) = delete;
  ~PacketListener();

  // Never waits. Who is not of this user is turned away.
  std::optional<PacketSocket> accept();
  // From now on the name belongs to whoever takes it.
  void leave_name() { inode_ = 0; }

 private:
  PacketListener(Fd fd, std::string path, ino_t inode) : fd_(std::move(fd)), path_(std::move(path)), inode_(inode) {}
  Fd fd_;
  std::string path_;
  ino_t inode_ = 0;
};

// Tells the service manager (sd_notify(3): "READY=1") where there is one. What goes wrong changes nothing.
void tell_supervisor(std::string_view state);

}  // namespace baton::net
