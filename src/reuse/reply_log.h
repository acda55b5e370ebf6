// ReplyLog: kept replies on the disk, so that a restart starts warm. Records are appended to segments by a thread of
// its own; when there are too many bytes the oldest segment goes. Each record carries an HMAC under the log's secret:
// one that is damaged, or was not written by this relay, is passed over, and the rest is read. What the disk does not
// take is not waited for: then a reply is only kept in memory. Life: made in app/ before the loops, outlives the
// ReplyStore. Thread: any; restore() before the loops. Bounds: Config.disk_bytes_max; kLogQueueBytesMax wait for the
// thread, what comes then is not written and counted. Files of mode 0600 in a folder of their own; nothing is
// encrypted. One process writes at a time, the one that holds the folder's lock: a successor reads what is there, and
// writes once its predecessor has left.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "metrics/relay_metrics.h"
#include "reuse/reply_store.h"
#include "runtime/clock.h"

namespace baton::reuse {

class ReplyLog {
 public:
  static constexpr size_t kSegmentsExpected = 16;  // of the bytes that are allowed

  struct Options {
    std::string folder;  // is made
    uint64_t bytes_max = 0;
  };
  // kStore: the folder or its secret cannot be had.
  static Expected<std::unique_ptr<ReplyLog>> open(Options options, const runtime::Clock& clock);
  // What waits is written first.
  ~ReplyLog();
  ReplyLog(const ReplyLog&) = delete;
  ReplyLog& operator=(const ReplyLog&) = delete;

  // Decides where replies lie, from one start to the next.
  const std::array<uint8_t, 32>& secret() const { return secret_; }
  // Puts what is there, and has not ended, into the store. Reads every segment.
  void restore(ReplyStore& store);
  // Never waits for the disk. `purges`: those of `store` when the reply's call began; one that is overtaken by a purge
  // is not written.
  void write(std::shared_ptr<const KeptReply> reply, uint64_t purges, const ReplyStore& store);
  // Waits until what is selected is gone from the disk.
  void purge(const Selection& what);
  // Waits until all that was written before is on its way to the disk.
  void settle();
  // A successor is to write: what waits is written, the lock given back, and nothing written any more.
  void leave();

  const metrics::ReplyLogCounts& counts() const { return counts_; }
  // What keeps replies from being written, one line; empty when all is well.
  std::string trouble() const;

 private:
  struct Job {
    std::shared_ptr<const KeptReply> reply = {};  // or
    std::unique_ptr<Chosen> purge = {};
  };
  struct Segment {
    uint64_t number = 0;
    uint64_t bytes = 0;
  };

  ReplyLog(Options options, const runtime::Clock& clock) : options_(std::move(options)), clock_(clock) {}
  Expected<void> find_secret();
  bool hold();
  bool hold_soon();
  void find_segments();
  std::string path_of(uint64_t segment) const;
  void run();
  void append(const std::vector<Job>& jobs);
  void append_record(std::string& out, std::string_view payload) const;
  bool write_out(std::string_view records);
  void forget_oldest(uint64_t bytes);
  void rewrite(Segment& segment, const Selection& without);
  template <class Visit>
  void each_record(std::string_view bytes, Visit&& visit);
  void say(std::string trouble);

  const Options options_;
  const runtime::Clock& clock_;
  std::array<uint8_t, 32> secret_{};
  metrics::ReplyLogCounts counts_;
  std::vector<Segment> segments_;  // the oldest first; of the thread, once it runs
  int file_ = -1;                  // the newest
  int lock_ = -1;
  bool held_ = false;  // whether the lock is ours
  mutable std::mutex mutex_;
  std::condition_variable there_is_work_;
  std::condition_variable done_;
  std::deque<Job> jobs_;
  size_t queued_bytes_ = 0;
  uint64_t taken_ = 0;     // jobs since the start
  uint64_t finished_ = 0;  // of them
  bool ending_ = false;
  bool left_ = false;
  std::string trouble_;
  std::thread thread_;
};

}  // namespace baton::reuse
