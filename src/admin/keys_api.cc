#include "admin/keys_api.h"

#include <algorithm>
#include <map>

#include "admin/json_writer.h"
#include "admin/key_body.h"
#include "admin/request_body.h"
#include "auth/right_rules.h"

namespace baton::admin {
namespace {

ApiReply no_such_key() { return api_error(404, "There is no key of this name in use."); }

}  // namespace

Expected<auth::StoredKeys> KeysApi::read() const {
  if (!auth::KeyStore::exists(parts_.place.folder)) return auth::StoredKeys{};
  auto store = auth::KeyStore::open(parts_.place.folder);
  if (!store) return std::unexpected(store.error());
  return store->read();
}

// The key; with its secret where it was just made.
ApiReply KeysApi::shown(const auth::StoredKey& key, const Secret* secret, WallTime now) const {
  // What was done is done, also when it cannot be said what is spent.
  const ledger::Holders holders = ledger::read_holders(parts_.place, now).value_or(ledger::Holders{});
  ApiReply reply{.target = key.name};
  JsonWriter json(reply.body);
  const Money money{parts_.budgets, holders, now};
  if (secret == nullptr) {
    write_key(json, key, money);
    return reply;
  }
  json.begin_object().key("key");
  write_key(json, key, money);
  json.field("secret", secret->reveal()).end_object();
  return reply;
}

ApiReply KeysApi::list(WallTime now) const {
  const auto stored = read();
  if (!stored) return api_error(stored.error());
  const auto holders = ledger::read_holders(parts_.place, now);
  if (!holders) return api_error(holders.error());
  ApiReply reply;
  JsonWriter json(reply.body);
  json.begin_object().key("keys").begin_array();
  for (const auth::StoredKey& key : stored->keys) write_key(json, key, {parts_.budgets, *holders, now});
  json.end_array().end_object();
  return reply;
}

ApiReply KeysApi::create(std::string_view body, WallTime now) const {
  auto wanted = read_new_key(body, now);
  if (!wanted) return api_error(wanted.error());
  auto store = auth::KeyStore::open(parts_.place.folder);
  if (!store) return api_error(store.error());
  auto key = store->create(*wanted, now);
  if (!key) {
    ApiReply reply = api_error(key.error());
    reply.target = wanted->name;
    return reply;
  }
  tell();
  return shown(key->stored, &key->key, now);
}

ApiReply KeysApi::change(std::string_view name, std::string_view body, WallTime now) const {
  const auto edit = read_key_edit(body, now);
  if (!edit) return api_error(edit.error());
  if (!auth::KeyStore::exists(parts_.place.folder)) return no_such_key();
  auto store = auth::KeyStore::open(parts_.place.folder);
  if (!store) return api_error(store.error());
  const auto key = store->update(name, *edit);
  if (!key) return api_error(key.error());
  tell();
  return shown(*key, nullptr, now);
}

ApiReply KeysApi::rotate(std::string_view name, std::string_view text, WallTime now) const {
  Duration grace{0};
  if (!text.empty()) {
    const RequestBody body(text);
    if (auto known = body.only({"grace"}); !known) return api_error(known.error());
    auto given = body.text("grace");
    if (!given) return api_error(given.error());
    if (*given && **given != "0") {
      const auto time = duration_of(**given);
      if (!time) return api_error(400, "grace is a time such as 15m, 12h or 7d.");
      grace = *time;
    }
  }
  if (!auth::KeyStore::exists(parts_.place.folder)) return no_such_key();
  auto store = auth::KeyStore::open(parts_.place.folder);
  if (!store) return api_error(store.error());
  auto key = store->rotate(name, grace, now);
  if (!key) return api_error(key.error());
  tell();
  return shown(key->stored, &key->key, now);
}

ApiReply KeysApi::revoke(std::string_view name, WallTime now) const {
  if (!auth::KeyStore::exists(parts_.place.folder)) return no_such_key();
  auto store = auth::KeyStore::open(parts_.place.folder);
  if (!store) return api_error(store.error());
  auto done = store->revoke(name, now);
  if (!done) return api_error(done.error());
  tell();
  ApiReply reply;
  JsonWriter(reply.body).begin_object().field("revoked", name).end_object();
  return reply;
}

ApiReply KeysApi::teams(WallTime now) const {
  const auto stored = read();
  if (!stored) return api_error(stored.error());
  const auto holders = ledger::read_holders(parts_.place, now);
  if (!holders) return api_error(holders.error());
  std::map<std::string, int64_t> keys;  // in use, by team
  for (const auto& [team, budget] : stored->team_budgets) keys[team];
  if (parts_.budgets != nullptr) {
    for (const std::string& team : parts_.budgets->limited_teams()) keys[team];
  }
  for (const auth::StoredKey& key : stored->keys) {
    if (!key.team.empty() && !key.revoked) ++keys[key.team];
  }
  ApiReply reply;
  JsonWriter json(reply.body);
  json.begin_object().key("teams").begin_array();
  for (const auto& [team, count] : keys) {
    const auto set = stored->team_budgets.find(team);
    model::Budget budget;
    if (set != stored->team_budgets.end()) {
      budget = set->second;
    } else if (parts_.budgets != nullptr) {
      budget = parts_.budgets->team_budget(team).value_or(model::Budget{});
    }
    json.begin_object().field("name", team).field("keys", count).key("budget");
    write_budget(json, budget);
    json.field("set_here", set != stored->team_budgets.end()).key("budgets");
    write_standings(json, ledger::holder_of_team(team), budget, {parts_.budgets, *holders, now});
    json.end_object();
  }
  json.end_array().end_object();
  return reply;
}

ApiReply KeysApi::change_team(std::string_view name, std::string_view body, WallTime now) const {
  if (!auth::is_key_name(name))
    return api_error(400, "A team is 1 to 64 letters, digits, dots, hyphens or underscores.");
  const auto budget = read_team_edit(body);
  if (!budget) return api_error(budget.error());
  auto store = auth::KeyStore::open(parts_.place.folder);
  if (!store) return api_error(store.error());
  if (auto done = store->set_team_budget(name, *budget); !done) return api_error(done.error());
  tell();
  return teams(now);
}

runtime::Task<ApiReply> KeysApi::at_desk(const Api::Parts& api, Work work) {
  ApiReply reply;
  const WallTime now = api.loop.wall();
  std::function<void()> job = [&] { reply = work(now); };
  if (!co_await api.desk.do_work(api.loop, std::move(job))) co_return api_error(503, "Too much waits for the disk.");
  co_return reply;
}

void KeysApi::serve(Api& api) {
  const Api::Parts& parts = api.parts();
  using Answer = ApiReply (KeysApi::*)(WallTime) const;
  using Named = ApiReply (KeysApi::*)(std::string_view, std::string_view, WallTime) const;
  const auto on = [&](Operation operation, Answer answer) {
    api.on(operation, [this, &parts, answer](const ApiCall&) {
      return at_desk(parts, [this, answer](WallTime now) { return (this->*answer)(now); });
    });
  };
  const auto on_named = [&](Operation operation, Named answer) {
    api.on(operation, [this, &parts, answer](const ApiCall& call) {
      return at_desk(parts,
                     [this, answer, &call](WallTime now) { return (this->*answer)(call.names[0], call.body, now); });
    });
  };
  on(Operation::kKeys, &KeysApi::list);
  on(Operation::kTeams, &KeysApi::teams);
  api.on(Operation::kCreateKey, [this, &parts](const ApiCall& call) {
    return at_desk(parts, [this, &call](WallTime now) { return create(call.body, now); });
  });
  on_named(Operation::kChangeKey, &KeysApi::change);
  on_named(Operation::kRotateKey, &KeysApi::rotate);
  on_named(Operation::kChangeTeam, &KeysApi::change_team);
  api.on(Operation::kRevokeKey, [this, &parts](const ApiCall& call) {
    return at_desk(parts, [this, &call](WallTime now) { return revoke(call.names[0], now); });
  });
}

}  // namespace baton::admin
