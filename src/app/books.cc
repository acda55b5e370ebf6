#include "app/books.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "app/data_place.h"
#include "ledger/holders.h"
#include "ledger/place.h"
#include "ledger/price_table.h"
#include "ledger/reconcile.h"
#include "metrics/log_text.h"
#include "model/budget_text.h"
#include "runtime/clock.h"

namespace baton::app {
namespace {

using metrics::append_quoted;

std::string day_text(const std::optional<WallTime>& time) {
  if (!time) return "-";
  const auto day = std::chrono::floor<std::chrono::days>(*time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::minutes>(*time - day));
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count());
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out.append(out.empty() ? "" : ",").append(word);
  return out;
}

// "50/day strict" as one word.
std::string joined_by(std::string text, char between) {
  std::ranges::replace(text, ' ', between);
  return text;
}

std::string_view state_of(const auth::StoredKey& key, WallTime now) {
  if (key.revoked) return "revoked";
  return key.expires && now >= *key.expires ? "expired" : "in use";
}

std::string_view signing_of(const auth::StoredKey& key) {
  switch (key.signing) {
    case auth::Signing::kNone: return "none";
    case auth::Signing::kOnly: return "only";
    case auth::Signing::kLegacy: return "legacy";
  }
  return "none";
}

std::string limits_of(const auth::StoredKey& key) {
  const auth::Rights& rights = key.rights;
  std::string out;
  const auto add = [&out](std::string text) { out.append(out.empty() ? "" : " ").append(text); };
  if (key.signing != auth::Signing::kNone) add(std::string("signing=").append(signing_of(key)));
  if (!rights.models.empty()) add("models=" + joined(rights.models));
  if (!rights.endpoints.empty()) add("endpoints=" + joined(rights.endpoints));
  if (rights.requests_per_minute > 0) add("rpm=" + std::to_string(rights.requests_per_minute));
  if (rights.concurrency > 0) add("concurrency=" + std::to_string(rights.concurrency));
  if (rights.budget.any()) add("budget=" + joined_by(model::budget_text(rights.budget), ','));
  if (rights.tokens_per_minute > 0) add("tpm=" + std::to_string(rights.tokens_per_minute));
  if (!rights.accounts.empty()) add("accounts=" + joined(rights.accounts));
  if (!rights.groups.empty()) add("groups=" + joined(rights.groups));
  if (!rights.addresses.empty()) add("from=" + joined(rights.addresses));
  if (rights.cache != auth::CachePolicy::kDefault) add("cache=" + std::string(name(rights.cache)));
  if (rights.priority != auth::Priority::kNormal) add("priority=" + std::string(name(rights.priority)));
  return out.empty() ? "-" : out;
}

std::optional<WallTime> last_used(const ledger::Holders& holders, const auth::StoredKey& key) {
  const auto found = holders.last_used.find(key.id);
  return found == holders.last_used.end() ? std::nullopt : std::optional(found->second);
}

// Opened by the caller's braces; ended by it too.
void append_key_json(std::string& out, const auth::StoredKey& key, WallTime now) {
  const auto text = [&out](std::string_view name, std::string_view value) {
    append_quoted(out, name);
    out += ':';
    append_quoted(out, value);
    out += ',';
  };
  const auto list = [&out](std::string_view name, const std::vector<std::string>& words) {
    append_quoted(out, name);
    out += ":[";
    for (size_t i = 0; i < words.size(); ++i) {
      if (i > 0) out += ',';
      append_quoted(out, words[i]);
    }
    out += "],";
  };
  const auto time = [&out](std::string_view name, const std::optional<WallTime>& value) {
    append_quoted(out, name);
    out += ':';
    out += value ? std::to_string(value->time_since_epoch().count()) : "null";
    out += ',';
  };
  text("id", key.id);
  text("name", key.name);
  text("prefix", key.shown);
  text("team", key.team);
  text("tags", key.tags);
  text("signing", signing_of(key));
  list("models", key.rights.models);
  list("endpoints", key.rights.endpoints);
  list("accounts", key.rights.accounts);
  list("groups", key.rights.groups);
  list("from", key.rights.addresses);
  text("cache", name(key.rights.cache));
  text("priority", name(key.rights.priority));
  time("created_ms", key.created);
  time("expires_ms", key.expires);
  time("revoked_ms", key.revoked);
  text("state", state_of(key, now));
  text("budget", model::budget_text(key.rights.budget));
  out += fmt::format("\"rpm\":{},\"concurrency\":{},\"tpm\":{}", key.rights.requests_per_minute, key.rights.concurrency,
                     key.rights.tokens_per_minute);
}

void print_made(const auth::MadeKey& made, const Keys& command, WallTime now) {
  const std::string key(made.key.reveal());
  if (command.json) {
    std::string out = "{\"key\":";
    append_quoted(out, key);
    out += ',';
    append_key_json(out, made.stored, now);
    std::printf("%s}\n", out.c_str());
    return;
  }
  // The key alone on stdout, so that it can be piped to where it belongs.
  std::fprintf(stderr, "The key of %s, shown this once:\n", made.stored.name.c_str());
  std::printf("%s\n", key.c_str());
}

void print_list(const auth::StoredKeys& stored, const ledger::Holders& holders, bool json, WallTime now) {
  if (json) {
    std::string out = "{\"keys\":[";
    for (const auth::StoredKey& key : stored.keys) {
      out += &key == &stored.keys.front() ? "{" : ",{";
      append_key_json(out, key, now);
      const ledger::Spent sum = holders.of(ledger::holder_of_key(key.id, key.name));
      const auto used = last_used(holders, key);
      out += fmt::format(",\"spent_day_nanodollars\":{},\"spent_month_nanodollars\":{},\"last_used_ms\":{}",
                         sum.day_nanodollars, sum.month_nanodollars,
                         used ? std::to_string(used->time_since_epoch().count()) : "null");
      out += '}';
    }
    std::printf("%s]}\n", out.c_str());
    return;
  }
  std::vector<std::array<std::string, 10>> lines{
      {"NAME", "KEY", "TEAM", "STATE", "CREATED (UTC)", "EXPIRES", "LAST USED", "TODAY", "MONTH", "LIMITS"}};
  for (const auth::StoredKey& key : stored.keys) {
    const ledger::Spent sum = holders.of(ledger::holder_of_key(key.id, key.name));
    lines.push_back({key.name, key.shown + "…", key.team.empty() ? "-" : key.team, std::string(state_of(key, now)),
                     day_text(key.created), day_text(key.expires), day_text(last_used(holders, key)),
                     ledger::dollars_text(sum.day_nanodollars), ledger::dollars_text(sum.month_nanodollars),
                     limits_of(key)});
  }
  std::array<size_t, 10> widths{};
  // The ellipsis has one column and three bytes.
  const auto width = [](const std::string& text) { return text.size() - (text.ends_with("…") ? 2 : 0); };
  for (const auto& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], width(line[i]));
  }
  for (const auto& line : lines) {
    std::string out;
    for (size_t i = 0; i < line.size(); ++i) {
      out += line[i];
      if (i + 1 < line.size()) out.append(widths[i] - width(line[i]) + 2, ' ');
    }
    std::printf("%s\n", out.c_str());
  }
}

}  // namespace

namespace {

// What was given takes the place of what the key had.
void change(auth::StoredKey& key, const Keys& command, WallTime now) {
  const auth::Rights& wanted = command.key.rights;
  const auto given = [&](std::string_view flag) {
    return std::ranges::find(command.given, flag) != command.given.end();
  };
  if (given("--team")) key.team = command.key.team;
  if (given("--tags")) key.tags = command.key.tags;
  if (given("--ttl")) {
    key.expires.reset();
    if (command.ttl) key.expires = now + std::chrono::duration_cast<std::chrono::milliseconds>(*command.ttl);
  }
  if (given("--models")) key.rights.models = wanted.models;
  if (given("--endpoints")) key.rights.endpoints = wanted.endpoints;
  if (given("--rpm")) key.rights.requests_per_minute = wanted.requests_per_minute;
  if (given("--concurrency")) key.rights.concurrency = wanted.concurrency;
  if (given("--tpm")) key.rights.tokens_per_minute = wanted.tokens_per_minute;
  if (given("--accounts")) key.rights.accounts = wanted.accounts;
  if (given("--groups")) key.rights.groups = wanted.groups;
  if (given("--from")) key.rights.addresses = wanted.addresses;
  if (given("--cache")) key.rights.cache = wanted.cache;
  if (given("--priority")) key.rights.priority = wanted.priority;
  if (given("--budget")) key.rights.budget = wanted.budget;
}

int print_key(const auth::StoredKey& key, bool json, std::string_view done, WallTime now) {
  if (json) {
    std::string out = "{";
    append_key_json(out, key, now);
    std::printf("%s}\n", out.c_str());
  } else {
    std::fprintf(stderr, "The key %s %s: %s\n", key.name.c_str(), std::string(done).c_str(), limits_of(key).c_str());
  }
  return 0;
}

}  // namespace

int run_keys(const Keys& command) {
  const WallTime now = runtime::SystemClock().wall();
  const auto place = place_of(command.data);
  if (!place) return 2;
  const std::string* const folder = &place->folder;
  const bool makes = command.action == Keys::Action::kCreate || command.action == Keys::Action::kImport;
  if (!makes && !auth::KeyStore::exists(*folder)) {
    if (command.action != Keys::Action::kList) return cannot("there is no key in " + *folder);
    print_list({}, {}, command.json, now);
    return 0;
  }
  auto store = auth::KeyStore::open(*folder);
  if (!store) return cannot(store.error().detail);
  switch (command.action) {
    case Keys::Action::kList: {
      auto stored = store->read();
      if (!stored) return cannot(stored.error().detail);
      const auto holders = ledger::read_holders(*place, now);
      if (!holders) std::fprintf(stderr, "baton: what was spent cannot be read: %s\n", holders.error().detail.c_str());
      print_list(*stored, holders.value_or(ledger::Holders{}), command.json, now);
      return 0;
    }
    case Keys::Action::kImport: {
      auth::NewKey wanted = command.key;
      if (command.ttl) wanted.expires = now + std::chrono::duration_cast<std::chrono::milliseconds>(*command.ttl);
      auto imported = store->import(wanted, command.sha256, now);
      if (!imported) return cannot(imported.error().detail);
      note_change(*folder, "keys.import", wanted.name, now);
      return print_key(*imported, command.json, "was taken over", now);
    }
    case Keys::Action::kSet: {
      const auto key = store->update(command.key.name, [&](auth::StoredKey& one) { change(one, command, now); });
      if (!key) return cannot(key.error().detail);
      note_change(*folder, "keys.set", command.key.name, now);
      return print_key(*key, command.json, "was changed", now);
    }
    case Keys::Action::kRevoke: {
      auto revoked = store->revoke(command.key.name, now);
      if (!revoked) return cannot(revoked.error().detail);
      note_change(*folder, "keys.revoke", command.key.name, now);
      if (command.json) {
        std::printf("{\"name\":\"%s\",\"revoked\":true}\n", command.key.name.c_str());  // a name has no quotes
      } else {
        std::fprintf(stderr, "The key %s is revoked.\n", command.key.name.c_str());
      }
      return 0;
    }
    case Keys::Action::kCreate:
    case Keys::Action::kRotate: {
      auth::NewKey wanted = command.key;
      if (command.ttl) wanted.expires = now + std::chrono::duration_cast<std::chrono::milliseconds>(*command.ttl);
      auto made = command.action == Keys::Action::kCreate ? store->create(wanted, now)
                                                          : store->rotate(wanted.name, command.grace, now);
      if (!made) return cannot(made.error().detail);
      note_change(*folder, command.action == Keys::Action::kRotate ? "keys.rotate" : "keys.create", wanted.name, now);
      print_made(*made, command, now);
      return 0;
    }
  }
  return 1;
}

namespace {

int run_reconcile(const Usage& command, const ledger::Place& place) {
  std::ifstream file(*command.report, std::ios::binary);
  if (!file) return cannot(*command.report + ": " + std::strerror(errno), 2);
  std::string text(ledger::kReportBytesMax + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  if (text.size() > ledger::kReportBytesMax) return cannot(*command.report + ": is too large for a report", 2);
  const auto reported = ledger::read_cost_report(text);
  if (!reported) return cannot(*command.report + ": " + reported.error().detail, 2);
  const auto booked = ledger::booked_costs(place, {});
  if (!booked) return cannot(booked.error().detail, 2);
  const ledger::Reconciled done = ledger::reconcile(*booked, *reported, command.tolerance, command.json);
  std::fputs(done.text.c_str(), stdout);
  return done.agrees ? 0 : 1;
}

}  // namespace

int run_usage(const Usage& command) {
  const auto place = place_of(command.data);
  if (!place) return 2;
  if (command.report) return run_reconcile(command, *place);
  if (command.rows) {
    const auto write = [](const std::string& line) {
      return std::fwrite(line.data(), 1, line.size(), stdout) == line.size();
    };
    auto done = ledger::export_rows(*place, *command.rows, command.period, write);
    return done ? 0 : cannot(done.error().detail);
  }
  auto groups = ledger::usage_by(*place, command.by, command.period);
  if (!groups) return cannot(groups.error().detail);
  const std::string text =
      command.json ? ledger::usage_json(*groups, command.by) : ledger::usage_table(*groups, command.by);
  std::fputs(text.c_str(), stdout);
  return 0;
}

}  // namespace baton::app
