#include "similar/facts.h"

#include <algorithm>

#include "base/hash.h"
#include "similar/config.h"
#include "similar/normal.h"
#include "similar/tokens.h"

namespace baton::similar {

using model::SimilarGuard;

namespace {

constexpr size_t kShoutedWordsMin = 3;

uint64_t mixed(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

// In order.
void follow(uint64_t& hash, uint64_t id) { hash = mixed(hash * 0x9e3779b97f4a7c15u + id + 1); }
// In any order.
void join(uint64_t& hash, uint64_t id) { hash += mixed(id); }

uint64_t tagged(char tag, std::string_view text) { return hash64(text, static_cast<uint64_t>(tag) << 32 | 0x7461); }

bool is_stop(const Token& token) { return token.kind == Kind::kStop; }

bool is_listed(const Token& token, Sort sort) {
  return (token.kind == Kind::kWord || token.kind == Kind::kHan) && token.word.sort == sort;
}

// What is left of a text when what frames it is gone: greetings, "could you tell me", thanks, punctuation.
struct Frame {
  size_t begin = 0, end = 0;
};

Frame without_stops(const std::vector<Token>& tokens) {
  Frame frame{0, tokens.size()};
  while (frame.begin < frame.end && is_stop(tokens[frame.begin])) ++frame.begin;
  while (frame.end > frame.begin && is_stop(tokens[frame.end - 1])) --frame.end;
  return frame;
}

Frame without_courtesy(const std::vector<Token>& tokens, Frame frame) {
  const auto skip_stops = [&](size_t at) {
    while (at < frame.end && is_stop(tokens[at])) ++at;
    return at;
  };
  while (frame.begin < frame.end) {
    const Token& token = tokens[frame.begin];
    const bool set_apart = frame.begin + 1 < frame.end && is_stop(tokens[frame.begin + 1]);
    if (!is_listed(token, Sort::kLead) && !(is_listed(token, Sort::kEnds) && set_apart)) break;
    frame.begin = skip_stops(frame.begin + 1);
  }
  while (frame.end > frame.begin) {
    const Token& token = tokens[frame.end - 1];
    const bool set_apart = frame.end - 1 > frame.begin && is_stop(tokens[frame.end - 2]);
    const bool particle = token.kind == Kind::kHan && is_listed(token, Sort::kTail);
    const bool courtesy = set_apart && (is_listed(token, Sort::kTail) || is_listed(token, Sort::kEnds));
    if (!particle && !courtesy) break;
    --frame.end;
    while (frame.end > frame.begin && is_stop(tokens[frame.end - 1])) --frame.end;
  }
  return frame;
}

// The same of a text about words: only behind a question word a particle is nothing but that.
Frame without_particle(const std::vector<Token>& tokens, Frame frame) {
  if (frame.end - frame.begin > 2 && tokens[frame.end - 1].kind == Kind::kHan &&
      is_listed(tokens[frame.end - 1], Sort::kTail) && is_listed(tokens[frame.end - 2], Sort::kQuestion))
    --frame.end;
  return frame;
}

bool is_shouted(std::u32string_view text, const std::vector<Token>& tokens) {
  if (static_cast<size_t>(std::ranges::count(tokens, Kind::kWord, &Token::kind)) < kShoutedWordsMin) return false;
  return std::ranges::none_of(text, [](char32_t c) { return c >= 'a' && c <= 'z'; });
}

bool is_unit_sign(std::string_view sign) {
  constexpr std::string_view kSigns[] = {"%",      "$",      "\u20ac", "\u00a3", "\u00a5",
                                         "\u00b0", "\u2103", "\u2109", "\u2030"};
  return std::ranges::find(kSigns, sign) != std::end(kSigns);
}

class Reader {
 public:
  Reader(const std::vector<Token>& tokens, bool literal, bool shouted)
      : tokens_(tokens), literal_(literal), shouted_(shouted) {}

  size_t read(Frame frame, Facts& facts) {
    for (size_t i = frame.begin; i < frame.end; ++i) take(i, frame, facts);
    join(of(facts, SimilarGuard::kQuestion), free_questions_);
    facts.turned = turned();
    return ids_.size();
  }

 private:
  static uint64_t& of(Facts& facts, SimilarGuard guard) { return facts.of[static_cast<size_t>(guard)]; }

  void emit(Facts& facts, uint64_t id) {
    join(of(facts, SimilarGuard::kEntity), id);
    follow(of(facts, SimilarGuard::kOrder), id);
    ids_.push_back(id);
  }

  // Only round a question word in Chinese, and only where there is one.
  uint64_t turned() const {
    size_t end = ids_.size();
    if (!literal_ && end > 1 && is_particle(ids_.back())) --end;
    const size_t middle = questions_ == 1 && !literal_ && question_at_ < end ? question_at_ : 0;
    uint64_t hash = 0;
    for (size_t i = 0; i < end; ++i) follow(hash, ids_[(middle + i) % end]);
    join(hash, free_questions_);
    return hash;
  }

  static bool is_particle(uint64_t id) {
    static const uint64_t kMa = id_of("\u5417"), kMe = id_of("\u4e48");
    return id == kMa || id == kMe;
  }

  void guard(Facts& facts, SimilarGuard guard, uint64_t id) {
    follow(of(facts, guard), id);
    emit(facts, id);
  }

  void take(size_t i, Frame frame, Facts& facts) {
    const Token& token = tokens_[i];
    switch (token.kind) {
      case Kind::kStop:
        if (!is_stop(tokens_[i - 1])) emit(facts, tagged('.', token.text == "," || token.text == ":" ? "," : "."));
        return;
      case Kind::kSign:
        if (is_unit_sign(token.text)) return guard(facts, SimilarGuard::kUnit, tagged('s', token.text));
        return emit(facts, tagged('s', token.text));
      case Kind::kNumber: return guard(facts, SimilarGuard::kNumber, id_of(token.text));
      case Kind::kCode: return guard(facts, SimilarGuard::kCode, tagged('`', token.text));
      case Kind::kQuoted: return guard(facts, SimilarGuard::kQuoted, tagged('"', token.text));
      case Kind::kWord:
      case Kind::kHan: return word(i, frame, facts);
    }
  }

  // Written like a name, where a listed word would not be.
  bool is_name(size_t i, size_t begin) const {
    const Token& token = tokens_[i];
    if (shouted_ || token.kind != Kind::kWord) return false;
    if (depends_on_case(token.text)) return token.capital;
    if (token.all_capital && is_abbreviation(token.text)) return true;
    if (token.word.sort == Sort::kContent || token.text == "i") return false;
    return token.all_capital || (token.capital && i > begin && !is_stop(tokens_[i - 1]));
  }

  void word(size_t i, Frame frame, Facts& facts) {
    const Token& token = tokens_[i];
    if (is_name(i, frame.begin)) return emit(facts, tagged('^', token.text));
    const Word& known = token.word;
    const uint64_t id = literal_ ? id_of(token.text) : known.id;
    const bool first = i == frame.begin;
    const Token* next = i + 1 < frame.end ? &tokens_[i + 1] : nullptr;
    switch (known.sort) {
      case Sort::kContent:
      case Sort::kLead:
      case Sort::kTail:
      case Sort::kEnds: return emit(facts, id);
      case Sort::kPlain: {
        const bool article = token.text == "a" || token.text == "an" || token.text == "the";
        if (first && !article && !literal_) return guard(facts, SimilarGuard::kQuestion, id_of("yes or no"));
        const bool speaks = next != nullptr && next->kind != Kind::kStop && next->kind != Kind::kSign;
        if (!literal_ && speaks) return;
        return emit(facts, id);
      }
      case Sort::kWhatIs:
        if (literal_) return guard(facts, SimilarGuard::kQuestion, id);
        join(free_questions_, id);
        return;
      case Sort::kQuestion:
        if (token.kind == Kind::kHan && !is_particle(id)) {
          ++questions_;
          question_at_ = ids_.size();
        }
        return guard(facts, SimilarGuard::kQuestion, id);
      case Sort::kNumber: return guard(facts, SimilarGuard::kNumber, id);
      case Sort::kUnit: return guard(facts, SimilarGuard::kUnit, id);
      case Sort::kDate: return guard(facts, SimilarGuard::kDate, id);
      case Sort::kNegation: return guard(facts, SimilarGuard::kNegation, id);
      case Sort::kPolarity: return guard(facts, SimilarGuard::kPolarity, id);
      case Sort::kTense: return guard(facts, SimilarGuard::kTense, id);
    }
  }

  const std::vector<Token>& tokens_;
  bool literal_, shouted_;
  uint64_t free_questions_ = 0;
  std::vector<uint64_t> ids_;  // all that counts, in order
  size_t questions_ = 0;       // in Chinese, but for particles
  size_t question_at_ = 0;
};

}  // namespace

std::optional<Facts> facts_of(std::string_view text, std::u32string* plain) {
  if (text.size() > kTextBytesMax) return std::nullopt;
  const auto written = normal(text);
  if (!written || written->empty()) return std::nullopt;
  const std::vector<Token> tokens = tokens_of(*written);
  const Frame whole = without_stops(tokens);
  if (whole.begin == whole.end) return std::nullopt;
  const bool literal = about_words(*written, tokens);
  Frame frame = literal ? without_particle(tokens, whole) : without_courtesy(tokens, whole);
  if (frame.begin == frame.end) frame = whole;
  Facts facts;
  facts.of[static_cast<size_t>(SimilarGuard::kLanguage)] = scripts(*written);
  const bool shouted = is_shouted(*written, tokens);
  if (Reader(tokens, literal, shouted).read(frame, facts) == 0) {
    const auto language = facts.of[static_cast<size_t>(SimilarGuard::kLanguage)];
    facts = {};
    facts.of[static_cast<size_t>(SimilarGuard::kLanguage)] = language;
    if (Reader(tokens, true, shouted).read(whole, facts) == 0) return std::nullopt;
  }
  for (size_t i = whole.begin; i < whole.end; ++i) follow(facts.spelling, tagged('w', tokens[i].text));
  if (plain != nullptr) {
    plain->clear();
    for (char32_t c : *written) plain->push_back(folded(c));
  }
  return facts;
}

Comparison compare(const Facts& a, const Facts& b) {
  Comparison comparison;
  for (size_t i = 0; i < model::kSimilarGuards && !comparison.guard; ++i) {
    if (a.of[i] != b.of[i]) comparison.guard = static_cast<SimilarGuard>(i);
  }
  if (!comparison.guard) {
    comparison.likeness = a.spelling == b.spelling ? Likeness::kSpelling : Likeness::kContent;
  } else if (*comparison.guard != SimilarGuard::kLanguage && a.turned == b.turned) {
    comparison = {.guard = {}, .likeness = Likeness::kTurned};
  }
  return comparison;
}

Claims claims_of(std::u32string_view normal_text) {
  Claims claims;
  for (const Token& token : tokens_of(normal_text)) {
    if (token.kind == Kind::kNumber) join(claims.numbers, id_of(token.text));
    if (token.kind == Kind::kCode) join(claims.code, tagged('`', token.text));
    if (token.kind == Kind::kSign && is_unit_sign(token.text)) join(claims.units, tagged('s', token.text));
    if (token.kind != Kind::kWord && token.kind != Kind::kHan) continue;
    switch (token.word.sort) {
      case Sort::kNumber: join(claims.numbers, token.word.id); break;
      case Sort::kUnit: join(claims.units, token.word.id); break;
      case Sort::kDate: join(claims.dates, token.word.id); break;
      case Sort::kNegation: join(claims.negations, token.word.id); break;
      case Sort::kPolarity: join(claims.opposites, token.word.id); break;
      default: break;
    }
  }
  return claims;
}

}  // namespace baton::similar
