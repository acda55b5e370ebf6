#include "store/redis_link.h"

#include <algorithm>

#include "runtime/wait.h"

namespace baton::store {

using runtime::IoStatus;
using runtime::Task;

namespace {
constexpr size_t kReadBytes = 16 * kKiB;
constexpr int kReadsPerTurn = 16;
constexpr size_t kReplyOverheadBytes = 64;
}  // namespace

void RedisLink::stop() { stop_.cancel(runtime::CancelReason::kDrain); }

Task<void> RedisLink::run() {
  while (!stop_.cancelled()) {
    if (parts_.loop.now() < breaker_.try_at()) {
      co_await runtime::wait(parts_.loop, {.cancel = &stop_, .until = breaker_.try_at()});
      continue;
    }
    auto dialled = co_await parts_.dialer.dial(stop_);
    if (dialled) {
      stream_ = std::move(*dialled);
      co_await serve();
    }
    up_ = false;
    breaker_.open(parts_.loop.now(), parts_.random.unit());
    if (stop_.cancelled()) break;
    ++parts_.counts.opened;
  }
}

RedisCommands RedisLink::greeting() const {
  RedisCommands hello;
  if (!options_.user.empty()) {
    hello.add({"AUTH", options_.user, options_.password.reveal()});
  } else if (!options_.password.empty()) {
    hello.add({"AUTH", options_.password.reveal()});
  }
  if (options_.database != 0) hello.add({"SELECT", std::to_string(options_.database)});
  return hello.add({"PING"});
}

// A server that loads its data, wants another password or is none says something else.
bool RedisLink::greeted() const {
  return hello_->whole() && hello_->replies.back().text == "PONG" &&
         std::ranges::all_of(hello_->replies, [](const Resp& one) { return one.kind == Resp::Kind::kStatus; });
}

// From connected to broken.
Task<void> RedisLink::serve() {
  broken_ = false;
  const RedisCommands hello = greeting();
  hello_ = std::make_shared<Answer>(Answer{.wanted = hello.count()});
  (void)put(hello, hello_);
  const Instant ready_until = parts_.loop.now() + kGreetingMax;
  while (!stop_.cancelled() && !broken_) {
    if (!flush() || !receive() || broken_) break;
    if (!up_ && hello_->whole()) {
      if (!greeted()) {
        ++parts_.counts.errors;
        break;
      }
      up_ = true;
      ++parts_.counts.connections;
    }
    Instant until = up_ ? runtime::kNever : ready_until;
    if (up_ && !outstanding_.empty()) until = outstanding_.front().since + kSilenceMax;
    if (parts_.loop.now() >= until) {
      ++parts_.counts.timeouts;
      break;
    }
    if (stream_->can_read()) {
      co_await runtime::yield(parts_.loop);
      continue;
    }
    co_await runtime::wait(parts_.loop, {.read = stream_.get(),
                                         .write = sent_ < out_.size() ? stream_.get() : nullptr,
                                         .cancel = &stop_,
                                         .until = until,
                                         .slot = &work_});
  }
  if (up_) --parts_.counts.connections;
  up_ = false;
  stream_.reset();
  give_up_all();
}

bool RedisLink::put(const RedisCommands& commands, const std::shared_ptr<Answer>& answer) {
  if (outstanding_.size() + commands.count() > kOutstandingMax ||
      out_.size() - sent_ + commands.text().size() > kUnsentBytesMax) {
    ++parts_.counts.refused;
    return false;
  }
  out_.append(commands.text());
  outstanding_.insert(outstanding_.end(), commands.count(), {answer, parts_.loop.now()});
  work_.notify();
  return true;
}

bool RedisLink::flush() {
  while (sent_ < out_.size() && stream_->can_write()) {
    iovec part{out_.data() + sent_, out_.size() - sent_};
    const auto put_down = stream_->try_write({&part, 1});
    if (put_down.status == IoStatus::kBlocked) break;
    if (put_down.status != IoStatus::kOk) return false;
    sent_ += put_down.bytes;
    parts_.counts.bytes_sent += put_down.bytes;
  }
  if (sent_ == out_.size()) {
    if (out_.capacity() > 64 * kKiB) std::string().swap(out_);
    out_.clear();
    sent_ = 0;
  } else if (sent_ >= 1 * kMiB) {
    out_.erase(0, sent_);
    sent_ = 0;
  }
  return true;
}

// What is there, up to a bound a turn. False: the connection is of no use any more.
bool RedisLink::receive() {
  const RespLimits limits{.bytes_max = options_.reply_bytes_max + kReplyOverheadBytes};
  for (int i = 0; i < kReadsPerTurn && stream_->can_read(); ++i) {
    const size_t before = in_.size();
    in_.resize(before + kReadBytes);
    const auto got = stream_->try_read({in_.data() + before, kReadBytes});
    in_.resize(before + (got.status == IoStatus::kOk ? got.bytes : 0));
    if (got.status == IoStatus::kBlocked) break;
    if (got.status != IoStatus::kOk) return false;
    parts_.counts.bytes_received += got.bytes;
    size_t at = 0;
    while (at < in_.size() && in_.size() - at >= wanted_) {
      auto parsed = parse_resp(std::string_view(in_).substr(at), limits);
      if (parsed.state == RespParsed::State::kMore) {
        wanted_ = parsed.bytes;
        break;
      }
      wanted_ = 0;
      if (parsed.state == RespParsed::State::kBroken || !take(std::move(parsed.value))) {
        ++parts_.counts.errors;
        return false;
      }
      at += parsed.bytes;
    }
    in_.erase(0, at);
  }
  if (in_.empty() && in_.capacity() > 64 * kKiB) std::string().swap(in_);
  return true;
}

bool RedisLink::take(Resp reply) {
  if (outstanding_.empty()) return false;
  const std::shared_ptr<Answer> answer = std::move(outstanding_.front().answer);
  outstanding_.pop_front();
  const bool error = reply.is_error();
  if (up_ && error) {
    ++parts_.counts.errors;
    failed();
  }
  if (answer == nullptr) return true;
  answer->replies.push_back(std::move(reply));
  if (!answer->whole()) return true;
  if (up_ && !error && !answer->abandoned) breaker_.succeeded();
  answer->slot.notify();
  return true;
}

void RedisLink::failed() {
  if (!breaker_.failed()) return;
  broken_ = true;
  up_ = false;
  --parts_.counts.connections;
  work_.notify();
}

void RedisLink::give_up_all() {
  for (Outstanding& one : outstanding_) {
    if (one.answer == nullptr || one.answer->whole()) continue;
    one.answer->lost = true;
    one.answer->slot.notify();
  }
  outstanding_.clear();
  std::string().swap(out_);
  std::string().swap(in_);
  sent_ = wanted_ = 0;
}

Task<Expected<std::vector<Resp>>> RedisLink::ask(RedisCommands commands, Instant until) {
  if (!up_) co_return fail(ErrorCode::kStore, Fault::kUs, "Redis is away");
  auto answer = std::make_shared<Answer>(Answer{.wanted = commands.count()});
  if (!put(commands, answer)) co_return fail(ErrorCode::kOverloaded, Fault::kUs, "too much waits for Redis");
  bool looked = false;
  while (!answer->whole() && !answer->lost) {
    const auto ready = co_await runtime::wait(parts_.loop, {.until = until, .slot = &answer->slot});
    if (answer->whole() || answer->lost || (ready & runtime::kTimedOut) == 0) continue;
    // It is here and only not read yet: then it is this loop that was late.
    if (!looked && stream_ != nullptr && stream_->can_read()) {
      looked = true;
      co_await runtime::yield(parts_.loop);
      continue;
    }
    answer->abandoned = true;
    ++parts_.counts.timeouts;
    if (up_) failed();
    co_return fail(ErrorCode::kTimeout, Fault::kUs, "Redis did not answer in time");
  }
  if (answer->lost) co_return fail(ErrorCode::kStore, Fault::kUs, "Redis has gone");
  co_return std::move(answer->replies);
}

bool RedisLink::tell(const RedisCommands& commands) { return up_ && put(commands, nullptr); }

}  // namespace baton::store
