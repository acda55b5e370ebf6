#include "app/upkeep.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "ledger/rows_file.h"

namespace baton::app {

Upkeep::Upkeep(Shared& shared) : shared_(shared), prices_(stamp_of_prices()) {}

Expected<void> Upkeep::begin() {
  if (auto keys = look_at_keys(); !keys) return keys;
  if (auto spent = recover_budgets(); !spent) return spent;
  if (!shared_.settings.ledger.webhook.empty()) {
    auto webhook = Webhook::make(shared_.settings.ledger, shared_.metrics, shared_.log);
    if (!webhook) return std::unexpected(webhook.error());
    webhook_ = std::move(*webhook);
  }
  look_at_stores();
  begun_ = true;
  return {};
}

void Upkeep::turn() {
  auto keys = look_at_keys();
  shared_.state.note("keys", keys ? "" : keys.error().detail);
  if (!keys) shared_.log.trouble("keys", "keys: " + keys.error().detail + "; those that are known stay as they are");
  look_at_prices();
  look_at_stores();
  tell_warnings();
}

// Nobody may spend a budget a second time because the process was started anew.
Expected<void> Upkeep::recover_budgets() {
  const std::string path = shared_.settings.data_dir + "/" + std::string(ledger::RowsFile::kName);
  if (!shared_.book || ::access(path.c_str(), F_OK) != 0) return {};
  auto file = ledger::RowsFile::open(path);
  if (!file) {
    // The book says what is wrong with the file, and refuses calls when it has to.
    shared_.log.trouble("budgets", "budgets: what was spent cannot be read: " + file.error().error.detail);
    return {};
  }
  auto spent = file->spent(shared_.clock.wall());
  if (!spent) return fail(ErrorCode::kStore, Fault::kUs, path + ": " + spent.error().error.detail);
  for (const ledger::Spent& one : *spent) shared_.budgets->recover(one, shared_.clock.wall());
  return {};
}

void Upkeep::tell_warnings() {
  for (const ledger::BudgetWarning& warning : shared_.budgets->take_warnings()) {
    shared_.metrics.budget_warned(warning.percent);
    shared_.log.say(warning_text(warning));
    if (webhook_) webhook_->post(warning);
  }
}

Expected<void> Upkeep::look_at_keys() {
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
  // A key may have got a budget after it had spent something.
  const bool budgeted = std::ranges::any_of(stored->keys, [](const auto& key) { return key.rights.budget.any(); });
  if (begun_ && budgeted) (void)recover_budgets();
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
  if (shared_.book) shared_.state.note("ledger", shared_.book->trouble());
  if (shared_.reply_log) shared_.state.note("cache", shared_.reply_log->trouble());
}

}  // namespace baton::app
