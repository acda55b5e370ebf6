#include "similar/memory.h"

#include <algorithm>
#include <cstring>

#include "similar/memory_state.h"

namespace baton::similar {

using model::SimilarResult;

namespace {

constexpr float kSomehowNear = 0.5f;  // farther is not worth a reason
constexpr size_t kIndexBytes = 48;    // of an entry: its node and its place in a table
constexpr size_t kScopeBytes = 256;   // the same of a scope

}  // namespace

Memory::Memory(Config config, const Weights& weights) : config_(std::move(config)), embedder_(weights) {}

size_t Memory::Scope::bytes() const {
  return sizeof(Scope) + kScopeBytes + entries.capacity() * sizeof(Entry) + by_turned.size() * kIndexBytes;
}

Memory::Scope* Memory::Stripe::find(const Name& name) {
  const auto found = by_key.find(name.key);
  if (found == by_key.end() || found->second->name.identity != name.identity) return nullptr;
  scopes.splice(scopes.begin(), scopes, found->second);
  return &*found->second;
}

std::optional<Question> Memory::read(std::string_view text) const {
  std::u32string plain;
  auto facts = facts_of(text, &plain);
  if (!facts) return std::nullopt;
  return Question{.facts = *facts, .vector = embedder_.embed(plain)};
}

// The one most alike that may ask the same, and of these the nearest; else the nearest at all, and what tells it apart.
Found Memory::nearest(const Scope& scope, const Question& question) const {
  Found found;
  found.similarity = -1;
  const auto [begin, end] = scope.by_turned.equal_range(question.facts.turned);
  for (auto it = begin; it != end; ++it) {
    const Entry& entry = scope.entries[it->second];
    const Comparison comparison = compare(question.facts, entry.question.facts);
    if (comparison.guard) continue;
    const float near =
        comparison.likeness == Likeness::kSpelling ? 1 : nearness(question.vector, entry.question.vector);
    if (found.similarity >= 0 && std::pair(-static_cast<int>(comparison.likeness), near) <=
                                     std::pair(-static_cast<int>(found.likeness), found.similarity))
      continue;
    found.similarity = near;
    found.answer = entry.answer;
    found.likeness = comparison.likeness;
  }
  if (found.similarity >= 0) {
    found.result =
        found.similarity < static_cast<float>(config_.similarity_min) ? SimilarResult::kFar : SimilarResult::kUnproved;
    return found;
  }
  const size_t count = scope.entries.size();
  const size_t looked_at = std::min(count, kScanMax);
  const Entry* near = nullptr;
  for (size_t i = 0; i < looked_at; ++i) {
    const Entry& entry = scope.entries[(scope.next + count - 1 - i) % count];
    const float nearby = nearness(question.vector, entry.question.vector);
    if (nearby <= found.similarity) continue;
    found.similarity = nearby;
    near = &entry;
  }
  found.result = SimilarResult::kNone;
  if (near == nullptr || found.similarity < kSomehowNear) return found;
  found.guard = compare(question.facts, near->question.facts).guard;
  if (found.guard) found.result = SimilarResult::kGuarded;
  return found;
}

Found Memory::look(const Name& name, const Question& question, const Policy& policy, double chance, Instant now) {
  Stripe& stripe = of(name);
  std::lock_guard lock(stripe.mutex);
  const Scope* scope = stripe.find(name);
  if (scope == nullptr || scope->entries.empty()) return {};
  Found found = nearest(*scope, question);
  if (found.result != SimilarResult::kUnproved) return found;
  if (scope->evidence.tripped(now)) {
    found.result = SimilarResult::kTripped;
  } else if (scope->evidence.proved(found.likeness, policy.error_max)) {
    found.result = policy.mode == Mode::kShadow   ? SimilarResult::kShadow
                   : chance < config_.audit_share ? SimilarResult::kAudited
                                                  : SimilarResult::kServed;
  }
  return found;
}

void Memory::unlink(Scope& scope, size_t slot) {
  const auto [begin, end] = scope.by_turned.equal_range(scope.entries[slot].question.facts.turned);
  for (auto it = begin; it != end; ++it) {
    if (it->second != slot) continue;
    scope.by_turned.erase(it);
    return;
  }
}

// The last takes its place, so that there is no hole.
void Memory::drop(Stripe& stripe, Scope& scope, size_t slot) {
  unlink(scope, slot);
  const size_t last = scope.entries.size() - 1;
  if (slot != last) {
    unlink(scope, last);
    scope.entries[slot] = std::move(scope.entries[last]);
    scope.by_turned.emplace(scope.entries[slot].question.facts.turned, static_cast<uint32_t>(slot));
  }
  scope.entries.pop_back();
  scope.next = scope.entries.size();
  --stripe.entries;
}

void Memory::add(const Name& name, const Question& question, const Name& answer) {
  Stripe& stripe = of(name);
  std::lock_guard lock(stripe.mutex);
  Scope* scope = stripe.find(name);
  if (scope == nullptr) {
    // Another scope at the same place: two of 2^128, or one aimed at it under a secret that nobody knows.
    if (stripe.by_key.contains(name.key)) return;
    scope = &stripe.scopes.emplace_front();
    scope->name = name;
    {
      std::lock_guard restored(restored_mutex_);
      if (const auto known = restored_.find(name.identity); known != restored_.end()) {
        scope->evidence = known->second;
        restored_.erase(known);
      }
    }
    stripe.by_key.emplace(name.key, stripe.scopes.begin());
    stripe.bytes += scope->bytes();
  }
  const auto [begin, end] = scope->by_turned.equal_range(question.facts.turned);
  for (auto it = begin; it != end; ++it) {
    if (scope->entries[it->second].answer == answer) return;
  }
  stripe.bytes -= scope->bytes();
  if (scope->entries.size() < config_.scope_entries_max) {
    scope->next = scope->entries.size();
    scope->entries.push_back({question, answer});
    ++stripe.entries;
  } else {
    scope->next %= scope->entries.size();
    unlink(*scope, scope->next);
    scope->entries[scope->next] = {question, answer};
  }
  scope->by_turned.emplace(question.facts.turned, static_cast<uint32_t>(scope->next));
  ++scope->next;
  stripe.bytes += scope->bytes();
  shrink(stripe);
}

void Memory::shrink(Stripe& stripe) {
  while (stripe.bytes > config_.bytes_max / kStripes && !stripe.scopes.empty()) {
    Scope& oldest = stripe.scopes.back();
    stripe.bytes -= oldest.bytes();
    stripe.entries -= oldest.entries.size();
    stripe.by_key.erase(oldest.name.key);
    stripe.scopes.pop_back();
  }
}

void Memory::forget(const Name& name, const Name& answer) {
  Stripe& stripe = of(name);
  std::lock_guard lock(stripe.mutex);
  Scope* scope = stripe.find(name);
  if (scope == nullptr) return;
  const auto at = std::ranges::find(scope->entries, answer, &Entry::answer);
  if (at == scope->entries.end()) return;
  stripe.bytes -= scope->bytes();
  drop(stripe, *scope, static_cast<size_t>(at - scope->entries.begin()));
  stripe.bytes += scope->bytes();
}

bool Memory::learn(const Name& name, const Found& found, bool right, double error_max, Instant now) {
  const bool served = found.result == SimilarResult::kAudited || found.result == SimilarResult::kShadow;
  if (served) {
    audited_.fetch_add(1, std::memory_order_relaxed);
    if (!right) wrong_.fetch_add(1, std::memory_order_relaxed);
  }
  Stripe& stripe = of(name);
  std::lock_guard lock(stripe.mutex);
  Scope* scope = stripe.find(name);
  return scope != nullptr &&
         scope->evidence.learn(found.likeness, right, served, error_max, now, config_.breaker_pause);
}

size_t Memory::IdentityHash::operator()(const Sha256& identity) const {
  size_t out;
  std::memcpy(&out, identity.data(), sizeof out);
  return out;
}

std::string Memory::save(Instant now, WallTime wall) const {
  MemoryState state{.saved = wall, .audited = audited_.load(std::memory_order_relaxed)};
  state.wrong = std::min(wrong_.load(std::memory_order_relaxed), state.audited);
  const auto add = [&](const Sha256& identity, const Evidence& evidence) {
    const bool off = evidence.tripped(now);
    if (state.scopes.size() >= kSavedScopesMax || (!off && !evidence.learnt().any())) return;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(evidence.off_until() - now);
    state.scopes.push_back({identity, evidence.learnt(), off ? wall + left : WallTime{}});
  };
  for (const Stripe& stripe : stripes_) {
    std::lock_guard lock(stripe.mutex);
    for (const Scope& scope : stripe.scopes) add(scope.name.identity, scope.evidence);
  }
  {
    std::lock_guard lock(restored_mutex_);
    for (const auto& [identity, evidence] : restored_) add(identity, evidence);
  }
  return to_text(state, fingerprint(embedder_));
}

Expected<size_t> Memory::restore(std::string_view text, Instant now, WallTime wall) {
  auto state = state_from_text(text, fingerprint(embedder_), wall);
  if (!state) return std::unexpected(state.error());
  audited_ = state->audited;
  wrong_ = state->wrong;
  std::lock_guard lock(restored_mutex_);
  for (const SavedScope& scope : state->scopes) {
    const Duration left = std::min<Duration>(scope.off_until - wall, config_.breaker_pause);
    restored_.insert_or_assign(scope.identity, Evidence::of(scope.learnt, left > Duration{0} ? now + left : Instant{}));
  }
  return state->scopes.size();
}

Memory::Totals Memory::totals() const {
  Totals totals;
  for (const Stripe& stripe : stripes_) {
    std::lock_guard lock(stripe.mutex);
    totals.scopes += stripe.scopes.size();
    totals.entries += stripe.entries;
    totals.bytes += stripe.bytes;
  }
  totals.wrong = wrong_.load(std::memory_order_relaxed);
  totals.audited = std::max(totals.wrong, audited_.load(std::memory_order_relaxed));
  totals.error_bound = error_bound(totals.audited, totals.wrong);
  return totals;
}

}  // namespace baton::similar
