// Upkeep: what the process looks after while it serves: keys that were made or revoked, a price file that changed,
// budgets of which a share is spent, and what the operator should see on /healthz. Nothing of it is on a loop.
// Life: in serve(). Thread: the app's main one, but for take_keys_over(). Bounds: a turn asks SQLite for one number and
// stats one file; more only when something changed.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <string>

#include "app/shared.h"
#include "app/webhook.h"
#include "auth/key_store.h"

namespace baton::app {

class Upkeep {
 public:
  // So a new or a revoked key is noticed well within a second.
  static constexpr Duration kEvery = std::chrono::milliseconds(250);

  // So long the first call waits for a ledger's server.
  static constexpr Duration kStartWait = std::chrono::seconds(5);

  explicit Upkeep(Shared& shared);
  // Before the first call can come. kStore: there are keys, and they cannot be read: nobody must be let in without one.
  Expected<void> begin();
  void turn();
  // Keys and budgets of teams that were changed are in force when it returns. Any thread but a loop's.
  void take_keys_over();

 private:
  struct FileStamp {
    int64_t modified_ns = 0;
    int64_t size = 0;
    uint64_t inode = 0;
    friend bool operator==(const FileStamp&, const FileStamp&) = default;
  };
  Expected<void> look_at_keys();
  void learn_budgets();
  void look_at_prices();
  void look_at_stores();
  void tell_warnings();
  FileStamp stamp_of_prices() const;

  Shared& shared_;
  std::mutex keys_mutex_;
  std::optional<auth::KeyStore> keys_;
  FileStamp prices_;
  std::unique_ptr<Webhook> webhook_;
  bool budgets_known_ = true;
  Instant learn_again_{};
  std::atomic<bool> begun_{false};
};

}  // namespace baton::app
