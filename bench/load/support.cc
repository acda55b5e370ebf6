#include "support.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>

namespace baton::load {

uint64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * kNanosPerSecond + static_cast<uint64_t>(now.tv_nsec);
}

void die(std::string_view what) {
  std::fprintf(stderr, "baton_load: %.*s\n", static_cast<int>(what.size()), what.data());
  std::exit(2);
}

namespace {

sockaddr_in ipv4(in_addr_t address, uint16_t port) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_port = htons(port);
  result.sin_addr.s_addr = address;
  return result;
}

void set_option(int fd, int level, int name) {
  const int on = 1;
  setsockopt(fd, level, name, &on, sizeof on);
}

IoResult io_result(ssize_t count) {
  if (count > 0) return {Io::kOk, static_cast<size_t>(count)};
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return {Io::kAgain, 0};
  return {Io::kEnd, 0};
}

}  // namespace

int listen_on(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket: " + std::string(std::strerror(errno)));
  set_option(fd, SOL_SOCKET, SO_REUSEADDR);
  const sockaddr_in address = ipv4(htonl(INADDR_LOOPBACK), port);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || listen(fd, 4096) != 0) {
    die("port " + std::to_string(port) + ": " + std::strerror(errno));
  }
  return fd;
}

int dial(uint16_t port, in_addr_t source) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  set_no_delay(fd);
  if (source != 0) {
    set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
    const sockaddr_in from = ipv4(source, 0);
    if (bind(fd, reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0) {
      close(fd);
      return -1;
    }
  }
  const sockaddr_in to = ipv4(htonl(INADDR_LOOPBACK), port);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 && errno != EINPROGRESS) {
    close(fd);
    return -1;
  }
  return fd;
}

bool connected(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

void set_no_delay(int fd) { set_option(fd, IPPROTO_TCP, TCP_NODELAY); }

void close_hard(int fd) {
  const linger now{.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  close(fd);
}

IoResult receive(int fd, std::span<char> into) { return io_result(recv(fd, into.data(), into.size(), 0)); }

IoResult transmit(int fd, std::string_view bytes) {
  return io_result(send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL));
}

Poller::Poller() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_ < 0) die("epoll_create1: " + std::string(std::strerror(errno)));
}

void Poller::add(int fd, uint64_t tag) {
  epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.u64 = tag}};
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl: " + std::string(std::strerror(errno)));
}

void Poller::add_level_in(int fd, uint64_t tag) {
  epoll_event event{.events = EPOLLIN, .data = {.u64 = tag}};
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll_ctl: " + std::string(std::strerror(errno)));
}

std::span<const epoll_event> Poller::wait(std::optional<uint64_t> deadline_ns) {
  timespec timeout{};
  if (deadline_ns) {
    const uint64_t now = now_ns();
    const uint64_t left = *deadline_ns > now ? *deadline_ns - now : 0;
    timeout.tv_sec = static_cast<time_t>(left / kNanosPerSecond);
    timeout.tv_nsec = static_cast<long>(left % kNanosPerSecond);
  }
  const int count =
      epoll_pwait2(epoll_, ready_.data(), static_cast<int>(ready_.size()), deadline_ns ? &timeout : nullptr, nullptr);
  if (count < 0 && errno != EINTR) die("epoll_pwait2: " + std::string(std::strerror(errno)));
  return {ready_.data(), static_cast<size_t>(std::max(count, 0))};
}

Flags::Flags(std::span<char*> arguments, std::initializer_list<std::string_view> known) {
  for (size_t i = 0; i < arguments.size(); i += 2) {
    std::string_view name = arguments[i];
    if (!name.starts_with("--")) die("expected a flag, got " + std::string(name));
    name.remove_prefix(2);
    if (std::ranges::find(known, name) == known.end()) die("unknown flag --" + std::string(name));
    if (i + 1 == arguments.size()) die("--" + std::string(name) + " needs a value");
    values_.insert_or_assign(std::string(name), arguments[i + 1]);
  }
}

bool Flags::has(std::string_view name) const { return values_.contains(name); }

std::string Flags::text(std::string_view name, std::string_view fallback) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::string(fallback) : found->second;
}

uint64_t Flags::number(std::string_view name, uint64_t fallback) const {
  const auto found = values_.find(name);
  if (found == values_.end()) return fallback;
  const auto value = decimal(found->second);
  if (!value) die("--" + std::string(name) + ": not a number: " + found->second);
  return *value;
}

double Flags::real(std::string_view name, double fallback) const {
  const auto found = values_.find(name);
  if (found == values_.end()) return fallback;
  double value = 0;
  const char* end = found->second.data() + found->second.size();
  const auto result = std::from_chars(found->second.data(), end, value);
  if (result.ec != std::errc{} || result.ptr != end || value < 0) {
    die("--" + std::string(name) + ": not a positive number: " + found->second);
  }
  return value;
}

std::vector<uint64_t> Flags::numbers(std::string_view name) const {
  std::vector<uint64_t> result;
  const std::string list = text(name, "");
  std::string_view rest = list;
  while (!rest.empty()) {
    const size_t comma = std::min(rest.find(','), rest.size());
    const auto value = decimal(rest.substr(0, comma));
    if (!value) die("--" + std::string(name) + ": not a list of numbers: " + list);
    result.push_back(*value);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return result;
}

std::optional<uint64_t> decimal(std::string_view text) {
  uint64_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || result.ec != std::errc{} || result.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) die("cannot read " + path);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

}  // namespace baton::load
