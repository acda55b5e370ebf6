#include "net/cares_resolver.h"

#include <ares.h>
#include <sys/stat.h>

#include <algorithm>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "base/ascii.h"
#include "base/check.h"
#include "runtime/wait.h"

namespace baton::net {

namespace {

constexpr size_t kFlightsMax = 256;
constexpr int kFirstTimeoutMs = 1500;  // c-ares doubles it with each round over the servers
constexpr int kTries = 3;
constexpr int kDatagramBytes = 1232;  // fits any path unfragmented (dnsflagday.net/2020)

// An answer that settles the matter, as against a server that failed or kept silent.
bool says_there_is_none(int status) {
  return status == ARES_ENOTFOUND || status == ARES_ENODATA || status == ARES_EBADNAME || status == ARES_EBADQUERY;
}

std::unexpected<Error> unresolved(const std::string& host, ErrorCode code, std::string_view why) {
  return fail(code, Fault::kUpstream, "cannot resolve " + ascii::excerpt(host) + ": " + std::string(why),
              Retry::kOtherAccount);
}

// The answer's lifetime is that of its shortest-lived part.
std::pair<std::vector<IpAddress>, Duration> read_answer(const ares_addrinfo& answer) {
  std::vector<IpAddress> addresses;
  int ttl = 24 * 3600;
  for (const ares_addrinfo_cname* name = answer.cnames; name != nullptr; name = name->next)
    ttl = std::min(ttl, name->ttl);
  for (const ares_addrinfo_node* node = answer.nodes; node != nullptr; node = node->ai_next) {
    ttl = std::min(ttl, node->ai_ttl);
    if (addresses.size() >= Resolver::kAddressesMax) continue;
    sockaddr_storage storage{};
    std::copy_n(reinterpret_cast<const char*>(node->ai_addr), std::min<size_t>(node->ai_addrlen, sizeof storage),
                reinterpret_cast<char*>(&storage));
    IpAddress address = IpAddress::from(storage);
    if (!address.empty() && std::ranges::find(addresses, address) == addresses.end()) addresses.push_back(address);
  }
  return {std::move(addresses), std::chrono::seconds(ttl)};
}

}  // namespace

CaresResolver::CaresResolver(runtime::Loop& loop, EpollPoller& poller, CaresOptions options)
    : loop_(loop), poller_(poller), options_(std::move(options)), cache_(options_.cache) {
  static std::once_flag once;
  std::call_once(once, [] { ares_library_init(ARES_LIB_INIT_ALL); });
  if (int status = open_channel(); status != ARES_SUCCESS) {
    throw std::runtime_error(std::string("DNS: ") + ares_strerror(status));
  }
  pump_.loop = &loop_;
  pump_.resolver = this;
  pump_.run = [](runtime::Wake& wake) { static_cast<Pump&>(wake).resolver->pump(); };
  timer_.slot.stand(pump_, 1);
}

int CaresResolver::open_channel() {
  ares_options settings{};
  settings.timeout = kFirstTimeoutMs;
  settings.tries = kTries;
  settings.flags = ARES_FLAG_EDNS;  // longer answers without a TCP connection
  settings.ednspsz = kDatagramBytes;
  settings.udp_port = settings.tcp_port = options_.port;
  settings.resolvconf_path = options_.resolv_conf.data();
  settings.sock_state_cb = [](void* self, ares_socket_t fd, int reads, int writes) {
    static_cast<CaresResolver*>(self)->set_interest(fd, reads != 0, writes != 0);
  };
  settings.sock_state_cb_data = this;
  int flags = ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_UDP_PORT |
              ARES_OPT_TCP_PORT | ARES_OPT_RESOLVCONF | ARES_OPT_SOCK_STATE_CB;
  resolv_conf_ = stamp(options_.resolv_conf);
  ares_channel made = nullptr;
  int status = ares_init_options(&made, &settings, flags);
  if (status == ARES_SUCCESS) channel_ = made;
  return status;
}

CaresResolver::FileStamp CaresResolver::stamp(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return {};
  return {status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec, status.st_ino};
}

// Between questions only: flights belong to the channel they were started on.
void CaresResolver::follow_resolv_conf() {
  if (!flights_.empty() || stamp(options_.resolv_conf) == resolv_conf_) return;
  ares_channel old = channel_;
  if (open_channel() == ARES_SUCCESS) ares_destroy(old);
}

CaresResolver::~CaresResolver() {
  for (const auto& [host, flight] : flights_) BATON_CHECK(flight->passengers.empty());
  ares_destroy(channel_);  // ends every flight
  loop_.forget(pump_);
}

runtime::Task<Expected<std::vector<IpAddress>>> CaresResolver::resolve(std::string host,
                                                                       runtime::Cancellation& cancel) {
  if (auto numeric = IpAddress::parse(host)) co_return std::vector<IpAddress>{*numeric};
  for (char& c : host) c = ascii::lower(c);
  if (const auto* known = cache_.usable(host, loop_.now())) co_return *known;
  Passenger passenger;
  board(host, passenger);
  const Instant until = loop_.now() + options_.timeout;
  while (!passenger.done) {
    auto ready = co_await runtime::wait(loop_, {.cancel = &cancel, .until = until, .slot = &passenger.landed});
    if (passenger.done) break;
    if (ready & runtime::kCancelled) {
      leave(host, passenger);
      co_return fail(ErrorCode::kCancelled, Fault::kClient, "cancelled while resolving " + ascii::excerpt(host));
    }
    if (ready & runtime::kTimedOut) {
      leave(host, passenger);
      cache_.note_failure(host, loop_.now());
      if (const auto* old = cache_.stale(host, loop_.now())) co_return *old;
      co_return unresolved(host, ErrorCode::kConnectTimeout, "no answer in time");
    }
  }
  co_return std::move(passenger.answer);
}

void CaresResolver::board(const std::string& host, Passenger& passenger) {
  if (auto found = flights_.find(host); found != flights_.end()) {
    found->second->passengers.push_back(&passenger);
    return;
  }
  if (flights_.size() >= kFlightsMax) {
    passenger.done = true;
    passenger.answer = unresolved(host, ErrorCode::kOverloaded, "too many names are being resolved");
    return;
  }
  follow_resolv_conf();
  auto& flight = flights_[host];
  flight = std::make_unique<Flight>(Flight{this, host, {&passenger}});
  ++asked_;
  ares_addrinfo_hints hints{};
  hints.ai_flags = ARES_AI_NOSORT;  // the dialer has its own order, and sorting would open sockets
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  // May land at once, out of /etc/hosts.
  ares_getaddrinfo(
      channel_, host.c_str(), nullptr, &hints,
      [](void* flown, int status, int, ares_addrinfo* result) {
        auto* f = static_cast<Flight*>(flown);
        f->resolver->land(*f, status, result);
      },
      flight.get());
  arm();
}

void CaresResolver::leave(const std::string& host, Passenger& passenger) {
  if (auto found = flights_.find(host); found != flights_.end()) std::erase(found->second->passengers, &passenger);
}

void CaresResolver::land(Flight& flight, int status, ares_addrinfo* result) {
  auto self = flights_.extract(flight.host);  // ends with this function
  Expected<std::vector<IpAddress>> answer = outcome(flight.host, status, result);
  if (result != nullptr) ares_freeaddrinfo(result);
  for (Passenger* passenger : flight.passengers) {
    passenger->answer = answer;
    passenger->done = true;
    passenger->landed.notify();
  }
}

Expected<std::vector<IpAddress>> CaresResolver::outcome(const std::string& host, int status, ares_addrinfo* result) {
  const Instant now = loop_.now();
  if (status == ARES_SUCCESS && result != nullptr) {
    auto [addresses, ttl] = read_answer(*result);
    if (!addresses.empty()) {
      cache_.store(host, addresses, ttl, now);
      return std::move(addresses);
    }
    status = ARES_ENODATA;
  }
  if (says_there_is_none(status)) {
    cache_.erase(host);
    return unresolved(host, ErrorCode::kConnect, ares_strerror(status));
  }
  cache_.note_failure(host, now);
  if (const auto* old = cache_.stale(host, now)) return *old;
  return unresolved(host, status == ARES_ETIMEOUT ? ErrorCode::kConnectTimeout : ErrorCode::kConnect,
                    ares_strerror(status));
}

void CaresResolver::Socket::on_ready(uint32_t events) {
  pending |= events;
  resolver->loop_.enqueue(resolver->pump_);
}

// c-ares reads and writes here, in the loop's queue; its callbacks only notify.
void CaresResolver::pump() {
  std::vector<std::pair<int, uint32_t>> ready;
  for (auto& [fd, socket] : sockets_) {
    if (uint32_t events = std::exchange(socket->pending, 0)) ready.emplace_back(fd, events);
  }
  for (auto [fd, events] : ready) {
    if (!sockets_.contains(fd)) continue;  // closed on behalf of an earlier one
    const bool ends = (events & (EPOLLERR | EPOLLHUP)) != 0;
    ares_process_fd(channel_, ends || (events & EPOLLIN) != 0 ? fd : ARES_SOCKET_BAD,
                    ends || (events & EPOLLOUT) != 0 ? fd : ARES_SOCKET_BAD);
  }
  if (ready.empty()) ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  arm();
}

void CaresResolver::arm() {
  timeval left{};
  if (ares_timeout(channel_, nullptr, &left) == nullptr) {
    timer_.disarm();
    return;
  }
  loop_.timers().arm(timer_, loop_.now() + std::chrono::seconds(left.tv_sec) + std::chrono::microseconds(left.tv_usec));
}

// Level-triggered: how far c-ares reads is its own affair, and a name is resolved once a minute.
void CaresResolver::set_interest(int fd, bool reads, bool writes) {
  if (!reads && !writes) {
    if (sockets_.erase(fd) > 0) poller_.unwatch(fd);
    return;
  }
  auto& socket = sockets_[fd];
  uint32_t events = (reads ? uint32_t{EPOLLIN} : 0u) | (writes ? uint32_t{EPOLLOUT} : 0u);
  if (socket != nullptr) {
    poller_.rewatch(fd, *socket, events);
    return;
  }
  socket = std::make_unique<Socket>();
  socket->resolver = this;
  poller_.watch(fd, *socket, events);
}

}  // namespace baton::net
