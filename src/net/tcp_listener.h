// TcpListener: accepts TCP connections, plain or TLS, and makes ByteStreams of them.
// Life: one per loop and address (several loops share an address by reuse_port); close() it, wait for accept() to
// return, then destroy it. Accepted streams may outlive it. Thread: its loop's. Bounds: backlog; connections_max open
// streams (further ones wait in the backlog); 64 connections a turn. Without descriptors (EMFILE, ENFILE) a spare one
// is given up to accept and drop a waiting connection, so that the loop neither spins nor leaves clients hanging;
// refused() counts them.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "net/address.h"
#include "net/epoll_poller.h"
#include "net/fd.h"
#include "runtime/byte_stream.h"
#include "runtime/loop.h"

namespace baton::net {

class TlsServerContext;

struct ListenOptions {
  std::string address;  // numeric: "127.0.0.1", "::1", "0.0.0.0"; "::" takes IPv4 as well
  uint16_t port = 0;    // 0: any free one
  bool reuse_port = false;
  int backlog = 4096;
  // Open streams are counted here, when given, and no more than connections_max are open at a time. Any number of
  // listeners may share one count; it outlives them and all their streams.
  std::atomic<size_t>* open_count = nullptr;
  size_t connections_max = 20'000;
  // Streams are TLS when given; outlives the listener and all its streams.
  const TlsServerContext* tls = nullptr;
  // Connections from these begin with a PROXY v2 header, from which the client's address is taken.
  std::vector<Cidr> proxy_protocol_from = {};
};

class TcpListener final : public runtime::Listener {
 public:
  // Takes a listening, non-blocking descriptor that is watched already by nobody. Use listen_tcp() or adopt_listener().
  TcpListener(runtime::Loop& loop, EpollPoller& poller, Fd fd, ListenOptions options);
  ~TcpListener();

  runtime::Task<std::unique_ptr<runtime::ByteStream>> accept() override;
  void close() override;
  // Accepts what has come already, then closes: accept() gives nothing any more.
  void finish();
  // What is accepted from now on is treated like this; address, port, reuse_port and backlog stay.
  void use(ListenOptions options);

  // The port bound, also when 0 was asked for.
  uint16_t port() const { return port_; }
  // Borrowed, for handing it to a successor; -1 when closed.
  int fd() const { return socket_.fd.get(); }
  // Connections dropped for want of descriptors.
  uint64_t refused() const { return refused_; }

 private:
  struct Socket final : Watched {
    Fd fd;
    bool acceptable = false;
    runtime::Slot changed;
    void on_ready(uint32_t events) override;
  };
  bool full() const;
  std::unique_ptr<runtime::ByteStream> make_stream(Fd fd, const IpAddress& peer);
  void drop_one();

  runtime::Loop& loop_;
  EpollPoller& poller_;
  ListenOptions options_;
  Socket socket_;
  Fd spare_;
  uint16_t port_ = 0;
  uint64_t turn_ = 0;
  size_t accepted_in_turn_ = 0;
  uint64_t refused_ = 0;
  bool finishing_ = false;
};

// kConfig: the address is not numeric, in use, or not ours; the detail names it and the reason.
Expected<std::unique_ptr<TcpListener>> listen_tcp(runtime::Loop& loop, EpollPoller& poller, ListenOptions options);
// Goes on with a listening socket inherited from a predecessor or a supervisor. Address, port, reuse_port and backlog
// are its own.
Expected<std::unique_ptr<TcpListener>> adopt_listener(runtime::Loop& loop, EpollPoller& poller, Fd fd,
                                                      ListenOptions options);

}  // namespace baton::net
