#include "net/packet_socket.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace baton::net {

namespace {

std::unexpected<Error> trouble(const std::string& path, ErrorCode code = ErrorCode::kConfig) {
  return fail(code, Fault::kUs, path + ": " + std::strerror(errno));
}

std::unexpected<Error> gone() { return fail(ErrorCode::kReset, Fault::kUs, "the other process has gone"); }

struct Address {
  sockaddr_un storage{};
  socklen_t length = 0;
  Fd folder;  // keeps what a long path goes through
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

void put(Address& address, std::string_view path) {
  std::memcpy(address.storage.sun_path, path.data(), path.size());
  address.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
}

// A path longer than an address holds goes through its folder's descriptor. False with errno.
bool make_address(const std::string& path, Address& out) {
  out.storage.sun_family = AF_UNIX;
  if (path.size() < sizeof out.storage.sun_path) {
    put(out, path);
    return true;
  }
  const size_t slash = path.rfind('/');
  if (slash == path.npos) {
    errno = ENAMETOOLONG;
    return false;
  }
  out.folder = Fd(::open(path.substr(0, slash).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!out.folder) return false;
  const std::string through = "/proc/self/fd/" + std::to_string(out.folder.get()) + path.substr(slash);
  if (through.size() >= sizeof out.storage.sun_path) {
    errno = ENAMETOOLONG;
    return false;
  }
  put(out, through);
  return true;
}

Fd packet_socket() { return Fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)); }

}  // namespace

Expected<PacketSocket> PacketSocket::connect(const std::string& path) {
  Address address;
  if (!make_address(path, address)) return trouble(path, errno == ENOENT ? ErrorCode::kConnect : ErrorCode::kConfig);
  Fd fd = packet_socket();
  if (!fd) return trouble(path);
  if (::connect(fd.get(), address.get(), address.length) != 0) {
    const bool nobody = errno == ENOENT || errno == ECONNREFUSED;
    return trouble(path, nobody ? ErrorCode::kConnect : ErrorCode::kConfig);
  }
  PacketSocket out(std::move(fd));
  if (!out.same_user()) return fail(ErrorCode::kForbidden, Fault::kUs, path + ": is another user's");
  return out;
}

bool PacketSocket::same_user() const {
  ucred peer{};
  socklen_t length = sizeof peer;
  return ::getsockopt(fd_.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.uid == ::geteuid();
}

Expected<void> PacketSocket::send(std::string_view text, std::span<const int> fds) {
  if (text.size() > kTextBytesMax || fds.size() > kFdsMax)
    return fail(ErrorCode::kInternal, Fault::kUs, "a message is too large");
  iovec part{const_cast<char*>(text.data()), text.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kFdsMax * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* const head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(head), fds.data(), fds.size_bytes());
  }
  while (::sendmsg(fd_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
    if (errno != EINTR) return gone();
  }
  return {};
}

Expected<std::optional<PacketSocket::Packet>> PacketSocket::receive(Duration limit) {
  pollfd wait{.fd = fd_.get(), .events = POLLIN, .revents = 0};
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(limit).count();
  const int ready = ::poll(&wait, 1, static_cast<int>(std::clamp<int64_t>(ms, 0, 3'600'000)));
  if (ready < 0 && errno != EINTR) return gone();
  if (ready <= 0) return std::nullopt;
  Packet packet;
  packet.text.resize(kTextBytesMax);
  iovec part{packet.text.data(), packet.text.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kFdsMax * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t got = ::recvmsg(fd_.get(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  // Who closes without having read all is told as a reset, once and before what was sent ahead of it.
  if (got < 0 && errno == ECONNRESET) got = ::recvmsg(fd_.get(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
  for (cmsghdr* head = got < 0 ? nullptr : CMSG_FIRSTHDR(&message); head != nullptr;
       head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(head) + i * sizeof fd, sizeof fd);
      packet.fds.emplace_back(fd);
    }
  }
  if (got <= 0 || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return gone();
  packet.text.resize(static_cast<size_t>(got));
  return packet;
}

Expected<PacketListener> PacketListener::listen(const std::string& path, Name name) {
  if (name == Name::kFree) {
    auto other = PacketSocket::connect(path);
    if (other) return fail(ErrorCode::kConfig, Fault::kUs, path + ": another process waits there already");
    if (other.error().code != ErrorCode::kConnect) return std::unexpected(other.error());
  }
  // Bound under another name and renamed, so that a name that is there always answers.
  const std::string fresh = path + "." + std::to_string(::getpid());
  ::unlink(fresh.c_str());
  Address address;
  Fd fd = packet_socket();
  if (!fd || !make_address(fresh, address)) return trouble(fresh);
  if (::bind(fd.get(), address.get(), address.length) != 0) return trouble(fresh);
  struct stat made{};
  if (::chmod(fresh.c_str(), 0600) != 0 || ::listen(fd.get(), 4) != 0 || ::stat(fresh.c_str(), &made) != 0 ||
      ::rename(fresh.c_str(), path.c_str()) != 0) {
    const int why = errno;
    ::unlink(fresh.c_str());
    errno = why;
    return trouble(path);
  }
  return PacketListener(std::move(fd), path, made.st_ino);
}

PacketListener::~PacketListener() {
  struct stat now{};
  if (!fd_ || inode_ == 0 || ::stat(path_.c_str(), &now) != 0 || now.st_ino != inode_) return;
  ::unlink(path_.c_str());
}

std::optional<PacketSocket> PacketListener::accept() {
  Fd fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd) return std::nullopt;
  PacketSocket peer(std::move(fd));
  if (!peer.same_user()) return std::nullopt;
  return peer;
}

void tell_supervisor(std::string_view state) {
  const char* const where = std::getenv("NOTIFY_SOCKET");
  if (where == nullptr || (where[0] != '/' && where[0] != '@')) return;
  Address address;
  std::string path = where;
  if (path.size() >= sizeof address.storage.sun_path) return;
  if (path[0] == '@') path[0] = '\0';
  address.storage.sun_family = AF_UNIX;
  put(address, path);
  if (path[0] == '\0') --address.length;  // an abstract name has no end mark
  const Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return;
  (void)::sendto(fd.get(), state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT, address.get(), address.length);
}

}  // namespace baton::net
