#include "net/activation.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "base/ascii.h"

namespace baton::net {

namespace {

constexpr int kFirst = 3;  // SD_LISTEN_FDS_START
constexpr uint64_t kFdsMax = 1024;

std::optional<uint64_t> number(const char* name) {
  const char* const text = std::getenv(name);
  return text == nullptr ? std::nullopt : ascii::decimal(text);
}

}  // namespace

std::string Bound::text() const {
  const std::string host = address.is_v6() ? "[" + address.text() + "]" : address.text();
  return host + ":" + std::to_string(port);
}

std::optional<Bound> bound_to(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) return std::nullopt;
  const IpAddress address = IpAddress::from(storage);
  if (address.empty()) return std::nullopt;
  return Bound{address, port_of(storage)};
}

std::vector<Fd> take_activated() {
  std::vector<Fd> out;
  const auto process = number("LISTEN_PID");
  const auto count = number("LISTEN_FDS");
  for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) ::unsetenv(name);
  if (!process || !count || *process != static_cast<uint64_t>(::getpid()) || *count > kFdsMax) return out;
  for (int i = 0; i < static_cast<int>(*count); ++i) {
    if (::fcntl(kFirst + i, F_SETFD, FD_CLOEXEC) == 0) out.emplace_back(kFirst + i);
  }
  return out;
}

Fd duplicate(int fd) { return Fd(::fcntl(fd, F_DUPFD_CLOEXEC, 0)); }

}  // namespace baton::net
