#include "similar/tokens.h"

#include <algorithm>

#include "similar/normal.h"

namespace baton::similar {

namespace {

std::string utf8(std::u32string_view text) {
  std::string out;
  out.reserve(text.size());
  for (char32_t c : text) append_utf8(out, c);
  return out;
}

std::string lower(std::u32string_view text) {
  std::string out;
  out.reserve(text.size());
  for (char32_t c : text) append_utf8(out, folded(c));
  return out;
}

bool is_capital(char32_t c) { return folded(c) != c; }

class Cutter {
 public:
  explicit Cutter(std::u32string_view text) : text_(text) {}

  std::vector<Token> run() {
    while (at_ < text_.size()) {
      const char32_t c = text_[at_];
      if (c == ' ') {
        ++at_;
      } else if (c == '`') {
        enclosed('`', Kind::kCode);
      } else if (c == '"' || (c == '\'' && opens_quote())) {
        enclosed(c, Kind::kQuoted);
      } else if (is_digit(c)) {
        number();
      } else if (is_han(c)) {
        han();
      } else if (is_letter(c) || c == '_') {
        letters();
      } else {
        const bool stop = c == '.' || c == ',' || c == ';' || c == ':' || c == '!' || c == '?';
        tokens_.push_back({stop ? Kind::kStop : Kind::kSign, {}, utf8(text_.substr(at_, 1))});
        ++at_;
      }
    }
    return std::move(tokens_);
  }

 private:
  char32_t at(size_t index) const { return index < text_.size() ? text_[index] : 0; }
  bool joins(char32_t c) const { return is_letter(c) || is_digit(c) || c == '_'; }

  bool opens_quote() const { return (at_ == 0 || text_[at_ - 1] == ' ') && text_.find(U'\'', at_ + 1) != text_.npos; }

  void enclosed(char32_t mark, Kind kind) {
    size_t run = 1;
    while (at(at_ + run) == mark) ++run;
    const std::u32string fence(run, mark);
    const size_t end = text_.find(fence, at_ + run);
    if (end == text_.npos || (mark != '`' && run > 1)) {
      tokens_.push_back({Kind::kSign, {}, utf8(text_.substr(at_, 1))});
      ++at_;
      return;
    }
    tokens_.push_back({kind, {}, utf8(text_.substr(at_ + run, end - at_ - run))});
    at_ = end + run;
  }

  void number() {
    std::u32string digits;
    if (at_ > 0 && text_[at_ - 1] == '-' && (at_ == 1 || text_[at_ - 2] == ' ' || text_[at_ - 2] == '(')) digits = U"-";
    size_t i = at_;
    while (true) {
      if (is_digit(at(i))) {
        digits.push_back(text_[i++]);
      } else if (at(i) == ',' && is_digit(at(i + 1)) && is_digit(at(i + 2)) && is_digit(at(i + 3)) &&
                 !is_digit(at(i + 4))) {
        ++i;  // thousands
      } else if (at(i) == '.' && is_digit(at(i + 1))) {
        digits.push_back(text_[i++]);
      } else {
        break;
      }
    }
    tokens_.push_back({Kind::kNumber, {}, utf8(digits)});
    at_ = i;
  }

  void han() {
    for (size_t length = std::min(kHanMax, text_.size() - at_); length > 0; --length) {
      const auto piece = text_.substr(at_, length);
      const Word* known = find_han(piece);
      if (length > 1 && (known == nullptr || !ends_here(piece))) continue;
      const std::string text = utf8(piece);
      tokens_.push_back({Kind::kHan, known != nullptr ? *known : Word{Sort::kContent, id_of(text)}, text});
      at_ += length;
      return;
    }
  }

  // "What shall I do" ends in the verb that others begin with.
  bool ends_here(std::u32string_view piece) const {
    if (piece.back() != U'\u529e') return true;
    const char32_t next = at(at_ + piece.size());
    return !is_han(next) || next == U'\u5462' || next == U'\u554a' || next == U'\u5440' || next == U'\u4e86';
  }

  void letters() {
    size_t i = at_;
    bool code = false;
    while (true) {
      const char32_t c = at(i);
      if (is_han(c)) break;
      if (joins(c)) {
        code = code || is_digit(c) || c == '_' ||
               (i > at_ && is_capital(c) && is_letter(text_[i - 1]) && !is_capital(text_[i - 1]));
        ++i;
      } else if (c == '\'' && is_letter(at(i + 1))) {
        ++i;
      } else if ((c == '.' || c == '@' || (c == ':' && (at(i + 1) == ':' || at(i + 1) == '/')) || c == '/') &&
                 i > at_ && (joins(at(i + 1)) || at(i + 1) == '/' || at(i + 1) == ':')) {
        code = true;
        i += at(i + 1) == '/' || at(i + 1) == ':' ? 2 : 1;
        while (at(i) == '/') ++i;
      } else if (code && (c == '-' || c == '?' || c == '=' || c == '&' || c == '#' || c == '%') && joins(at(i + 1))) {
        ++i;
      } else if ((c == '+' && at(i + 1) == '+') || (c == '#' && i == at_ + 1 && !joins(at(i + 1)))) {
        code = true;  // C++, C#
        i += c == '+' ? 2 : 1;
        break;
      } else if (c == '(' && at(i + 1) == ')') {
        code = true;
        i += 2;
        break;
      } else {
        break;
      }
    }
    const auto piece = text_.substr(at_, i - at_);
    at_ = i;
    if (code) {
      tokens_.push_back({Kind::kCode, {}, utf8(piece)});
      return;
    }
    const bool capital = is_capital(piece[0]);
    const bool all =
        piece.size() > 1 && std::ranges::all_of(piece, [](char32_t c) { return is_capital(c) || c == '\''; });
    std::string text = lower(piece);
    if (std::string_view words = spelt_out(text); !words.empty()) {
      bool first = true;
      while (!words.empty()) {
        const size_t blank = words.find(' ');
        word(std::string(words.substr(0, blank)), first && capital, false);
        words = blank == words.npos ? std::string_view{} : words.substr(blank + 1);
        first = false;
      }
      return;
    }
    if (text.size() > 2 && text.ends_with("'s")) {
      word(text.substr(0, text.size() - 2), capital, false);
      word("'s", false, false);
      return;
    }
    word(std::move(text), capital, all);
  }

  void word(std::string text, bool capital, bool all) {
    const Word* known = find_phrase(text);
    const Word as = known != nullptr ? *known : Word{Sort::kContent, id_of(text)};
    tokens_.push_back({Kind::kWord, as, std::move(text), capital, all});
  }

  std::u32string_view text_;
  size_t at_ = 0;
  std::vector<Token> tokens_;
};

// Whether a word is written so that it may be a name: it is no listed word then.
bool may_be_name(const Token& token, bool first) {
  return token.all_capital || (token.capital && !first && token.text != "i");
}

// Puts listed phrases of several words together.
std::vector<Token> join_phrases(std::vector<Token> tokens) {
  std::vector<Token> out;
  out.reserve(tokens.size());
  bool first = true;
  for (size_t i = 0; i < tokens.size();) {
    Token& token = tokens[i];
    if (token.kind != Kind::kWord) {
      first = token.kind == Kind::kStop;
      out.push_back(std::move(token));
      ++i;
      continue;
    }
    if (!begins_phrase(token.text) || may_be_name(token, first)) {
      out.push_back(std::move(token));
      ++i;
      first = false;
      continue;
    }
    std::vector<size_t> ends;
    std::string phrase = token.text;
    for (size_t k = i + 1; k < tokens.size() && k < i + kPhraseWordsMax; ++k) {
      if (tokens[k].kind != Kind::kWord || may_be_name(tokens[k], false)) break;
      phrase.append(" ").append(tokens[k].text);
      ends.push_back(phrase.size());
    }
    size_t taken = 1;
    for (size_t words = ends.size(); words > 0; --words) {
      const std::string_view piece = std::string_view(phrase).substr(0, ends[words - 1]);
      if (const Word* known = find_phrase(piece)) {
        token.word = *known;
        token.text = piece;
        taken = words + 1;
        break;
      }
    }
    out.push_back(std::move(token));
    i += taken;
    first = false;
  }
  return out;
}

}  // namespace

std::vector<Token> tokens_of(std::u32string_view normal_text) { return join_phrases(Cutter(normal_text).run()); }

bool about_words(std::u32string_view normal_text, const std::vector<Token>& tokens) {
  for (const Token& token : tokens) {
    if (token.kind == Kind::kWord && is_about_words(std::string_view(token.text))) return true;
  }
  for (size_t i = 0; i < normal_text.size(); ++i) {
    if (!is_han(normal_text[i])) continue;
    for (size_t length = 2; length <= 3; ++length) {
      if (is_about_words(normal_text.substr(i, length))) return true;
    }
  }
  return false;
}

}  // namespace baton::similar
