#include "app/upkeep.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "app/recover_budgets.h"

namespace baton::app {

Upkeep::Upkeep(Shared& shared) : shared_(shared), prices_(stamp_of_prices()) {}

Expected<void> Upkeep::begin() {
  if (auto keys = look_at_keys(); !keys) return keys;
  // What the journal had left counts too.
  if (shared_.book) (void)shared_.book->settle(kStartWait);
  learn_budgets();
  if (!shared_.settings.ledger.webhook.empty()) {
    auto webhook = Webhook::make(shared_.settings.ledger, shared_.metrics, shared_.log);
    if (!webhook) return std::unexpected(webhook.error());
    webhook_ = std::move(*webhook);
  }
  look_at_stores();
  begun_ = true;
  return {};
}

void Upkeep::take_keys_over() {
  auto keys = look_at_keys();
  shared_.state.note("keys", keys ? "" : keys.error().detail);
  if (!keys) shared_.log.trouble("keys", "keys: " + keys.error().detail + "; those that are known stay as they are");
}

void Upkeep::turn() {
  take_keys_over();
  // Once rows can be written, and all that was left is.
  if (!budgets_known_ && shared_.taking_over.expired() && shared_.clock.now() >= learn_again_) learn_budgets();
  look_at_prices();
  look_at_stores();
  tell_warnings();
}

// The book says what is wrong with its file, and refuses calls when it has to; a server may only be late.
void Upkeep::learn_budgets() {
  const auto spent = recover_budgets(shared_);
  if (!spent) {
    shared_.log.trouble("budgets", "budgets: what was spent cannot be read: " + spent.error().detail);
    learn_again_ = shared_.clock.now() + kStartWait;
    const bool may_come = !shared_.settings.ledger.database.reveal().empty();
    if (may_come && budgets_known_) shared_.budgets->know(false);
    budgets_known_ = !may_come;
    return;
  }
  if (!std::exchange(budgets_known_, true)) {
    shared_.budgets->know(true);
    shared_.log.trouble("budgets recovered", "budgets: what was spent is known again");
  }
}

void Upkeep::tell_warnings() {
  for (const ledger::BudgetWarning& warning : shared_.budgets->take_warnings()) {
    shared_.metrics.budget_warned(warning.percent);
    shared_.log.say(warning_text(warning));
    if (webhook_) webhook_->post(warning);
  }
}

Expected<void> Upkeep::look_at_keys() {
  std::lock_guard lock(keys_mutex_);
  const std::string& folder = shared_.settings.data_dir;
  if (!keys_) {
    if (!auth::KeyStore::exists(folder)) return {};
    auto opened = auth::KeyStore::open(folder);
    if (!opened) return std::unexpected(opened.error());
    keys_.emplace(std::move(*opened));
  }
  auto changed = keys_->changed();
  if (changed && !*changed) return {};
  auto stored = changed ? keys_->read() : std::unexpected(changed.error());
  if (!stored) {
    keys_.reset();  // opened anew at the next turn, and then read whatever changed
    return std::unexpected(stored.error());
  }
  // A key or a team may have got a budget after it had spent something.
  const bool budgeted = !stored->team_budgets.empty() ||
                        std::ranges::any_of(stored->keys, [](const auto& key) { return key.rights.budget.any(); });
  if (begun_ && budgeted) (void)recover_budgets(shared_);
  shared_.budgets->use_teams(std::move(stored->team_budgets));
  shared_.keys.replace(*stored);
  return {};
}

Upkeep::FileStamp Upkeep::stamp_of_prices() const {
  struct stat file{};
  const auto revision = shared_.current();
  const std::string& path = revision->settings.ledger.prices_file;
  if (path.empty() || ::stat(path.c_str(), &file) != 0) return {};
  return {.modified_ns = file.st_mtim.tv_sec * 1'000'000'000 + file.st_mtim.tv_nsec,
          .size = file.st_size,
          .inode = file.st_ino};
}

void Upkeep::look_at_prices() {
  const auto revision = shared_.current();
  if (revision->settings.ledger.prices_file.empty()) return;
  const FileStamp now = stamp_of_prices();
  if (now == prices_) return;
  prices_ = now;
  auto prices = read_prices(revision->settings);
  if (!prices) {
    shared_.state.note("prices", prices.error().detail);
    shared_.log.say("prices: the new file is not taken, the old prices stay: " + prices.error().detail);
    return;
  }
  shared_.budgets->use(*prices);
  if (shared_.book) shared_.book->use(std::move(*prices));
  shared_.state.note("prices", "");
  shared_.log.say("prices: read again from " + revision->settings.ledger.prices_file);
}

void Upkeep::look_at_stores() {
  shared_.state.note("store", shared_.bindings.trouble());
  if (shared_.shared_nonces) shared_.state.note("nonces", shared_.shared_nonces->trouble());
  if (shared_.book) shared_.state.note("ledger", shared_.book->trouble());
  if (shared_.reply_log) shared_.state.note("cache", shared_.reply_log->trouble());
  if (shared_.shared_cache) shared_.state.note("redis", shared_.shared_cache->trouble());
}

}  // namespace baton::app
