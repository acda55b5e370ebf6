// For net's tests: a loop on real sockets, and coroutines that say the usual things over a stream.
// finish() runs the loop until every spawned task has ended; its limit of 30 s is only met by a broken test.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "net/epoll_poller.h"
#include "net/tcp_listener.h"
#include "runtime/task.h"
#include "runtime/wait.h"

namespace baton::net {

class NetFixture : public ::testing::Test {
 public:
  bool finish() {
    return run_until([this] { return tasks.size() == 0; });
  }
  template <class Done>
  bool run_until(Done done) {
    runtime::Timer limit;
    Instant end = clock.now() + std::chrono::seconds(30);
    loop.timers().arm(limit, end);
    loop.run_until([&] { return done() || loop.now() >= end; });
    return done();
  }
  std::unique_ptr<TcpListener> listen(ListenOptions options = {.address = "127.0.0.1"}) {
    auto listener = listen_tcp(loop, poller, std::move(options));
    EXPECT_TRUE(listener) << (listener ? "" : listener.error().detail);
    return listener ? std::move(*listener) : nullptr;
  }

  runtime::SystemClock clock;
  EpollPoller poller{clock};
  runtime::Loop loop{clock, poller};
  runtime::TaskGroup tasks;
};

// Reads until the end of the stream or until `enough` bytes are there; `end` says how it stopped.
struct ReadAll {
  std::string bytes;
  runtime::IoStatus end = runtime::IoStatus::kOk;
};
inline runtime::Task<ReadAll> read_all(runtime::Loop& loop, runtime::ByteStream& stream, size_t enough = SIZE_MAX,
                                       size_t at_a_time = 4096) {
  ReadAll out;
  std::string buffer(at_a_time, '\0');
  while (out.bytes.size() < enough) {
    co_await runtime::wait(loop, {.read = &stream});
    runtime::IoResult got = stream.try_read({buffer.data(), std::min(buffer.size(), enough - out.bytes.size())});
    if (got.status == runtime::IoStatus::kBlocked) continue;
    if (got.status != runtime::IoStatus::kOk) {
      out.end = got.status;
      break;
    }
    out.bytes.append(buffer, 0, got.bytes);
  }
  co_return out;
}

// True when every byte was taken.
inline runtime::Task<bool> write_all(runtime::Loop& loop, runtime::ByteStream& stream, std::string bytes,
                                     size_t at_a_time = SIZE_MAX) {
  size_t done = 0;
  while (done < bytes.size()) {
    co_await runtime::wait(loop, {.write = &stream});
    iovec part{bytes.data() + done, std::min(at_a_time, bytes.size() - done)};
    runtime::IoResult put = stream.try_write({&part, 1});
    if (put.status == runtime::IoStatus::kBlocked) continue;
    if (put.status != runtime::IoStatus::kOk) co_return false;
    done += put.bytes;
  }
  co_return true;
}

// Bytes that differ at every offset a mistake is likely to mix up.
inline std::string pattern(size_t bytes, uint64_t seed = 1) {
  runtime::Random random(seed);
  std::string out(bytes, '\0');
  for (char& c : out) c = static_cast<char>(random.next());
  return out;
}

}  // namespace baton::net
