// Memory: which questions were asked in which scope, and under which names their answers are kept. A scope is all that
// a call says but its last words, with its tenant in it, so nothing is ever found for another tenant or behind another
// system prompt. No text is held: a question is its Facts and its Vector, an answer the name under which reuse/ keeps
// it. When that answer goes, the question is found once more and forgotten.
// Life: one for all loops, made by the app. Thread: any. Bounds: Config.bytes_max over all, of which each stripe has an
// even share; the scope used longest ago goes first, with what it had learnt. Config.scope_entries_max in a scope.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/digest.h"
#include "base/error.h"
#include "cache/key.h"
#include "model/similarity.h"
#include "similar/config.h"
#include "similar/embedder.h"
#include "similar/evidence.h"
#include "similar/facts.h"
#include "similar/judge.h"
#include "similar/policy.h"

namespace baton::similar {

// Of a scope, or of a kept answer.
struct Name {
  cache::Key key;
  Sha256 identity{};
  friend bool operator==(const Name&, const Name&) = default;
};

struct Question {
  Facts facts;
  Vector vector;
};

struct Found {
  model::SimilarResult result = model::SimilarResult::kNone;
  std::optional<model::SimilarGuard> guard;  // of kGuarded
  Name answer;                               // of any result from kUnproved on
  float similarity = 0;
  Likeness likeness = Likeness::kSpelling;
  // There is an answer that the upstream's can be compared with.
  bool teaches() const { return result >= model::SimilarResult::kUnproved && result != model::SimilarResult::kServed; }
};

class Memory {
 public:
  // The weights have been read.
  Memory(Config config, const Weights& weights);

  const Config& config() const { return config_; }
  // Nothing: the text is too long for this, or says nothing.
  std::optional<Question> read(std::string_view text) const;

  // Whether two answers say the same (judge.h).
  std::optional<bool> agree(std::string_view a, std::string_view b) const { return say_the_same(a, b, embedder_); }

  // `chance` from 0 to 1 decides on an audit.
  Found look(const Name& scope, const Question& question, const Policy& policy, double chance, Instant now);
  void add(const Name& scope, const Question& question, const Name& answer);
  void forget(const Name& scope, const Name& answer);
  // What the upstream said, beside what look() found. True: the scope's breaker has tripped with it.
  bool learn(const Name& scope, const Found& found, bool right, double error_max, Instant now);

  // What was learnt, for a file; and what such a file has, before the first call: how many scopes it knows of, or why
  // it teaches nothing.
  std::string save(Instant now, WallTime wall) const;
  Expected<size_t> restore(std::string_view text, Instant now, WallTime wall);

  struct Totals {
    size_t scopes = 0, entries = 0, bytes = 0;
    uint64_t audited = 0, wrong = 0;  // of what was or would have been served
    double error_bound = 1;           // of those, with 95 %
  };
  Totals totals() const;

 private:
  struct Entry {
    Question question;
    Name answer;
  };
  struct Scope {
    Name name;
    Evidence evidence;
    std::vector<Entry> entries;  // once full, a ring
    size_t next = 0;
    std::unordered_multimap<uint64_t, uint32_t> by_turned;
    size_t bytes() const;
  };
  struct KeyHash {
    size_t operator()(const cache::Key& key) const { return static_cast<size_t>(key.low); }
  };
  struct alignas(64) Stripe {
    mutable std::mutex mutex;
    std::list<Scope> scopes;  // used last first
    std::unordered_map<cache::Key, std::list<Scope>::iterator, KeyHash> by_key;
    size_t entries = 0, bytes = 0;

    Scope* find(const Name& name);
  };
  static constexpr size_t kStripes = 8;
  struct IdentityHash {
    size_t operator()(const Sha256& identity) const;
  };

  Stripe& of(const Name& scope) { return stripes_[scope.key.high >> 48 & (kStripes - 1)]; }
  static void unlink(Scope& scope, size_t slot);
  static void drop(Stripe& stripe, Scope& scope, size_t slot);
  void shrink(Stripe& stripe);
  Found nearest(const Scope& scope, const Question& question) const;

  Config config_;
  Embedder embedder_;
  std::array<Stripe, kStripes> stripes_;
  std::atomic<uint64_t> audited_{0}, wrong_{0};
  // Of scopes of a process before that were not met yet. Never locked before a stripe is let go, but after it.
  mutable std::mutex restored_mutex_;
  std::unordered_map<Sha256, Evidence, IdentityHash> restored_;
};

}  // namespace baton::similar
