// CaresResolver: asks the system's name servers (and /etc/hosts) through c-ares, whose sockets and timers run in our
// loop. Life: one per loop; nobody may wait in resolve() when it ends. Thread: its loop's. Bounds: `timeout` a
// question; 256 different hosts being asked for; what DnsCache and Resolver say. Equal questions share one flight.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "net/dns_cache.h"
#include "net/epoll_poller.h"
#include "net/resolver.h"
#include "runtime/loop.h"

struct ares_channeldata;
struct ares_addrinfo;

namespace baton::net {

struct CaresOptions {
  DnsCacheOptions cache = {};
  Duration timeout = std::chrono::seconds(5);  // one question, all servers and repetitions
  // Names the servers. Read again when it has changed (a laptop in another network).
  std::string resolv_conf = "/etc/resolv.conf";
  uint16_t port = 53;  // of every server
};

class CaresResolver final : public Resolver {
 public:
  // Throws std::runtime_error when c-ares cannot start (start-up only).
  CaresResolver(runtime::Loop& loop, EpollPoller& poller, CaresOptions options);
  CaresResolver(const CaresResolver&) = delete;
  CaresResolver& operator=(const CaresResolver&) = delete;
  ~CaresResolver() override;

  runtime::Task<Expected<std::vector<IpAddress>>> resolve(std::string host, runtime::Cancellation& cancel) override;

  // Questions sent to c-ares so far.
  uint64_t asked() const { return asked_; }

 private:
  // One who waits for a flight; stands on the frame of its resolve().
  struct Passenger {
    runtime::Slot landed;
    bool done = false;
    Expected<std::vector<IpAddress>> answer;
  };
  struct Flight {
    CaresResolver* resolver;
    std::string host;
    std::vector<Passenger*> passengers;
  };
  struct Socket final : Watched {
    CaresResolver* resolver = nullptr;
    uint32_t pending = 0;
    void on_ready(uint32_t events) override;
  };
  // Tells one version of a file from another.
  struct FileStamp {
    int64_t modified_ns = 0;
    uint64_t inode = 0;
    friend bool operator==(const FileStamp&, const FileStamp&) = default;
  };
  static FileStamp stamp(const std::string& path);
  struct Pump : runtime::Waiter {
    CaresResolver* resolver = nullptr;
  };

  // A status of c-ares.
  int open_channel();
  void follow_resolv_conf();
  void board(const std::string& host, Passenger& passenger);
  void leave(const std::string& host, Passenger& passenger);
  void land(Flight& flight, int status, ares_addrinfo* result);
  Expected<std::vector<IpAddress>> outcome(const std::string& host, int status, ares_addrinfo* result);
  void pump();
  void arm();
  void set_interest(int fd, bool reads, bool writes);

  runtime::Loop& loop_;
  EpollPoller& poller_;
  CaresOptions options_;
  DnsCache cache_;
  ares_channeldata* channel_ = nullptr;
  FileStamp resolv_conf_;
  std::unordered_map<std::string, std::unique_ptr<Flight>> flights_;
  std::map<int, std::unique_ptr<Socket>> sockets_;
  Pump pump_;
  runtime::Timer timer_;
  uint64_t asked_ = 0;
};

}  // namespace baton::net
