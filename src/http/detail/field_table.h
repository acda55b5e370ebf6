// The names behind FieldId: a perfect hash over length and three letters, found when the program is compiled, and one
// comparison. Private to http/. Thread: any. Reads no byte outside the name.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/ascii.h"
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

// Families: every name that begins so and is not one of the exact names. Each has 8 bytes or more; "baton-" is in
// lookup().
inline constexpr std::array kPrefixes = std::to_array<KnownName>({
    {"anthropic-ratelimit-", FieldId::kAnthropicLimit},
    {"anthropic-priority-", FieldId::kAnthropicLimit},
    {"anthropic-fast-", FieldId::kAnthropicLimit},
    {"x-forwarded-", FieldId::kXForwarded},
});

inline constexpr uint64_t kFold = 0x2020202020202020u;

template <class Word>
constexpr uint64_t load(const char* at) {
  if consteval {
    uint64_t word = 0;
    for (size_t i = 0; i < sizeof(Word); ++i) word |= static_cast<uint64_t>(static_cast<uint8_t>(at[i])) << (8 * i);
    return word;
  } else {
    static_assert(std::endian::native == std::endian::little);
    Word word;
    std::memcpy(&word, at, sizeof word);
    return word;
  }
}

// A name's first and last bytes, in lower case. They overlap in a name of less than 16 and are all of it up to 16.
// Setting one bit is all it takes: the known names are letters and '-', and no other byte of a token becomes one of
// these so.
struct NameEnds {
  uint64_t head = 0;
  uint64_t tail = 0;
};
constexpr NameEnds name_ends(const char* name, size_t bytes) {
  if (bytes >= 8) return {load<uint64_t>(name) | kFold, load<uint64_t>(name + bytes - 8) | kFold};
  if (bytes >= 4) return {load<uint32_t>(name) | kFold, load<uint32_t>(name + bytes - 4) | kFold};
  return {load<uint16_t>(name) | kFold, load<uint16_t>(name + bytes - 2) | kFold};
}

inline constexpr size_t kNameBytesMin = 2;
inline constexpr size_t kSlots = 256;

constexpr size_t slot_of(NameEnds ends, size_t bytes, uint64_t seed) {
  return ((ends.head ^ std::rotl(ends.tail, 23)) + bytes) * seed >> 56;
}
static_assert((~uint64_t{0} >> 56) + 1 == kSlots);

struct NameEntry {
  NameEnds ends;
  uint32_t bytes = 0;  // 0: an empty slot
  FieldId id = FieldId::kOther;
  const char* name = nullptr;
};

struct NameTable {
  uint64_t seed = 0;
  std::array<NameEntry, kSlots> slots{};
};

consteval NameTable make_name_table() {
  for (uint64_t seed = 0x9e3779b97f4a7c15u;; seed = seed * 6364136223846793005u + 1442695040888963407u) {
    NameTable table{.seed = seed | 1, .slots = {}};
    bool free = true;
    for (const KnownName& known : kExactNames) {
      const size_t bytes = known.name.size();
      const NameEnds ends = name_ends(known.name.data(), bytes);
      NameEntry& slot = table.slots[slot_of(ends, bytes, table.seed)];
      free = slot.bytes == 0;
      if (!free) break;
      slot = {ends, static_cast<uint32_t>(bytes), known.id, known.name.data()};
    }
    if (free) return table;
  }
}

inline constexpr NameTable kNames = make_name_table();

// Whether `bytes` (at least 8) bytes of a token are those of a known name; the last word overlaps the one before it.
inline bool same_bytes(const char* token, const char* known, size_t bytes) {
  const auto differ = [&](size_t i) {
    return (load<uint64_t>(token + i) | kFold) ^ (load<uint64_t>(known + i) | kFold);
  };
  uint64_t difference = differ(bytes - 8);
  for (size_t i = 0; i + 8 < bytes; i += 8) difference |= differ(i);
  return difference == 0;
}

// The family that a name of 4 bytes or more belongs to, if any. Apart from lookup(), which stays small without it.
[[gnu::noinline]] inline FieldId family_of(std::string_view name) {
  for (const KnownName& prefix : kPrefixes) {
    const size_t bytes = prefix.name.size();
    if (name.size() >= bytes && same_bytes(name.data(), prefix.name.data(), bytes)) return prefix.id;
  }
  return ascii::starts_with_ignoring_case(name, "baton-") ? FieldId::kBatonOther : FieldId::kOther;
}

// The id of `name`, which is a token.
inline FieldId lookup(std::string_view name) {
  constexpr uint64_t kAnthropic = load<uint64_t>("anthropi") | kFold;
  constexpr uint64_t kForwarded = load<uint64_t>("x-forwar") | kFold;
  constexpr uint64_t kBaton = load<uint32_t>("bato") | (kFold & 0xffffffffu);

  const size_t bytes = name.size();
  if (bytes < kNameBytesMin) return FieldId::kOther;
  const NameEnds ends = name_ends(name.data(), bytes);
  const NameEntry& entry = kNames.slots[slot_of(ends, bytes, kNames.seed)];
  if (entry.bytes == bytes && entry.ends.head == ends.head && entry.ends.tail == ends.tail) {
    if (bytes <= 16 || same_bytes(name.data(), entry.name, bytes)) return entry.id;
  }
  const bool family = ends.head == kAnthropic || ends.head == kForwarded || (ends.head & 0xffffffffu) == kBaton;
  return family ? family_of(name) : FieldId::kOther;
}

}  // namespace baton::http::detail
