#include "ledger/access_log.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "metrics/line_sink.h"

namespace baton::ledger {

using metrics::LineSink;

// The queue and the thread that empties it. What the thread touches belongs to this object alone: metrics and log are
// reached only under the mutex and only until stop() has let go of them.
class AccessLog::Writer {
 public:
  Writer(LineSink sink, std::string path, size_t bytes_max, metrics::RelayMetrics& metrics, metrics::Log& log)
      : path_(std::move(path)), bytes_max_(bytes_max), sink_(std::move(sink)), metrics_(&metrics), log_(&log) {}

  uint64_t take(Lines& lines) {
    uint64_t dropped = 0;
    {
      std::lock_guard lock(mutex_);
      if (stopping_ || queued_bytes_ + lines.bytes.size() > bytes_max_) {
        dropped = lines.count;
        if (log_ != nullptr) log_->trouble(kTopic, "access log: lines are dropped, its sink is too slow");
      } else {
        queued_bytes_ += lines.bytes.size();
        enqueue(lines);
      }
    }
    lines.bytes.clear();
    lines.count = 0;
    if (dropped == 0) work_.notify_one();
    return dropped;
  }

  void reopen() {
    {
      std::lock_guard lock(mutex_);
      reopen_ = true;
    }
    work_.notify_one();
  }

  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      work_.wait(lock, [this] { return stopping_ || reopen_ || !queue_.empty(); });
      if (std::exchange(reopen_, false)) open_anew(lock);
      if (queue_.empty()) {
        if (stopping_) break;
        continue;
      }
      Lines lines = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      uint64_t lost = write(lines);
      lock.lock();
      queued_bytes_ -= lines.bytes.size();
      if (lost > 0) count_lost(lost, trouble_);
      if (spare_.size() < kSpareMax) spare_.push_back(std::move(lines));
    }
    done_ = true;
    finished_.notify_all();
  }

  // Waits for the queue to be written, then for the thread to see that it is over; false when it is stuck in a write.
  bool stop(Duration at_most) {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    give_up_at_ = std::chrono::steady_clock::now() + at_most;
    work_.notify_one();
    bool done = finished_.wait_for(lock, at_most + kMargin, [this] { return done_; });
    uint64_t lost = 0;
    for (const Lines& lines : queue_) lost += lines.count;
    if (lost > 0) count_lost(lost, "the process ends");
    metrics_ = nullptr;
    log_ = nullptr;
    return done;
  }

 private:
  static constexpr size_t kSpareMax = 4;
  static constexpr Duration kPatience = std::chrono::milliseconds(100);
  static constexpr Duration kMargin = std::chrono::milliseconds(150);
  static constexpr std::string_view kTopic = "access log";

  // Called with the mutex. Small hand-overs share one buffer: a queue of nearly empty ones would hold far more than its
  // bytes.
  void enqueue(Lines& lines) {
    if (!queue_.empty()) {
      Lines& last = queue_.back();
      if (last.bytes.size() + lines.bytes.size() <= last.bytes.capacity()) {
        last.bytes.append(lines.bytes);
        last.count += lines.count;
        return;
      }
    }
    Lines room = take_room(lines.bytes.capacity());
    queue_.push_back(std::exchange(lines, std::move(room)));
  }

  Lines take_room(size_t capacity) {
    Lines room;
    if (spare_.empty()) {
      room.bytes.reserve(capacity);
    } else {
      room = std::move(spare_.back());
      spare_.pop_back();
    }
    return room;
  }

  // Gives how many lines were lost. Called without the mutex.
  uint64_t write(const Lines& lines) {
    // A line that was cut by a failing sink is ended first, so that the next one is whole.
    std::string_view rest = lines.bytes;
    while (!rest.empty()) {
      std::string_view next = torn_ ? std::string_view("\n") : rest;
      Expected<size_t> wrote = sink_.write(next);
      if (!wrote) {
        trouble_ = wrote.error().detail;
        return lines_in(lines, rest);
      }
      if (*wrote > 0) {
        if (torn_) {
          torn_ = false;
        } else {
          rest.remove_prefix(*wrote);
        }
        continue;
      }
      if (overdue()) {
        trouble_ = "nobody reads it";
        return lines_in(lines, rest);
      }
      sink_.wait(kPatience);
    }
    return 0;
  }

  // The lines that are not wholly written; notes whether the first of them is partly out.
  uint64_t lines_in(const Lines& lines, std::string_view rest) {
    size_t written = lines.bytes.size() - rest.size();
    if (written > 0) torn_ = lines.bytes[written - 1] != '\n';
    return static_cast<uint64_t>(std::ranges::count(rest, '\n'));
  }

  bool overdue() {
    std::lock_guard lock(mutex_);
    return stopping_ && std::chrono::steady_clock::now() >= give_up_at_;
  }

  // Called with the mutex.
  void count_lost(uint64_t lines, const std::string& why) {
    if (metrics_ != nullptr) metrics_->access_log_dropped(lines);
    if (log_ != nullptr) log_->trouble(kTopic, "access log: lines are lost: " + why);
  }

  void open_anew(std::unique_lock<std::mutex>& lock) {
    if (path_.empty()) return;
    lock.unlock();
    Expected<LineSink> opened = LineSink::append_to(path_);
    if (opened) {
      sink_ = std::move(*opened);
      torn_ = false;
    }
    lock.lock();
    if (!opened && log_ != nullptr) {
      log_->trouble(kTopic, "access log: the old file is kept: " + opened.error().detail);
    }
  }

  const std::string path_;  // of a file, else empty
  const size_t bytes_max_;

  // The thread's own.
  LineSink sink_;
  bool torn_ = false;
  std::string trouble_;

  std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable finished_;
  std::deque<Lines> queue_;
  std::vector<Lines> spare_;
  size_t queued_bytes_ = 0;  // with those being written
  bool reopen_ = false;
  bool stopping_ = false;
  bool done_ = false;
  std::chrono::steady_clock::time_point give_up_at_;
  metrics::RelayMetrics* metrics_;
  metrics::Log* log_;
};

AccessLog::AccessLog() = default;

Expected<std::unique_ptr<AccessLog>> AccessLog::open(const Config& config, metrics::RelayMetrics& metrics,
                                                     metrics::Log& log) {
  std::unique_ptr<AccessLog> access_log(new AccessLog);
  if (config.access_log == "off") return access_log;
  LineSink sink;
  std::string path;
  if (config.access_log == "stdout") {
    sink = LineSink::borrow(STDOUT_FILENO);
  } else if (config.access_log == "stderr") {
    sink = LineSink::borrow(STDERR_FILENO);
  } else {
    path = config.access_log;
    Expected<LineSink> opened = LineSink::append_to(path);
    if (!opened) return std::unexpected(opened.error());
    sink = std::move(*opened);
  }
  access_log->writer_ =
      std::make_shared<Writer>(std::move(sink), std::move(path), config.log_queue_bytes_max, metrics, log);

  // Signals are for the threads that expect them; a reader that has gone is then an error value of the write.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  access_log->thread_ = std::thread([writer = access_log->writer_] {
    pthread_setname_np(pthread_self(), "access-log");
    writer->run();
  });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return access_log;
}

AccessLog::~AccessLog() {
  if (off()) return;
  if (writer_->stop(kExitWait)) {
    thread_.join();
  } else {
    thread_.detach();
  }
}

uint64_t AccessLog::hand_over(Lines& lines) { return off() ? 0 : writer_->take(lines); }

void AccessLog::reopen() {
  if (!off()) writer_->reopen();
}

}  // namespace baton::ledger
