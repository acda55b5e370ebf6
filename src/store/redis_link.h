// RedisLink: one connection to a Redis server that is made, kept and made again by itself, for questions whose answer
// is worth a moment and no more. Commands of all callers go out one behind the other; what is not answered by its
// deadline is given up, and its reply is dropped when it comes. While the server is away nothing waits: ask() and
// tell() say so at once. Behind a RedisBreaker: too many failures in a row, an answer that is none, or silence for
// kSilenceMax drop the connection, and only run() tries the next one. Life: one per loop, made in app/; run() is
// spawned once and ends after stop(). Thread: its loop's. Bounds: kOutstandingMax commands and kUnsentBytesMax bytes
// that wait to be sent, beyond which commands are refused; a reply of Options.reply_bytes_max.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/secret.h"
#include "metrics/relay_metrics.h"
#include "runtime/byte_stream.h"
#include "runtime/cancel.h"
#include "runtime/clock.h"
#include "runtime/loop.h"
#include "runtime/task.h"
#include "store/redis_breaker.h"
#include "store/resp.h"

namespace baton::store {

class RedisLink {
 public:
  static constexpr size_t kOutstandingMax = 4096;
  static constexpr size_t kUnsentBytesMax = 16 * kMiB;
  static constexpr Duration kGreetingMax = std::chrono::milliseconds(250);  // from connected to ready
  static constexpr Duration kSilenceMax = std::chrono::seconds(1);          // with commands outstanding

  struct Options {
    std::string user = {};  // empty: the server's default one
    Secret password = {};   // empty: none
    uint32_t database = 0;
    size_t reply_bytes_max = 1 * kMiB;
  };
  struct Parts {
    runtime::Loop& loop;
    runtime::Dialer& dialer;
    runtime::Random& random;
    metrics::RedisCounts& counts;
  };
  RedisLink(const Parts& parts, Options options) : parts_(parts), options_(std::move(options)) {}
  RedisLink(const RedisLink&) = delete;
  RedisLink& operator=(const RedisLink&) = delete;

  runtime::Task<void> run();
  void stop();

  bool up() const { return up_; }
  // One reply for each command; errors of the server among them. kStore: the server is away or went meanwhile;
  // kTimeout; kOverloaded: a bound is reached.
  runtime::Task<Expected<std::vector<Resp>>> ask(RedisCommands commands, Instant until);
  // Nobody waits for the replies. False: not sent.
  bool tell(const RedisCommands& commands);

 private:
  struct Answer {
    size_t wanted = 0;
    std::vector<Resp> replies = {};
    bool lost = false;       // the connection went first
    bool abandoned = false;  // nobody waits any more
    runtime::Slot slot = {};
    bool whole() const { return replies.size() == wanted; }
  };
  struct Outstanding {
    std::shared_ptr<Answer> answer;  // null: nobody waits
    Instant since;
  };

  bool put(const RedisCommands& commands, const std::shared_ptr<Answer>& answer);
  bool flush();
  bool receive();
  bool take(Resp reply);
  void give_up_all();
  void failed();
  RedisCommands greeting() const;
  bool greeted() const;
  runtime::Task<void> serve();

  Parts parts_;
  const Options options_;
  RedisBreaker breaker_;
  std::unique_ptr<runtime::ByteStream> stream_;
  std::shared_ptr<Answer> hello_;
  std::deque<Outstanding> outstanding_;
  std::string out_;  // to be sent, from sent_ on
  size_t sent_ = 0;
  std::string in_;
  size_t wanted_ = 0;  // in_ holds no whole reply before it is so long
  bool up_ = false;
  bool broken_ = false;
  runtime::Slot work_;  // run() stands here
  runtime::Cancellation stop_;
};

}  // namespace baton::store
