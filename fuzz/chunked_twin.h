// A slow, obvious reader of the chunked coding (RFC 9112 7.1): goes down the grammar over bytes that are all there.
// Unit tests and the fuzz target compare the real decoder with it.
#pragma once

#include <cctype>
#include <cstdint>
#include <string>
#include <string_view>

namespace baton::fuzz {

struct ChunkedOutcome {
  std::string content;
  size_t consumed = 0;  // counted only when the body is complete
  bool done = false;
  bool failed = false;  // neither: the bytes ended before the body did
  friend bool operator==(const ChunkedOutcome&, const ChunkedOutcome&) = default;
};

class ChunkedTwin {
 public:
  explicit ChunkedTwin(std::string_view bytes) : bytes_(bytes) {}

  ChunkedOutcome read() {
    ChunkedOutcome outcome;
    try {
      while (const uint64_t size = chunk_line()) {
        for (uint64_t i = 0; i < size; ++i) outcome.content.push_back(take());
        line_end();
      }
      trailers();
      outcome.done = true;
      outcome.consumed = at_;
    } catch (Wrong) {
      outcome.failed = true;
    } catch (Ended) {
    }
    return outcome;
  }

 private:
  struct Wrong {};
  struct Ended {};

  static bool token(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           (c != 0 && std::string_view("!#$%&'*+-.^_`|~").contains(c));
  }
  static bool text(char c) { return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f); }

  char peek() const {
    if (at_ == bytes_.size()) throw Ended{};
    return bytes_[at_];
  }
  char take() {
    const char c = peek();
    ++at_;
    return c;
  }
  // Takes a byte that counts against the bound of extensions or trailers.
  char take_extra() {
    const char c = take();
    if (extra_-- == 0) throw Wrong{};
    return c;
  }
  void line_end() {
    if (take() != '\r') throw Wrong{};
    if (take() != '\n') throw Wrong{};
  }

  uint64_t chunk_line() {
    std::string digits;
    while (std::isxdigit(static_cast<unsigned char>(peek())) != 0) {
      digits.push_back(take());
      if (digits.size() > 16) throw Wrong{};
    }
    if (digits.empty()) throw Wrong{};
    extra_ = 256;
    while (peek() == ';') {
      take_extra();
      extension();
    }
    line_end();
    return std::stoull(digits, nullptr, 16);
  }

  void extension() {
    token_text();
    if (peek() != '=') return;
    take_extra();
    if (peek() != '"') return token_text();
    take_extra();
    while (true) {
      const char c = take_extra();
      if (c == '"') return;
      if (!text(c)) throw Wrong{};
      if (c == '\\' && !text(take_extra())) throw Wrong{};
    }
  }

  void token_text() {
    if (!token(take_extra())) throw Wrong{};
    while (token(peek())) take_extra();
  }

  void trailers() {
    extra_ = 8192;
    while (peek() != '\r') {
      const size_t begin = at_;
      token_text();
      std::string name(bytes_.substr(begin, at_ - begin));
      for (char& each : name) each = static_cast<char>(std::tolower(static_cast<unsigned char>(each)));
      if (take_extra() != ':') throw Wrong{};
      if (name == "content-length" || name == "transfer-encoding" || name == "host") throw Wrong{};
      char c = take_extra();
      for (; c != '\r'; c = take_extra()) {
        if (!text(c)) throw Wrong{};
      }
      if (take_extra() != '\n') throw Wrong{};
    }
    line_end();
  }

  std::string_view bytes_;
  size_t at_ = 0;
  size_t extra_ = 0;  // how many more are allowed
};

inline ChunkedOutcome read_chunked(std::string_view bytes) { return ChunkedTwin(bytes).read(); }

}  // namespace baton::fuzz
