// The names behind FieldId: a perfect hash over length and three letters, found when the program is compiled, and one
// comparison. Private to http/. Thread: any. Reads no byte outside the name.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "http/http1.h"

namespace baton::http::detail {

inline constexpr size_t kFieldIds = static_cast<size_t>(FieldId::kAnthropicOwner) + 1;
static_assert(kFieldIds <= 64, "sets of ids are kept in one word");

struct KnownName {
  std::string_view name;  // lower case
  FieldId id;
};

inline constexpr std::array kExactNames = std::to_array<KnownName>({
    {"accept", FieldId::kAccept},
    {"accept-encoding", FieldId::kAcceptEncoding},
    {"anthropic-beta", FieldId::kAnthropicBeta},
    {"anthropic-organization-id", FieldId::kAnthropicOwner},
    {"anthropic-version", FieldId::kAnthropicVersion},
    {"anthropic-workspace-id", FieldId::kAnthropicOwner},
    {"authorization", FieldId::kAuthorization},
    {"baton-key", FieldId::kBatonKey},
    {"connection", FieldId::kConnection},
    {"content-encoding", FieldId::kContentEncoding},
    {"content-length", FieldId::kContentLength},
    {"content-type", FieldId::kContentType},
    {"cookie", FieldId::kCookie},
    {"date", FieldId::kDate},
    {"expect", FieldId::kExpect},
    {"forwarded", FieldId::kForwarded},
    {"host", FieldId::kHost},
    {"keep-alive", FieldId::kKeepAlive},
    {"origin", FieldId::kOrigin},
    {"proxy-authenticate", FieldId::kProxyAuthenticate},
    {"proxy-authorization", FieldId::kProxyAuthorization},
    {"proxy-connection", FieldId::kProxyConnection},
    {"request-id", FieldId::kRequestId},
    {"retry-after", FieldId::kRetryAfter},
    {"server", FieldId::kServer},
    {"set-cookie", FieldId::kSetCookie},
    {"te", FieldId::kTe},
    {"trailer", FieldId::kTrailer},
    {"transfer-encoding", FieldId::kTransferEncoding},
    {"upgrade", FieldId::kUpgrade},
    {"via", FieldId::kVia},
    {"x-api-key", FieldId::kXApiKey},
    {"x-real-ip", FieldId::kXRealIp},
});

// Families: every name that begins so and is not one of the exact names.
inline constexpr std::array kPrefixes = std::to_array<KnownName>({
    {"anthropic-fast-", FieldId::kAnthropicLimit},
    {"anthropic-priority-", FieldId::kAnthropicLimit},
    {"anthropic-ratelimit-", FieldId::kAnthropicLimit},
    {"baton-", FieldId::kBatonOther},
    {"x-forwarded-", FieldId::kXForwarded},
});

inline constexpr size_t kNameBytesMin = 2;
inline constexpr size_t kNameBytesMax = 25;
inline constexpr size_t kSlots = 128;

constexpr unsigned slot_of(std::string_view name, unsigned seed) {
  const auto letter = [&](size_t i) { return static_cast<unsigned>(static_cast<uint8_t>(name[i])) | 0x20u; };
  const unsigned mixed = (letter(0) + letter(name.size() / 2) * 31 + letter(name.size() - 1) * 961 +
                          static_cast<unsigned>(name.size()) * 29791) *
                         seed;
  return mixed >> 25;
}
static_assert((~0u >> 25) + 1 == kSlots);

struct NameEntry {
  std::array<char, 32> name{};
  std::array<char, 32> fold{};  // 0x20 where the name has a letter
  uint8_t bytes = 0;
  FieldId id = FieldId::kOther;
};

constexpr NameEntry make_entry(KnownName known) {
  NameEntry entry;
  for (size_t k = 0; k < known.name.size(); ++k) {
    entry.name[k] = known.name[k];
    entry.fold[k] = known.name[k] >= 'a' && known.name[k] <= 'z' ? 0x20 : 0;
  }
  entry.bytes = static_cast<uint8_t>(known.name.size());
  entry.id = known.id;
  return entry;
}

struct NameTable {
  unsigned seed = 0;
  std::array<uint8_t, kSlots> slots{};  // 0 is empty, else 1 + index into entries
  std::array<NameEntry, kExactNames.size()> entries{};
  std::array<NameEntry, kPrefixes.size()> prefixes{};
};

consteval NameTable make_name_table() {
  NameTable table;
  for (size_t i = 0; i < kExactNames.size(); ++i) table.entries[i] = make_entry(kExactNames[i]);
  for (size_t i = 0; i < kPrefixes.size(); ++i) table.prefixes[i] = make_entry(kPrefixes[i]);
  unsigned seed = 0x9e3779b1u;
  for (;; seed = seed * 1664525u + 1013904223u) {
    table.slots = {};
    bool free = true;
    for (size_t i = 0; i < kExactNames.size() && free; ++i) {
      uint8_t& slot = table.slots[slot_of(kExactNames[i].name, seed)];
      free = slot == 0;
      slot = static_cast<uint8_t>(i + 1);
    }
    if (free) break;
  }
  table.seed = seed;
  return table;
}

inline constexpr NameTable kNames = make_name_table();

template <class Word>
Word load(const char* at) {
  Word word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// Whether `name`, of the entry's length, is the entry's name in any case. Words overlap at the end instead of running
// over it.
inline bool same_name(std::string_view name, const NameEntry& entry) {
  const size_t n = name.size();
  const char* p = name.data();
  const auto differ = [&]<class Word>(Word, size_t i) {
    return (load<Word>(p + i) | load<Word>(entry.fold.data() + i)) ^ load<Word>(entry.name.data() + i);
  };
  if (n >= 8) {
    uint64_t difference = differ(uint64_t{}, n - 8);
    for (size_t i = 0; i + 8 < n; i += 8) difference |= differ(uint64_t{}, i);
    return difference == 0;
  }
  if (n >= 4) return (differ(uint32_t{}, 0) | differ(uint32_t{}, n - 4)) == 0;
  return (differ(uint16_t{}, 0) | differ(uint16_t{}, n - 2)) == 0;
}

inline FieldId lookup(std::string_view name) {
  if (name.size() < kNameBytesMin) return FieldId::kOther;
  if (name.size() <= kNameBytesMax) {
    const uint8_t slot = kNames.slots[slot_of(name, kNames.seed)];
    if (slot != 0) {
      const NameEntry& entry = kNames.entries[slot - 1];
      if (entry.bytes == name.size() && same_name(name, entry)) return entry.id;
    }
  }
  for (const NameEntry& prefix : kNames.prefixes) {
    if ((name[0] | 0x20) == prefix.name[0] && name.size() >= prefix.bytes &&
        same_name(name.substr(0, prefix.bytes), prefix)) {
      return prefix.id;
    }
  }
  return FieldId::kOther;
}

}  // namespace baton::http::detail
