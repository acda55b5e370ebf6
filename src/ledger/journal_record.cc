#include "ledger/journal_record.h"

#include <cstdint>
#include <cstring>
#include <type_traits>

namespace baton::ledger {
namespace {

constexpr size_t kNumberBytesMax = 10;

// Numbers are seven bits a byte, the lowest first; texts are their length and their bytes.
// How many bytes at most a pass writes.
class Room {
 public:
  template <class T>
  void operator()(const T& value) {
    bytes += kNumberBytesMax;
    if constexpr (std::is_same_v<T, std::string>) bytes += value.size();
  }
  size_t bytes = 0;
};

// Writes to where there is room.
class Writer {
 public:
  explicit Writer(char* at) : at_(at) {}
  void number(uint64_t value) {
    for (; value >= 0x80; value >>= 7) *at_++ = static_cast<char>(value | 0x80);
    *at_++ = static_cast<char>(value);
  }
  template <class T>
  void operator()(const T& value) {
    if constexpr (std::is_same_v<T, std::string>) {
      number(value.size());
      std::memcpy(at_, value.data(), value.size());
      at_ += value.size();
    } else if constexpr (std::is_same_v<T, Duration>) {
      number(static_cast<uint64_t>(value.count()));
    } else if constexpr (std::is_same_v<T, WallTime>) {
      number(static_cast<uint64_t>(value.time_since_epoch().count()));
    } else {
      number(static_cast<uint64_t>(value));
    }
  }
  char* at() const { return at_; }

 private:
  char* at_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  uint64_t number() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (bytes_.empty()) return fault();
      const auto byte = static_cast<uint8_t>(bytes_.front());
      bytes_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return fault();
  }
  template <class T>
  void operator()(T& value) {
    const uint64_t read = number();
    if constexpr (std::is_same_v<T, std::string>) {
      if (read > bytes_.size()) {
        fault();
        return;
      }
      value.assign(bytes_.substr(0, read));
      bytes_.remove_prefix(read);
    } else if constexpr (std::is_same_v<T, Duration>) {
      value = Duration(static_cast<int64_t>(read));
    } else if constexpr (std::is_same_v<T, WallTime>) {
      value = WallTime(std::chrono::milliseconds(static_cast<int64_t>(read)));
    } else {
      value = static_cast<T>(read);
    }
  }
  bool more() const { return good_ && !bytes_.empty(); }
  size_t count() { return static_cast<size_t>(number()); }
  bool good() const { return good_ && bytes_.empty(); }

 private:
  uint64_t fault() {
    good_ = false;
    bytes_ = {};
    return 0;
  }
  std::string_view bytes_;
  bool good_ = true;
};

// One list of fields for both ways.
template <class Pass, class Usage>
void pass_usage(Pass& pass, Usage& usage) {
  pass(usage.known);
  if (!usage.known) return;
  pass(usage.input_tokens);
  pass(usage.output_tokens);
  pass(usage.cache_creation_input_tokens);
  pass(usage.cache_read_input_tokens);
  pass(usage.cache_creation_5m_input_tokens);
  pass(usage.cache_creation_1h_input_tokens);
  pass(usage.thinking_tokens);
  pass(usage.web_search_requests);
  pass(usage.web_fetch_requests);
  pass(usage.tier);
  pass(usage.fast);
}

template <class Pass, class Attempt>
void pass_attempt(Pass& pass, Attempt& attempt) {
  pass(attempt.account);
  pass(attempt.model);
  pass(attempt.result);
  pass(attempt.status);
  pass(attempt.may_have_been_processed);
  pass(attempt.first_byte);
  pass(attempt.total);
  pass(attempt.usage_partial);
  pass_usage(pass, attempt.usage);
}

template <class Pass, class Outcome>
void pass_call(Pass& pass, Outcome& outcome) {
  for (auto* text : {&outcome.request_id, &outcome.upstream_request_id, &outcome.client, &outcome.client_address,
                     &outcome.key_id, &outcome.team, &outcome.tags, &outcome.session_id, &outcome.agent_id,
                     &outcome.parent_agent_id, &outcome.method, &outcome.model, &outcome.error}) {
    pass(*text);
  }
  pass(outcome.operation);
  pass(outcome.stream);
  pass(outcome.simulated);
  pass(outcome.status);
  pass(outcome.ending);
  pass(outcome.cache);
  pass(outcome.request_body_bytes);
  pass(outcome.reply_body_bytes);
  pass(outcome.started);
  pass(outcome.duration);
  pass(outcome.first_byte);
  pass(outcome.added);
}

}  // namespace

namespace {

template <class Pass>
void pass_all(Pass& pass, const model::Outcome& outcome) {
  pass_call(pass, outcome);
  pass(outcome.charged_nanodollars.has_value());
  pass(outcome.charged_nanodollars.value_or(0));
  pass(outcome.attempts.size());
  for (const model::Attempt& attempt : outcome.attempts) pass_attempt(pass, attempt);
  // Records of an older program end here.
  pass(outcome.reserved_nanodollars.has_value());
  pass(outcome.reserved_nanodollars.value_or(0));
  pass(outcome.reused);
  if (outcome.reused) pass_usage(pass, outcome.usage);
}

}  // namespace

void append_record(std::string& out, const model::Outcome& outcome) {
  Room room;
  pass_all(room, outcome);
  const size_t before = out.size();
  out.resize_and_overwrite(before + room.bytes, [&](char* text, size_t) {
    Writer pass(text + before);
    pass_all(pass, outcome);
    return static_cast<size_t>(pass.at() - text);
  });
}

std::optional<model::Outcome> read_record(std::string_view bytes) {
  Reader pass(bytes);
  model::Outcome outcome;
  pass_call(pass, outcome);
  bool charged = false;
  int64_t charge = 0;
  pass(charged);
  pass(charge);
  if (charged) outcome.charged_nanodollars = charge;
  const size_t attempts = pass.count();
  if (attempts > bytes.size()) return std::nullopt;
  for (size_t i = 0; i < attempts; ++i) pass_attempt(pass, outcome.attempts.emplace_back());
  if (pass.more()) {
    bool reserves = false;
    int64_t reserved = 0;
    pass(reserves);
    pass(reserved);
    if (reserves) outcome.reserved_nanodollars = reserved;
    pass(outcome.reused);
    if (outcome.reused) pass_usage(pass, outcome.usage);
  }
  if (!pass.good() || outcome.request_id.empty()) return std::nullopt;
  return outcome;
}

}  // namespace baton::ledger
