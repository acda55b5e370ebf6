// Books: what the simulator has served, per key: what tests compare a relay's own accounts with, and where they see
// that a client's disconnect has reached the upstream. Life: one per simulator. Thread: one at a time. Bounds:
// kBookKeysMax keys, further ones are booked together as "other".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "sim/prompt_cache.h"

namespace baton::sim {

inline constexpr size_t kBookKeysMax = 1'000;
// A key is shown by its first characters only, should a real one have come here.
inline constexpr size_t kBookKeyShown = 16;

struct Account {
  uint64_t requests = 0;  // of any kind, refused ones included
  uint64_t refused = 0;   // answered with a status of 400 or more
  uint64_t open = 0;      // being answered
  uint64_t messages = 0;  // Messages calls admitted
  uint64_t aborted = 0;   // replies that did not reach their end, whoever's fault
  uint64_t input_tokens = 0;
  uint64_t cache_read_tokens = 0;
  uint64_t cache_creation_tokens = 0;
  uint64_t output_tokens = 0;  // sent, also by replies that were then aborted
};

class Books {
 public:
  // The number by which the key is known from now on, never 0.
  uint64_t open(std::string_view key);
  void refuse(uint64_t key) { at(key).refused++; }
  void admit(uint64_t key, const InputTokens& input);
  void close(uint64_t key, uint64_t output_tokens, bool complete);

  Account total() const;
  // By the key as it was sent; zeros for an unknown one.
  Account of(std::string_view key) const;
  // {"total":{…},"keys":[{"key":"sk-a…",…}]}
  void append_json(std::string& out) const;

 private:
  struct Entry {
    std::string shown;
    Account account;
  };
  Account& at(uint64_t key) { return entries_[key].account; }
  std::unordered_map<uint64_t, Entry> entries_;
};

}  // namespace baton::sim
