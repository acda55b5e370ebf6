// PoolMemory: what an AccountPool has learnt and what its operator has said, as a value: it survives a restart in a
// file, and a reload of the configuration in memory. AccountPool::save() makes it, restore() takes of it what still
// fits: accounts are found by their names, and one whose credential or address is another begins anew.
// Life: a value. Thread: any. Bounds: that of the pool; kRememberedMax conversations. Times are those of a calendar, so
// that they mean the same in another process.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "accounts/limit_class.h"
#include "base/units.h"

namespace baton::accounts {

inline constexpr size_t kRememberedMax = 16'384;  // conversations, those of the latest calls

enum class ParkReason : uint8_t { kNone, kUnauthorized, kSpendCap };

// The operator's word on an account.
enum class Duty : uint8_t {
  kOn,
  kDraining,  // no new calls but those that belong to it: its batches, its files
  kParked,    // none at all
};

struct PoolMemory {
  struct Exclusion {
    uint64_t model = 0;  // a hash; 0: calls without one
    WallTime until;
    friend bool operator==(const Exclusion&, const Exclusion&) = default;
  };
  struct Account {
    std::string name;
    std::string identity;  // of its credential and address; not the credential
    Duty duty = Duty::kOn;
    std::string reason;  // the operator's
    ParkReason parked = ParkReason::kNone;
    std::optional<WallTime> parked_until = {};  // nothing: until a probe or the operator frees it
    std::optional<WallTime> ejected_until = {};
    uint32_t ejections = 0;
    std::vector<Exclusion> exclusions = {};
    friend bool operator==(const Account&, const Account&) = default;
  };
  // What one limit domain lets one class of calls send.
  struct Limits {
    std::string domain;
    LimitClass limits = LimitClass::kOtherModel;
    std::optional<WallTime> benched_until = {};
    std::array<double, 3> limit{};  // requests, input tokens, output tokens per minute; 0: not known
    std::array<double, 3> level{};  // when it was saved
    friend bool operator==(const Limits&, const Limits&) = default;
  };
  struct Binding {
    uint64_t conversation = 0;
    uint32_t account = 0;  // its place in `accounts`
    WallTime used;
    friend bool operator==(const Binding&, const Binding&) = default;
  };

  WallTime saved;
  std::vector<Account> accounts;
  std::vector<Limits> limits;
  std::vector<Binding> bindings;
  friend bool operator==(const PoolMemory&, const PoolMemory&) = default;
};

// JSON lines: a head with the version, one line per thing, and a last one that says how many there were.
std::string to_text(const PoolMemory& memory);
// The reason why it is of no use: another version, cut short, not what to_text() writes.
std::expected<PoolMemory, std::string> memory_from_text(std::string_view text);

std::string_view name(Duty duty);
std::string_view name(ParkReason reason);

}  // namespace baton::accounts
