// RESP: the words that Redis is spoken to in. RedisCommands writes commands, parse_resp() reads one reply from the
// front of what has come. Protocol version 2, as every Redis since 1.2 speaks it unless asked for another. Life:
// values. Thread: any; pure. Bounds: RespLimits; a length beyond them is refused when it is read, before any of its
// bytes are waited for. Source: redis.io, "RESP protocol spec" (read 2026-11).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace baton::store {

struct Resp {
  enum class Kind : uint8_t { kStatus, kError, kNumber, kText, kNil, kList };
  Kind kind = Kind::kNil;
  int64_t number = 0;       // kNumber
  std::string text = {};    // kStatus, kError, kText
  std::vector<Resp> items;  // kList
  bool is_error() const { return kind == Kind::kError; }
  friend bool operator==(const Resp&, const Resp&) = default;
};

struct RespLimits {
  size_t bytes_max = 1024 * 1024;  // of one reply, with all that is in it
  size_t items_max = 1024;         // of one list
  int depth_max = 2;               // of lists in lists
};

struct RespParsed {
  enum class State : uint8_t { kWhole, kMore, kBroken };
  State state = State::kMore;
  Resp value = {};
  size_t bytes = 0;  // kWhole: that it took. kMore: there must be more than what was given, and at least so many
};

RespParsed parse_resp(std::string_view bytes, const RespLimits& limits);

// Commands that are sent together; each is answered by one reply.
class RedisCommands {
 public:
  RedisCommands& add(std::initializer_list<std::string_view> words);
  const std::string& text() const { return text_; }
  size_t count() const { return count_; }

 private:
  std::string text_;
  size_t count_ = 0;
};

}  // namespace baton::store
