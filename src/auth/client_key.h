// ClientKey: a key that was made at run time: whose it is, what it may do, and what is going on with it right now.
// The key itself is nowhere: only its keyed digest is kept (see key_store.h).
// Life: shared by the snapshot that holds it and the calls that use it. Thread: facts are immutable; the meter is made
// of atomics. Bounds: those of key_store.h.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/units.h"
#include "model/budget.h"
#include "model/route.h"
#include "net/address.h"

namespace baton::auth {

// Whether the key's calls may be answered from kept replies: as each call says, never, or unless a call says no.
enum class CachePolicy : uint8_t { kDefault, kOff, kOn };
std::string_view name(CachePolicy policy);
// While calls wait for an account: beside other tenants' calls a key's have a quarter, one, or four times their share;
// of its own team's calls the higher priority goes first.
enum class Priority : uint8_t { kNormal, kLow, kHigh };
std::string_view name(Priority priority);
double share_of(Priority priority);
uint8_t rank_of(Priority priority);  // 0: goes last

// What a key may do. Empty lists and zeros do not limit.
struct Rights {
  std::vector<std::string> models;     // ids; one that ends in '*' stands for all that begin so
  std::vector<std::string> endpoints;  // of endpoint_names()
  uint32_t requests_per_minute = 0;
  uint32_t concurrency = 0;  // calls at a time
  model::Budget budget;
  uint64_t tokens_per_minute = 0;
  std::vector<std::string> accounts;   // whose; one that ends in '*' stands for all that begin so
  std::vector<std::string> groups;     // of accounts; with both, an account that either names will do
  std::vector<std::string> addresses;  // CIDRs that it may be used from
  CachePolicy cache = CachePolicy::kDefault;
  Priority priority = Priority::kNormal;
  friend bool operator==(const Rights&, const Rights&) = default;
};

// "messages", "count_tokens", "batches", "models", "files", "other".
std::vector<std::string_view> endpoint_names();
std::string_view endpoint_of(model::Operation operation);

// What is counted of a key, over all loops. It outlives changes of the key's facts.
struct Meter {
  std::atomic<int64_t> open{0};             // calls being served
  std::atomic<int64_t> spent_to{0};         // the time, in ns, up to which requests are spent (GCRA)
  std::atomic<int64_t> tokens_spent_to{0};  // and tokens
};

struct ClientKey {
  std::string id;  // "key_…"
  std::string name;
  std::string team;
  std::string tags;  // as in model::Outcome
  Rights rights;
  std::vector<net::Cidr> from;  // rights.addresses, read
  std::shared_ptr<Meter> meter;
};

// Permit: one of a key's calls, counted for as long as this lives.
class [[nodiscard]] Permit {
 public:
  Permit() = default;
  explicit Permit(std::shared_ptr<Meter> meter) : meter_(std::move(meter)) {}
  Permit(Permit&&) noexcept = default;
  Permit& operator=(Permit&& other) noexcept {
    release();
    meter_ = std::move(other.meter_);
    return *this;
  }
  ~Permit() { release(); }
  void release() {
    if (meter_) std::exchange(meter_, nullptr)->open.fetch_sub(1, std::memory_order_relaxed);
  }

 private:
  std::shared_ptr<Meter> meter_;
};

// Counts the call in. kForbidden: the key is not for this endpoint. kRateLimited: too many calls at a time or a minute;
// `retry_after` is then when the next one may come, 0 when that is not known. Nothing is counted on an error.
// A minute's requests may come at once; then they come back one by one.
Expected<Permit> admit(const ClientKey& key, model::Operation operation, Instant now, Duration& retry_after);

// kForbidden: the key is not for this model. A body that names none is the vendor's to refuse.
Expected<void> allow_model(const ClientKey& key, std::string_view model);

// Whether the key may be served by this account of this group.
bool allows_account(const Rights& rights, std::string_view account, std::string_view group);
inline bool limits_accounts(const Rights& rights) { return !rights.accounts.empty() || !rights.groups.empty(); }

}  // namespace baton::auth
