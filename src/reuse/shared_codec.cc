#include "reuse/shared_codec.h"

#include <charconv>
#include <span>

#include "base/sealed.h"
#include "reuse/reply_record.h"

namespace baton::reuse {

namespace {

constexpr std::string_view kReplyMagic = "BRS1";
constexpr std::string_view kPurgeMagic = "BRP1";
constexpr size_t kNameBytes = 16;

std::string_view view(const Sha256& digest) { return {reinterpret_cast<const char*>(digest.data()), digest.size()}; }

std::optional<uint64_t> number(std::string_view text, int base) {
  uint64_t value = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (wrong != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<PurgePoint> parse_point(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == text.npos) return std::nullopt;
  const auto epoch = number(text.substr(0, colon), 16);
  const auto sequence = number(text.substr(colon + 1), 10);
  if (!epoch || *epoch == 0 || !sequence) return std::nullopt;
  return PurgePoint{*epoch, *sequence};
}

std::string point_text(const PurgePoint& point) {
  std::array<char, 16> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), point.epoch, 16).ptr;
  return std::string(digits.data(), end) + ":" + std::to_string(point.sequence);
}

SharedCodec::SharedCodec(std::string_view secret)
    : place_(hkdf_sha256(secret, "baton shared replies", "place")),
      names_(hkdf_sha256(secret, "baton shared replies", "names")),
      seals_(hkdf_sha256(secret, "baton shared replies", "seals")) {
  // Relays with another secret may use the same database.
  const Sha256 own = hkdf_sha256(secret, "baton shared replies", "prefix");
  prefix_ = "baton:" + std::string(kLayout) + ":" + hex(std::span(own).first(8)) + ":";
  point_name_ = prefix_ + "purge-point";
  purges_name_ = prefix_ + "purges";
}

std::string SharedCodec::name(std::string_view kind, const cache::Key& key) const {
  std::string of(kind);
  put_record(of, key.low);
  put_record(of, key.high);
  const Sha256 digest = hmac_sha256(view(names_), of);
  return prefix_ + std::string(kind) + ":" + hex(std::span(digest).first(kNameBytes));
}

std::string SharedCodec::reply_name(const cache::Key& key) const { return name("reply", key); }
std::string SharedCodec::lease_name(const cache::Key& key, bool stream) const {
  return name(stream ? "stream-lease" : "lease", key);
}

Sha256 SharedCodec::key_of(std::string_view name) const { return hmac_sha256(view(seals_), name); }

std::string SharedCodec::seal_reply(const std::string& name, const KeptReply& reply, const PurgePoint& asked,
                                    Instant now, WallTime wall) const {
  std::string plain(kReplyMagic);
  put_record(plain, asked.epoch);
  put_record(plain, asked.sequence);
  plain.append(write_record(reply, now, wall));
  return seal(key_of(name), name, plain);
}

std::optional<SharedCodec::Opened> SharedCodec::open_reply(const std::string& name, std::string_view sealed,
                                                           Instant now, WallTime wall) const {
  const auto plain = unseal(key_of(name), name, sealed);
  if (!plain || !plain->starts_with(kReplyMagic)) return std::nullopt;
  RecordReader in(std::string_view(*plain).substr(kReplyMagic.size()));
  Opened out;
  out.asked.epoch = in.number();
  out.asked.sequence = in.number();
  if (!in.good()) return std::nullopt;
  out.reply = read_record(in.rest(), now, wall, kClockOff);
  if (out.reply == nullptr) return std::nullopt;
  return out;
}

std::string SharedCodec::seal_purge(const Purge& purge) const {
  std::string plain(kPurgeMagic);
  put_record(plain, static_cast<uint64_t>(purge.at.time_since_epoch().count()));
  put_record(plain, uint64_t{purge.what.all});
  for (const std::string* text : {&purge.what.tenant, &purge.what.tag, &purge.what.key}) put_record(plain, *text);
  return seal(key_of(purges_name_), purges_name_, plain);
}

std::optional<SharedCodec::Purge> SharedCodec::open_purge(std::string_view sealed) const {
  const auto plain = unseal(key_of(purges_name_), purges_name_, sealed);
  if (!plain || !plain->starts_with(kPurgeMagic)) return std::nullopt;
  RecordReader in(std::string_view(*plain).substr(kPurgeMagic.size()));
  Purge out;
  out.at = WallTime(std::chrono::milliseconds(in.count()));
  out.what.all = in.number() != 0;
  for (std::string* text : {&out.what.tenant, &out.what.tag, &out.what.key}) *text = in.text();
  if (!in.done()) return std::nullopt;
  return out;
}

}  // namespace baton::reuse
