// What the mock and the driver share: time, sockets, one epoll set and a flag reader. Everything is for 127.0.0.1 and
// one thread. Part of a measuring tool: it shares no code with src/ on purpose, so that a mistake there cannot hide
// itself here. Errors that make a measurement pointless (no port, bad flag) end the process with one line and exit 2.
#pragma once

#include <netinet/in.h>
#include <sys/epoll.h>

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace baton::load {

inline constexpr uint64_t kNanosPerSecond = 1'000'000'000;

// CLOCK_MONOTONIC: the same in every process of the machine, so an event may carry it.
uint64_t now_ns();

[[noreturn]] void die(std::string_view what);

// Bound to 127.0.0.1, not blocking.
int listen_on(uint16_t port);
// Begins to connect, not blocking, without Nagle; -1 if it failed at once. `source` 0 lets the kernel choose.
int dial(uint16_t port, in_addr_t source);
// The outcome of a finished connect.
bool connected(int fd);
void set_no_delay(int fd);
// Closes with a reset: leaves no port in TIME_WAIT.
void close_hard(int fd);

// How a non-blocking read or write went.
enum class Io { kOk, kAgain, kEnd };
struct IoResult {
  Io io;
  size_t bytes;
};
IoResult receive(int fd, std::span<char> into);
IoResult transmit(int fd, std::string_view bytes);

// Set in an event when the peer has ended: read on to the end then, there will be no further edge.
inline constexpr uint32_t kEnded = EPOLLRDHUP | EPOLLHUP | EPOLLERR;

class Poller {
 public:
  Poller();
  // Edge-triggered, both directions, once per socket.
  void add(int fd, uint64_t tag);
  void add_level_in(int fd, uint64_t tag);
  // Sleeps until something is ready or `deadline_ns` has come (none: for ever).
  std::span<const epoll_event> wait(std::optional<uint64_t> deadline_ns);

 private:
  int epoll_;
  std::array<epoll_event, 512> ready_;
};

// `--name value` flags; a flag that nobody named is an error.
class Flags {
 public:
  Flags(std::span<char*> arguments, std::initializer_list<std::string_view> known);
  std::string text(std::string_view name, std::string_view fallback) const;
  uint64_t number(std::string_view name, uint64_t fallback) const;
  double real(std::string_view name, double fallback) const;
  std::vector<uint64_t> numbers(std::string_view name) const;  // comma-separated
  bool has(std::string_view name) const;

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

// A whole decimal number that fits; nothing else.
std::optional<uint64_t> decimal(std::string_view text);
std::string read_file(const std::string& path);

}  // namespace baton::load
