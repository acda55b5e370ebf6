#include "accounts/prompt_warmth.h"

#include <algorithm>

namespace baton::accounts {

namespace {

constexpr double kNetMemory = 0.9;   // of what was earned before, at each judgement
constexpr double kChanceMin = 0.02;  // of coming back: below no price makes it worth it

// Before an entry runs out it is asked for so much earlier.
Duration margin(Duration life) { return std::min<Duration>(life / 10, std::chrono::seconds(30)); }

}  // namespace

PromptWarmth::PromptWarmth(const Options& options)
    : options_(options),
      gate_(options.config.write_admission == "shadow"),
      entries_(kFollowedMax),
      purse_(options.config.keep_warm_share) {}

const PromptWarmth::Entry* PromptWarmth::find(const model::Prompt& prompt) const {
  for (auto prefix = prompt.prefixes.rbegin(); prefix != prompt.prefixes.rend(); ++prefix) {
    const Entry& entry = of(prefix->hash);
    if (entry.followed && entry.key == prefix->hash) return &entry;
  }
  return nullptr;
}

PromptWarmth::Ticket PromptWarmth::ticket(const Entry& entry, Instant from) const {
  if (!purse_.enabled() || entry.asked >= options_.config.asks_max || entry.again <= 0) return {};
  const double worth =
      table_.worth(entry.kind(), entry.asked + 1, static_cast<double>(entry.saved), static_cast<double>(entry.again));
  if (worth <= 0) return {};
  const Duration lives = life(entry.lasting);
  return {entry.key, entry.turn, from + lives - margin(lives)};
}

// Writing pays when the chance of a read times what it saves is more than what the write costs more; an entry of an
// hour is expected to be read as often as returns follow on one another.
bool PromptWarmth::gate_leaves(const Entry& entry) const {
  const double chance = table_.chance(entry.kind(), 0);
  const double reads = entry.lasting ? chance / std::max(1 - chance, 0.01) : chance;
  return reads * static_cast<double>(entry.discount) <= static_cast<double>(entry.premium);
}

void PromptWarmth::judge_gate(const Entry& entry, bool read, News& news) {
  if (entry.premium <= 0) return;
  if (!entry.left) {
    ++(read ? news.written_read : news.written_unread);
    return;
  }
  ++(read ? news.left_read : news.left_unread);
  if (read) {
    news.gate_lost += std::max<int64_t>(entry.discount - entry.premium, 0);
  } else {
    news.gate_saved += entry.premium;
  }
}

void PromptWarmth::judge(const Entry& entry, bool useful, News& news) {
  if (entry.asked == 0) return;
  ++(useful ? news.useful : news.wasted);
  if (useful) news.saved += entry.saved;
  net_ = kNetMemory * net_ + static_cast<double>((useful ? entry.saved : 0) - entry.spent);
  purse_.judge(net_ >= 0);
}

void PromptWarmth::returned(Entry& entry, Instant now, News& news) {
  const Duration lives = life(entry.lasting);
  const Duration age = std::max(now - entry.last, Duration{0});
  const auto number = static_cast<size_t>(age / lives);
  if (number < ReturnTable::kLives) {
    table_.came_back(entry.kind(), number);
  } else {
    table_.stayed_away(entry.kind(), ReturnTable::kLives);
  }
  judge_gate(entry, number == 0, news);
  judge(entry, number > 0 && now < entry.held_until, news);
}

void PromptWarmth::stayed_away(Entry& entry, News& news) {
  table_.stayed_away(entry.kind(), ReturnTable::kLives);
  judge_gate(entry, false, news);
  judge(entry, false, news);
  entry.followed = false;
}

void PromptWarmth::retire(Instant now, News& news) {
  for (const bool lasting : {false, true}) {
    auto& lasts = lasts_[lasting ? 1 : 0];
    const Duration all = life(lasting) * static_cast<int64_t>(ReturnTable::kLives);
    while (!lasts.empty() && (lasts.front().at + all <= now || lasts.size() > 2 * kFollowedMax)) {
      Entry& entry = of(lasts.front().key);
      const bool its = entry.followed && entry.key == lasts.front().key && entry.turn == lasts.front().turn;
      // What makes room before its time says nothing.
      if (its && entry.last + all <= now) stayed_away(entry, news);
      lasts.pop_front();
    }
  }
}

PromptWarmth::Ticket PromptWarmth::used(const model::Prompt& prompt, const Use& use, News& news) {
  if (!prompt.cacheable()) return {};
  std::lock_guard lock(mutex_);
  purse_.spent(use.cost);
  retire(use.begun, news);
  uint32_t uses = 1;
  if (const Entry* found = find(prompt)) {
    Entry& before = of(found->key);
    uses = before.uses + 1;
    returned(before, use.begun, news);
    before.followed = false;
  }
  const model::PromptPrefix& head = prompt.prefixes.back();
  Entry& entry = of(head.hash);
  if (entry.followed) judge(entry, false, news);  // another prompt's place
  entry = {.key = head.hash,
           .turn = ++turn_,
           .followed = true,
           .lasting = head.mark == model::CacheMark::k1h,
           .tenant = use.tenant,
           .uses = uses,
           .last = use.begun,
           .held_until = use.begun,
           .again = use.again,
           .saved = use.saved,
           .premium = gate_ ? use.premium : 0,
           .discount = use.discount};
  entry.left = entry.premium > 0 && gate_leaves(entry);
  lasts_[entry.lasting ? 1 : 0].push_back({use.begun, entry.key, entry.turn});
  return ticket(entry, use.begun);
}

bool PromptWarmth::may_pay(const model::Prompt& prompt, uint64_t tenant) const {
  if (!purse_.enabled() || !prompt.cacheable()) return false;
  std::lock_guard lock(mutex_);
  const Entry* before = find(prompt);
  const bool lasting = prompt.prefixes.back().mark == model::CacheMark::k1h;
  return table_.chance({tenant, before != nullptr ? before->uses + 1 : 1, lasting}, 1) >= kChanceMin;
}

PromptWarmth::Next PromptWarmth::due(const Ticket& ticket, Instant now) {
  std::lock_guard lock(mutex_);
  Entry& entry = of(ticket.key);
  if (!entry.followed || entry.key != ticket.key || entry.turn != ticket.turn) return Next::kGone;
  if (now >= ticket.due + margin(life(entry.lasting))) return Next::kGone;  // too late: it has run out
  if (!purse_.take(entry.again)) return Next::kNoMoney;
  return Next::kAsk;
}

PromptWarmth::Ticket PromptWarmth::asked(const Ticket& was, const Asked& asked) {
  std::lock_guard lock(mutex_);
  Entry& entry = of(was.key);
  if (!entry.followed || entry.key != was.key || entry.turn != was.turn) return {};
  purse_.correct(asked.cost - entry.again);
  entry.spent += asked.cost;
  ++entry.asked;
  if (!asked.held) return {};
  entry.held_until = asked.begun + life(entry.lasting);
  return ticket(entry, asked.begun);
}

double PromptWarmth::share() const {
  std::lock_guard lock(mutex_);
  return purse_.share();
}

}  // namespace baton::accounts
