// Policy: which entries stay when there is not room for all. A policy knows entries by a slot number that its owner
// gives out, and holds them within `bytes_max` of their costs: admitting one says which others have to go. Life: one
// per shard. Thread: one at a time. Bounds: sum of bytes <= bytes_max, always; every call is O(1), amortised over
// admissions; a hit never allocates. Pure: no clock, no chance but a seeded one. Source: S3-FIFO (Yang et al., SOSP
// 2023); W-TinyLFU (Einziger et al., TOS 2017), adaptive window (Einziger et al., Middleware 2018);
// GreedyDual-Size-Frequency (Cherkasova, 1998).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace baton::cache {

using Slot = uint32_t;
inline constexpr Slot kNoSlot = ~Slot{0};

enum class PolicyKind : uint8_t {
  kValue,  // S3-FIFO queues, the main one evicted by value per byte
  kS3Fifo,
  kTinyLfu,  // W-TinyLFU with an adaptive window
  kLru,      // the baseline
};
std::string_view name(PolicyKind kind);
std::optional<PolicyKind> parse_policy(std::string_view name);

struct Item {
  uint64_t key = 0;    // well mixed
  uint64_t bytes = 1;  // <= bytes_max of the policy
  double worth = 1;    // what a hit saves; only its ratio to others' matters
};

class Policy {
 public:
  virtual ~Policy() = default;
  // Takes `slot`, which is not in use, and appends to `evicted` the slots that had to go for it. It may be among them:
  // refused.
  virtual void admit(Slot slot, const Item& item, std::vector<Slot>& evicted) = 0;
  virtual void hit(Slot slot) = 0;
  // The owner takes an entry out (expired, purged, replaced).
  virtual void remove(Slot slot) = 0;
  virtual uint64_t bytes() const = 0;
};

struct PolicyOptions {
  uint64_t bytes_max = 0;
  // Entries that are to be expected at once; a ghost list or sketch is sized for so many.
  size_t entries_expected = 1024;
};
std::unique_ptr<Policy> make_policy(PolicyKind kind, const PolicyOptions& options);

}  // namespace baton::cache
