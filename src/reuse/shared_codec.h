// SharedCodec: what lies in a Redis that several relays share, and under which names. All of it follows from one secret
// that these relays have in common: where a question is looked up, how its reply is named, and the keys that replies
// and purges are sealed with (AES-256-GCM, one key for each name). Without the secret nothing there can be read, nor
// made, nor moved to another name; no name or value holds a prompt, a tenant or a tag that could be read. What somebody
// with the server in his hands can do: take things out, and put back under its name what lay there before. Life: one
// for all loops. Thread: any; immutable. Hard to undo: kLayout; another one only starts cold.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "reuse/reply_store.h"

namespace baton::reuse {

// How far a relay had read the list of purges. The epoch is another one whenever Redis has lost the list.
struct PurgePoint {
  uint64_t epoch = 0;  // 0: it has not been read
  uint64_t sequence = 0;
  friend bool operator==(const PurgePoint&, const PurgePoint&) = default;
};
// "epoch:sequence", as it lies in Redis; nothing for anything else.
std::optional<PurgePoint> parse_point(std::string_view text);
std::string point_text(const PurgePoint& point);

class SharedCodec {
 public:
  static constexpr std::string_view kLayout = "1";
  // More than sealing and the fields beside the content add.
  static constexpr size_t kOverheadBytes = 64 * kKiB;
  // A relay whose clock is so much behind is still believed.
  static constexpr Duration kClockOff = std::chrono::seconds(5);

  explicit SharedCodec(std::string_view secret);

  // Where questions are looked up: for the Digester and the ReplyStore.
  const std::array<uint8_t, 32>& place() const { return place_; }

  std::string reply_name(const cache::Key& key) const;
  // Held by whoever makes the call; streamed and unstreamed calls have one each.
  std::string lease_name(const cache::Key& key, bool stream) const;
  const std::string& point_name() const { return point_name_; }
  const std::string& purges_name() const { return purges_name_; }

  struct Opened {
    std::shared_ptr<KeptReply> reply;
    PurgePoint asked;  // when its call began
  };
  std::string seal_reply(const std::string& name, const KeptReply& reply, const PurgePoint& asked, Instant now,
                         WallTime wall) const;
  // Nothing when it was not made by a relay with this secret for this name, or is of another layout.
  std::optional<Opened> open_reply(const std::string& name, std::string_view sealed, Instant now, WallTime wall) const;

  struct Purge {
    Chosen what;
    WallTime at;
  };
  std::string seal_purge(const Purge& purge) const;
  std::optional<Purge> open_purge(std::string_view sealed) const;

 private:
  std::string name(std::string_view kind, const cache::Key& key) const;
  Sha256 key_of(std::string_view name) const;

  std::array<uint8_t, 32> place_;
  Sha256 names_;
  Sha256 seals_;
  std::string prefix_;
  std::string point_name_;
  std::string purges_name_;
};

}  // namespace baton::reuse
