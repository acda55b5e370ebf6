// NonceDatabase: nonces of signed requests in PostgreSQL, so that each counts once over all relays that share the
// database. What this host knows already (its NonceFile, asked first) needs no question. Whether a nonce is new is
// decided by the server's unique key, whether its time is over by the server's clock, for all relays alike. Where that
// cannot be told within the deadline the request is refused, never let through. Life: made in app/, outlives the loops;
// connects with the first claim. Thread: claim() on a loop; one thread of its own asks the server, for all that wait at
// once. Bounds: waiting_max wait; a claim waits for two answers at most, each within kNonceAnswer; for kNonceRest after
// a failure claims are refused at once.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "auth/nonce_file.h"
#include "auth/nonce_store.h"
#include "base/secret.h"
#include "store/postgres.h"

namespace baton::auth {

class NonceDatabase final : public NonceStore {
 public:
  // Of their own, since the ledger's schema has its own history.
  static constexpr const char* kSchema = "baton_nonces";

  // Borrows `here` for its life.
  NonceDatabase(Secret url, NonceFile& here, size_t waiting_max = kNonceClaimsMax);
  ~NonceDatabase() override;
  NonceDatabase(const NonceDatabase&) = delete;
  NonceDatabase& operator=(const NonceDatabase&) = delete;

  runtime::Task<Expected<void>> claim(runtime::Loop& loop, NonceMark mark, WallTime signed_at, WallTime now) override;
  // Claims that wait for the server.
  const std::atomic<size_t>& waiting_counter() const { return waiting_; }
  // Why claims are refused, one line; empty when all is well. Any thread.
  std::string trouble() const;

 private:
  enum class Answer : uint8_t { kNone, kNew, kSeen, kUnknown };
  // On the frame of the call that waits; touched on its loop only, but for what the thread is given.
  struct Claim {
    NonceMark mark;
    int64_t until = 0;  // ms since 1970
    runtime::Loop* loop = nullptr;
    runtime::Slot* done = nullptr;
    Answer* answer = nullptr;
  };

  void run();
  // An answer for each.
  store::Result<std::vector<Answer>> ask(const std::vector<Claim>& claims);
  static void tell(const Claim& claim, Answer answer);
  store::Result<void> forget();

  const Secret url_;
  NonceFile& here_;
  const size_t waiting_max_;
  std::atomic<bool> hurry_{false};
  std::unique_ptr<store::Postgres> connection_;  // the thread's own
  std::atomic<size_t> waiting_{0};
  mutable std::mutex mutex_;
  std::condition_variable there_is_work_;
  std::vector<Claim> claims_;
  std::string trouble_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace baton::auth
