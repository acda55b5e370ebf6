// NonceFile: nonces of signed requests in <data_dir>/nonces, so that each counts once, over restarts and over several
// processes that share the folder. One file per minute in which its nonces are forgotten, of 16 bytes each, only ever
// appended to; the file is removed whole when its minute has passed. Which of two equal marks came first is decided by
// their order in the file. Appends are not synced: they outlive the process, not the machine, and so after a boot
// (known by the kernel's boot id) what was signed before this start is refused. How far ahead of the clock a
// time was that was taken is synced, in `horizon`, so that it is refused then too. Life: one per process. Thread: any;
// claim() never suspends: one write and one lseek of the page cache under a mutex. Bounds: nonces_max in memory (about
// 50 bytes each); beyond it requests are refused, never let through.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <unordered_set>

#include "auth/nonce_store.h"

namespace baton::auth {

class NonceFile final : public NonceStore {
 public:
  struct Options {
    std::string folder;  // made with the first nonce
    size_t nonces_max = kNoncesMax;
    std::string boot_id = this_boot();
  };
  // Reads what is there. What goes wrong is told by the first claim().
  NonceFile(Options options, WallTime now);
  ~NonceFile() override;

  runtime::Task<Expected<void>> claim(runtime::Loop& loop, NonceMark mark, WallTime signed_at, WallTime now) override;
  // As claim(), without a coroutine.
  Expected<void> take(NonceMark mark, WallTime signed_at, WallTime now);
  const std::atomic<size_t>& size_counter() const { return size_; }
  size_t size() const { return size_.load(std::memory_order_relaxed); }

  // The kernel's name for this boot, or nothing.
  static std::string this_boot();

 private:
  struct MarkHash {
    size_t operator()(const NonceMark& mark) const;
  };
  // The nonces that are forgotten when its minute has passed.
  struct Minute {
    int file = -1;
    int64_t read_to = 0;  // bytes of the file that are in `marks`
    std::unordered_set<NonceMark, MarkHash> marks;
  };

  void load(WallTime now);
  Expected<void> make_folder();
  void forget(WallTime now);
  bool known(const NonceMark& mark) const;
  Expected<Minute*> open(int64_t minute);
  // Reads on in the file to `end`. False: it cannot be read.
  bool read_on(Minute& minute, int64_t end);
  std::string path_of(int64_t minute) const;

  Options options_;
  // A time ahead of the clock could come round again after the machine was lost.
  Expected<void> look_ahead(WallTime signed_at, WallTime now);

  WallTime horizon_{};  // no later time was taken, but for such as were hardly ahead of the clock
  WallTime barrier_{};  // what was signed before is refused
  bool folder_made_ = false;
  std::mutex mutex_;
  std::map<int64_t, Minute> minutes_;
  std::atomic<size_t> size_{0};
};

}  // namespace baton::auth
