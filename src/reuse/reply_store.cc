#include "reuse/reply_store.h"

#include <algorithm>

#include "http/packed.h"
#include "reuse/forms.h"
#include "reuse/reply_log.h"

namespace baton::reuse {

namespace {

constexpr size_t kEntryBytesExpected = 4 * kKiB;
constexpr size_t kEntriesPerStripeMin = 16;

cache::PolicyKind kind_of(const Config& config) {
  return cache::parse_policy(config.policy).value_or(cache::PolicyKind::kValue);
}

cache::PolicyOptions options_of(const Config& config) {
  const size_t expected = std::max<size_t>(256, config.bytes_max / kEntryBytesExpected);
  return {.bytes_max = config.bytes_max,
          .entries_expected = kind_of(config) == cache::PolicyKind::kTinyLfu ? config.sketch_keys : expected};
}

// What a hit saves, in units of the model's price for an input token.
double worth_of(const model::Usage& usage) {
  if (!usage.known) return 1;
  return static_cast<double>(usage.input_tokens) + 1.25 * static_cast<double>(usage.cache_creation_input_tokens) +
         0.1 * static_cast<double>(usage.cache_read_input_tokens) + 5.0 * static_cast<double>(usage.output_tokens);
}

bool has_tag(std::string_view tags, std::string_view tag) {
  while (!tags.empty()) {
    const size_t comma = tags.find(',');
    if (tags.substr(0, comma) == tag) return true;
    tags = comma == tags.npos ? std::string_view{} : tags.substr(comma + 1);
  }
  return false;
}

}  // namespace

std::string key_text(const cache::Key& key) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (uint64_t half : {key.high, key.low}) {
    for (int shift = 60; shift >= 0; shift -= 4) text.push_back(kDigits[half >> shift & 15]);
  }
  return text;
}

bool worth_keeping(std::string_view stop_reason) {
  return stop_reason == "end_turn" || stop_reason == "stop_sequence" || stop_reason == "tool_use";
}

ReplyStore::ReplyStore(const Config& config, const std::array<uint8_t, 32>& secret)
    : config_(config), secret_(secret), kept_(kind_of(config), options_of(config)) {
  const size_t stripe_bytes = config.bytes_max / kept_.stripes();
  content_bytes_max_ = std::min(config.entry_bytes_max, stripe_bytes / kEntriesPerStripeMin);
}

std::shared_ptr<const KeptReply> ReplyStore::find(const Digest& digest, Instant now, cache::Change& change,
                                                  Duration stale) {
  auto found = kept_.find(digest.key, now, change);
  if (found == nullptr || found->identity != digest.identity) return nullptr;
  if (now >= found->fresh_until && now - found->fresh_until >= stale) return nullptr;
  return found;
}

ReplyStore::Kept ReplyStore::keep(const Digest& digest, const Finished& reply, Instant now) {
  if (!worth_keeping(reply.stop_reason) || reply.content.size() > content_bytes_max_) return {};
  if (reply.purges != purges()) return {};
  auto kept = std::make_shared<KeptReply>();
  kept->identity = digest.identity;
  kept->key = digest.key;
  kept->tenant = reply.tenant;
  kept->tags = reply.tags;
  kept->events = reply.events;
  kept->usage = reply.usage;
  kept->plain_bytes = reply.content.size();
  kept->request_id = reply.request_id;
  kept->since = now;
  if (reply.content.size() > kPackFromBytes) {
    if (auto packed = http::pack(reply.content)) {
      kept->content = std::move(*packed);
      kept->packed = true;
    }
  }
  if (!kept->packed) kept->content = reply.content;
  // Entries that came together do not all end together: up to a tenth is taken off, as the digest says.
  const auto tenth = static_cast<uint64_t>(config_.ttl.count()) / 10;
  const Duration less{static_cast<int64_t>(tenth == 0 ? 0 : digest.key.low % tenth)};
  kept->fresh_until = now + (config_.ttl - less);
  std::shared_ptr<const KeptReply> there = std::move(kept);
  Kept out{put_unpurged(there, reply.purges, now), nullptr};
  if (!out.stored) return out;
  if (log_ != nullptr) log_->write(there, reply.purges, *this);
  out.reply = std::move(there);
  return out;
}

cache::Change ReplyStore::adopt(std::shared_ptr<const KeptReply> reply, uint64_t purges, Instant now) {
  if (reply->plain_bytes > content_bytes_max_ || purges != this->purges()) return {};
  return put_unpurged(reply, purges, now);
}

cache::Change ReplyStore::put_unpurged(const std::shared_ptr<const KeptReply>& reply, uint64_t purges, Instant now) {
  cache::Change change = put(reply, reply->fresh_until + config_.stale_max, now);
  // A purge that has passed this stripe before the put had counted itself before.
  if (!change.stored || purges == this->purges()) return change;
  const cache::Change taken = kept_.erase(reply->key);
  change.stored = false;
  change.bytes += taken.bytes;
  change.entries += taken.entries;
  return change;
}

cache::Change ReplyStore::put(const std::shared_ptr<const KeptReply>& reply, Instant expires, Instant now) {
  const uint64_t bytes = sizeof(KeptReply) + reply->content.capacity() + reply->request_id.capacity() +
                         reply->tenant.capacity() + reply->tags.capacity();
  return kept_.put(reply->key, reply, {.bytes = bytes, .worth = worth_of(reply->usage), .expires = expires}, now);
}

bool ReplyStore::restore(std::shared_ptr<KeptReply> reply, Instant now) {
  // Where the configuration has become stricter meanwhile, that holds.
  reply->fresh_until = std::min(reply->fresh_until, reply->since + config_.ttl);
  const Instant expires = reply->fresh_until + config_.stale_max;
  if (expires <= now || reply->plain_bytes > content_bytes_max_) return false;
  const cache::Change change = put(std::move(reply), expires, now);
  restored_.bytes += change.bytes;
  restored_.entries += change.entries;
  restored_.evicted += change.evicted;
  return change.stored;
}

bool selects(const Selection& what, const KeptReply& reply) {
  if (what.all || what.empty()) return what.all;
  return (what.tenant.empty() || reply.tenant == what.tenant) && (what.tag.empty() || has_tag(reply.tags, what.tag)) &&
         (what.key.empty() || key_text(reply.key) == what.key);
}

cache::Change ReplyStore::purge(const Selection& what) {
  if (what.empty()) return {};
  purges_.fetch_add(1, std::memory_order_acq_rel);
  const cache::Change change =
      kept_.erase_if([&](const std::shared_ptr<const KeptReply>& reply) { return selects(what, *reply); });
  if (log_ != nullptr) log_->purge(what);
  return change;
}

std::optional<std::string> content_as(const KeptReply& reply, bool events) {
  std::optional<std::string> plain =
      reply.packed ? http::unpack(reply.content, reply.plain_bytes) : std::optional(reply.content);
  if (!plain || reply.events == events) return plain;
  return events ? events_of_message(*plain) : message_of_events(*plain);
}

}  // namespace baton::reuse
