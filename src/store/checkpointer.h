// Checkpointer: a thread that carries SQLite's write-ahead log over into the file, so that the loops never wait for
// the disk.
// Life: a member of who writes the file; ending it waits for a checkpoint that runs. Thread: any.
// Bounds: one request waits at most; a checkpoint that fails is tried again with the next request.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace baton::store {

class Checkpointer {
 public:
  explicit Checkpointer(std::string path);
  ~Checkpointer();
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  // Returns at once.
  void request();
  // No checkpoint runs while the lock is held: for replacing the file. Waits for the one that runs.
  std::unique_lock<std::mutex> hold() { return std::unique_lock(file_mutex_); }

 private:
  void run();

  const std::string path_;
  std::mutex file_mutex_;
  std::mutex mutex_;
  std::condition_variable wanted_changed_;
  bool wanted_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace baton::store
