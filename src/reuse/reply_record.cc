#include "reuse/reply_record.h"

#include <algorithm>
#include <cstring>

namespace baton::reuse {

uint64_t RecordReader::number() {
  if (bytes_.size() < 8) return fault();
  uint64_t value = 0;
  for (unsigned i = 0; i < 8; ++i) value |= uint64_t{static_cast<uint8_t>(bytes_[i])} << (8 * i);
  bytes_.remove_prefix(8);
  return value;
}

std::string_view RecordReader::text() {
  const uint64_t size = number();
  if (size > bytes_.size()) {
    fault();
    return {};
  }
  const std::string_view out = bytes_.substr(0, size);
  bytes_.remove_prefix(size);
  return out;
}

uint64_t RecordReader::fault() {
  good_ = false;
  bytes_ = {};
  return 0;
}

void put_record(std::string& out, uint64_t number) {
  for (unsigned shift = 0; shift < 64; shift += 8) out.push_back(static_cast<char>(number >> shift & 0xff));
}

void put_record(std::string& out, std::string_view text) {
  put_record(out, uint64_t{text.size()});
  out.append(text);
}

std::string write_record(const KeptReply& reply, Instant now, WallTime wall) {
  const auto ms = [&](Instant at) {
    return static_cast<uint64_t>(
        (wall + std::chrono::floor<std::chrono::milliseconds>(at - now)).time_since_epoch().count());
  };
  std::string out;
  out.reserve(reply.content.size() + 512);
  put_record(out, std::string_view(reinterpret_cast<const char*>(reply.identity.data()), reply.identity.size()));
  put_record(out, reply.key.low);
  put_record(out, reply.key.high);
  put_record(out, uint64_t{reply.events} | uint64_t{reply.packed} << 1 | uint64_t{reply.usage.known} << 2 |
                      uint64_t{reply.usage.fast} << 3);
  put_record(out, ms(reply.since));
  put_record(out, ms(reply.fresh_until));
  put_record(out, uint64_t{reply.plain_bytes});
  const model::Usage& usage = reply.usage;
  for (const int64_t tokens :
       {usage.input_tokens, usage.output_tokens, usage.cache_creation_input_tokens, usage.cache_read_input_tokens,
        usage.cache_creation_5m_input_tokens, usage.cache_creation_1h_input_tokens, usage.thinking_tokens,
        usage.web_search_requests, usage.web_fetch_requests, static_cast<int64_t>(usage.tier)})
    put_record(out, static_cast<uint64_t>(tokens));
  for (const std::string* text : {&reply.request_id, &reply.tenant, &reply.tags, &reply.content})
    put_record(out, *text);
  return out;
}

std::shared_ptr<KeptReply> read_record(std::string_view bytes, Instant now, WallTime wall, Duration ahead) {
  auto reply = std::make_shared<KeptReply>();
  RecordReader in(bytes);
  const std::string_view identity = in.text();
  if (identity.size() != reply->identity.size()) return nullptr;
  std::memcpy(reply->identity.data(), identity.data(), identity.size());
  reply->key.low = in.number();
  reply->key.high = in.number();
  const uint64_t flags = in.number();
  reply->events = (flags & 1) != 0;
  reply->packed = (flags & 2) != 0;
  const auto instant = [&] {
    const WallTime at{std::chrono::milliseconds(in.count())};
    return now + std::chrono::duration_cast<Duration>(at - wall);
  };
  reply->since = instant();
  reply->fresh_until = instant();
  reply->plain_bytes = in.number();
  model::Usage& usage = reply->usage;
  usage.known = (flags & 4) != 0;
  usage.fast = (flags & 8) != 0;
  for (int64_t* tokens :
       {&usage.input_tokens, &usage.output_tokens, &usage.cache_creation_input_tokens, &usage.cache_read_input_tokens,
        &usage.cache_creation_5m_input_tokens, &usage.cache_creation_1h_input_tokens, &usage.thinking_tokens,
        &usage.web_search_requests, &usage.web_fetch_requests})
    *tokens = in.count();
  usage.tier = static_cast<model::ServiceTier>(in.number());
  for (std::string* text : {&reply->request_id, &reply->tenant, &reply->tags, &reply->content}) *text = in.text();
  // A clock that was set back does not make a reply younger than it is.
  if (!in.done() || reply->since > now + ahead) return nullptr;
  reply->since = std::min(reply->since, now);
  return reply;
}

}  // namespace baton::reuse
