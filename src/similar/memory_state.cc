#include "similar/memory_state.h"

#include <bit>
#include <cstring>

#include "similar/corpus.h"
#include "similar/facts.h"

namespace baton::similar {

namespace {

constexpr std::string_view kHead = "BSM1";  // of this form
constexpr size_t kProbes = 64;              // pairs of texts whose facts stand for the tables
constexpr size_t kHeadBytes = kHead.size() + sizeof(Sha256) + 4 * 8;
constexpr size_t kScopeBytes = sizeof(Sha256) + 8 * (2 * kLikenesses + 3);

void put(std::string& out, uint64_t number) {
  for (int i = 0; i < 8; ++i) out.push_back(static_cast<char>(number >> (8 * i)));
}
void put(std::string& out, const Sha256& digest) {
  out.append(reinterpret_cast<const char*>(digest.data()), digest.size());
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}
  uint64_t number() {
    uint64_t out = 0;
    for (size_t i = 0; i < 8; ++i) out |= uint64_t{static_cast<uint8_t>(text_[i])} << (8 * i);
    text_.remove_prefix(8);
    return out;
  }
  Sha256 digest() {
    Sha256 out;
    std::memcpy(out.data(), text_.data(), out.size());
    text_.remove_prefix(out.size());
    return out;
  }

 private:
  std::string_view text_;
};

uint64_t wall(WallTime time) { return static_cast<uint64_t>(time.time_since_epoch().count()); }
WallTime wall(uint64_t number) { return WallTime{std::chrono::milliseconds(static_cast<int64_t>(number))}; }

std::unexpected<Error> says_nothing(std::string why) { return fail(ErrorCode::kStore, Fault::kUs, std::move(why)); }

// Nobody has seen more, and fewer than they were wrong cannot have been seen.
bool sane(const SavedScope& scope) {
  constexpr uint64_t kSeenMax = uint64_t{1} << 48;
  for (size_t i = 0; i < kLikenesses; ++i) {
    if (scope.learnt.seen[i] > kSeenMax || scope.learnt.wrong[i] > scope.learnt.seen[i]) return false;
  }
  for (const double alarm : scope.learnt.alarm) {
    if (!(alarm >= 0 && alarm < 1e6)) return false;
  }
  return true;
}

}  // namespace

Sha256 fingerprint(const Embedder& embedder) {
  std::string seen(kHead);
  for (const Pair& pair : make_corpus(1, kProbes)) {
    for (const std::string& text : {pair.a, pair.b}) {
      std::u32string plain;
      const auto facts = facts_of(text, &plain);
      if (!facts) continue;
      for (const uint64_t one : facts->of) put(seen, one);
      put(seen, facts->spelling);
      put(seen, facts->turned);
      const Vector vector = embedder.embed(plain);
      seen.append(reinterpret_cast<const char*>(vector.at.data()), vector.at.size());
    }
  }
  return sha256(seen);
}

std::string to_text(const MemoryState& state, const Sha256& fingerprint) {
  std::string out(kHead);
  put(out, fingerprint);
  put(out, wall(state.saved));
  put(out, state.audited);
  put(out, state.wrong);
  const size_t count = std::min(state.scopes.size(), kSavedScopesMax);
  put(out, count);
  out.reserve(kHeadBytes + count * kScopeBytes + sizeof(Sha256));
  for (size_t i = 0; i < count; ++i) {
    const SavedScope& scope = state.scopes[i];
    put(out, scope.identity);
    for (size_t k = 0; k < kLikenesses; ++k) {
      put(out, scope.learnt.seen[k]);
      put(out, scope.learnt.wrong[k]);
    }
    for (const double alarm : scope.learnt.alarm) put(out, std::bit_cast<uint64_t>(alarm));
    put(out, wall(scope.off_until));
  }
  put(out, sha256(out));
  return out;
}

Expected<MemoryState> state_from_text(std::string_view text, const Sha256& fingerprint, WallTime now) {
  if (!text.starts_with(kHead)) return says_nothing("it is no such file, or of another form");
  if (text.size() < kHeadBytes + sizeof(Sha256)) return says_nothing("it is cut off");
  const std::string_view signed_part = text.substr(0, text.size() - sizeof(Sha256));
  if (Reader(text.substr(signed_part.size())).digest() != sha256(signed_part)) return says_nothing("it is damaged");
  Reader reader(signed_part.substr(kHead.size()));
  if (reader.digest() != fingerprint) return says_nothing("it was learnt under other tables or weights");
  MemoryState state;
  state.saved = wall(reader.number());
  state.audited = reader.number();
  state.wrong = reader.number();
  const uint64_t count = reader.number();
  if (count > kSavedScopesMax || signed_part.size() != kHeadBytes + count * kScopeBytes || state.wrong > state.audited)
    return says_nothing("it is damaged");
  if (state.saved > now + std::chrono::hours(24) || now - state.saved > kSavedAgeMax)
    return says_nothing("it is more than a month old");
  for (uint64_t i = 0; i < count; ++i) {
    SavedScope scope;
    scope.identity = reader.digest();
    for (size_t k = 0; k < kLikenesses; ++k) {
      scope.learnt.seen[k] = reader.number();
      scope.learnt.wrong[k] = reader.number();
    }
    for (double& alarm : scope.learnt.alarm) alarm = std::bit_cast<double>(reader.number());
    scope.off_until = wall(reader.number());
    if (!sane(scope)) return says_nothing("it is damaged");
    state.scopes.push_back(scope);
  }
  return state;
}

}  // namespace baton::similar
