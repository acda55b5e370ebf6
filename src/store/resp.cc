#include "store/resp.h"

#include <charconv>

namespace baton::store {

namespace {

using State = RespParsed::State;

constexpr size_t kNumberBytesMax = 20;  // of a length or a number, with its sign

class Parser {
 public:
  Parser(std::string_view bytes, const RespLimits& limits) : bytes_(bytes), limits_(limits) {}

  State value(Resp& out, int depth) {
    if (at_ >= bytes_.size()) return more(at_ + 1);
    const char kind = bytes_[at_++];
    std::string_view line;
    if (const State got = read_line(line); got != State::kWhole) return got;
    switch (kind) {
      case '+':
      case '-':
        out.kind = kind == '+' ? Resp::Kind::kStatus : Resp::Kind::kError;
        out.text = line;
        return State::kWhole;
      case ':': out.kind = Resp::Kind::kNumber; return number(line, out.number) ? State::kWhole : State::kBroken;
      case '$': return text(line, out);
      case '*': return list(line, out, depth);
      default: return State::kBroken;
    }
  }
  size_t at() const { return at_; }
  size_t wanted() const { return wanted_; }

 private:
  State more(size_t wanted) {
    wanted_ = wanted;
    return wanted > limits_.bytes_max ? State::kBroken : State::kMore;
  }

  State read_line(std::string_view& out) {
    const size_t end = bytes_.substr(0, limits_.bytes_max).find('\r', at_);
    if (end == bytes_.npos || end + 1 >= bytes_.size()) return more(bytes_.size() + 1);
    if (bytes_[end + 1] != '\n') return State::kBroken;
    out = bytes_.substr(at_, end - at_);
    at_ = end + 2;
    return at_ > limits_.bytes_max ? State::kBroken : State::kWhole;
  }

  static bool number(std::string_view text, int64_t& out) {
    if (text.empty() || text.size() > kNumberBytesMax) return false;
    const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), out);
    return wrong == std::errc{} && end == text.data() + text.size();
  }

  // A length, or -1 for nothing; kBroken beyond `most`.
  static State length(std::string_view line, size_t most, int64_t& out) {
    if (!number(line, out) || out < -1) return State::kBroken;
    return out > static_cast<int64_t>(most) ? State::kBroken : State::kWhole;
  }

  State text(std::string_view line, Resp& out) {
    int64_t size = 0;
    if (length(line, limits_.bytes_max, size) == State::kBroken) return State::kBroken;
    out.kind = size < 0 ? Resp::Kind::kNil : Resp::Kind::kText;
    if (size < 0) return State::kWhole;
    const size_t end = at_ + static_cast<size_t>(size);
    if (end + 2 > bytes_.size()) return more(end + 2);
    if (bytes_.substr(end, 2) != "\r\n" || end + 2 > limits_.bytes_max) return State::kBroken;
    out.text = bytes_.substr(at_, static_cast<size_t>(size));
    at_ = end + 2;
    return State::kWhole;
  }

  State list(std::string_view line, Resp& out, int depth) {
    int64_t size = 0;
    if (length(line, limits_.items_max, size) == State::kBroken) return State::kBroken;
    out.kind = size < 0 ? Resp::Kind::kNil : Resp::Kind::kList;
    if (size > 0 && depth >= limits_.depth_max) return State::kBroken;
    for (int64_t i = 0; i < size; ++i) {
      if (const State got = value(out.items.emplace_back(), depth + 1); got != State::kWhole) return got;
    }
    return State::kWhole;
  }

  std::string_view bytes_;
  const RespLimits& limits_;
  size_t at_ = 0;
  size_t wanted_ = 0;
};

}  // namespace

RespParsed parse_resp(std::string_view bytes, const RespLimits& limits) {
  RespParsed out;
  Parser parser(bytes, limits);
  out.state = parser.value(out.value, 0);
  out.bytes = out.state == State::kWhole ? parser.at() : parser.wanted();
  if (out.state != State::kWhole) out.value = {};
  return out;
}

RedisCommands& RedisCommands::add(std::initializer_list<std::string_view> words) {
  text_.append("*").append(std::to_string(words.size())).append("\r\n");
  for (std::string_view word : words)
    text_.append("$").append(std::to_string(word.size())).append("\r\n").append(word).append("\r\n");
  ++count_;
  return *this;
}

}  // namespace baton::store
