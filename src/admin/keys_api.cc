#include "admin/keys_api.h"

#include <algorithm>

#include "admin/json_writer.h"
#include "admin/request_body.h"
#include "base/ascii.h"
#include "dialect/call_labels.h"

namespace baton::admin {
namespace {

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (ascii::lower(c) >= 'a' && ascii::lower(c) <= 'z') || c == '.' || c == '-' ||
           c == '_';
  });
}

bool is_model(std::string_view text) {
  return !text.empty() && text.size() <= 256 &&
         std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f && c != ','; }) &&
         text.substr(0, text.size() - 1).find('*') == text.npos;
}

bool is_endpoint(std::string_view text) {
  const auto names = auth::endpoint_names();
  return std::ranges::find(names, text) != names.end();
}

std::unexpected<Error> wrong(std::string sentence) {
  return fail(ErrorCode::kBadRequest, Fault::kClient, std::move(sentence));
}

void write_texts(JsonWriter& json, std::string_view name, const std::vector<std::string>& texts) {
  json.key(name).begin_array();
  for (const std::string& text : texts) json.text(text);
  json.end_array();
}

void write_key(JsonWriter& json, const auth::StoredKey& key) {
  json.begin_object().field("id", key.id).field("name", key.name).field("team", key.team).field("prefix", key.shown);
  json.key("rights").begin_object();
  write_texts(json, "models", key.rights.models);
  write_texts(json, "endpoints", key.rights.endpoints);
  json.field("requests_per_minute", key.rights.requests_per_minute).field("concurrency", key.rights.concurrency);
  json.end_object().key("budgets").begin_array().end_array();
  json.field("created", key.created).field("expires", key.expires).field("revoked", key.revoked);
  json.key("last_used").null().field("tags", key.tags).end_object();
}

ApiReply made(const auth::MadeKey& key) {
  ApiReply reply{.target = key.stored.name};
  JsonWriter json(reply.body);
  json.begin_object().key("key");
  write_key(json, key.stored);
  json.field("secret", key.key.reveal()).end_object();
  return reply;
}

Expected<uint32_t> count(const RequestBody& body, std::string_view name) {
  const auto number = body.whole_number(name);
  if (!number) return std::unexpected(number.error());
  if (!*number) return 0u;
  if (**number < 1 || **number > 1'000'000) return wrong(std::string(name) + " is a number from 1 to 1000000.");
  return static_cast<uint32_t>(**number);
}

Expected<auth::Rights> read_rights(std::string_view object) {
  auth::Rights rights;
  const RequestBody body(object);
  if (auto known = body.only({"models", "endpoints", "requests_per_minute", "concurrency"}); !known)
    return std::unexpected(known.error());
  auto models = body.texts("models");
  if (!models) return std::unexpected(models.error());
  auto endpoints = body.texts("endpoints");
  if (!endpoints) return std::unexpected(endpoints.error());
  rights.models = models->value_or(std::vector<std::string>{});
  rights.endpoints = endpoints->value_or(std::vector<std::string>{});
  if (!std::ranges::all_of(rights.models, is_model)) return wrong("A model is its id; a * may stand at its end.");
  if (!std::ranges::all_of(rights.endpoints, is_endpoint)) {
    std::string names;
    for (std::string_view name : auth::endpoint_names()) names.append(names.empty() ? "" : ", ").append(name);
    return wrong("Endpoints are " + names + ".");
  }
  auto rpm = count(body, "requests_per_minute");
  if (!rpm) return std::unexpected(rpm.error());
  auto concurrency = count(body, "concurrency");
  if (!concurrency) return std::unexpected(concurrency.error());
  rights.requests_per_minute = *rpm;
  rights.concurrency = *concurrency;
  return rights;
}

Expected<auth::NewKey> read_key(std::string_view text, WallTime now) {
  const RequestBody body(text);
  if (auto known = body.only({"name", "team", "ttl", "tags", "rights"}); !known) return std::unexpected(known.error());
  auth::NewKey key;
  for (const auto& [field, out] : {std::pair{"name", &key.name}, {"team", &key.team}}) {
    auto value = body.text(field);
    if (!value) return std::unexpected(value.error());
    *out = value->value_or("");
    if ((std::string_view(field) == "name" || !out->empty()) && !is_name(*out))
      return wrong(std::string(field) + " is 1 to 64 letters, digits, dots, hyphens or underscores.");
  }
  auto ttl = body.text("ttl");
  if (!ttl) return std::unexpected(ttl.error());
  if (*ttl) {
    const auto time = duration_of(**ttl);
    if (!time) return wrong("ttl is a time such as 12h or 30d.");
    key.expires = now + std::chrono::duration_cast<std::chrono::milliseconds>(*time);
  }
  auto tags = body.text("tags");
  if (!tags) return std::unexpected(tags.error());
  auto joined = dialect::join_tags({*tags ? std::string_view(**tags) : std::string_view{}});
  if (!joined) return wrong("Tags are 1 to 64 letters, digits or . _ - / : with at most one = inside; 16 at most.");
  key.tags = *joined;
  auto rights = body.object("rights");
  if (!rights) return std::unexpected(rights.error());
  if (*rights) {
    auto read = read_rights(**rights);
    if (!read) return std::unexpected(read.error());
    key.rights = std::move(*read);
  }
  return key;
}

}  // namespace

std::optional<Duration> duration_of(std::string_view text) {
  if (text.size() < 2) return std::nullopt;
  const auto number = ascii::decimal(text.substr(0, text.size() - 1));
  if (!number || *number == 0 || *number > 1'000'000) return std::nullopt;
  switch (text.back()) {
    case 's': return std::chrono::seconds(*number);
    case 'm': return std::chrono::minutes(*number);
    case 'h': return std::chrono::hours(*number);
    case 'd': return std::chrono::hours(24 * std::min<uint64_t>(*number, 36'500));
    default: return std::nullopt;
  }
}

ApiReply KeysApi::list(WallTime) const {
  auth::StoredKeys stored;
  if (auth::KeyStore::exists(folder_)) {
    auto store = auth::KeyStore::open(folder_);
    if (!store) return api_error(store.error());
    auto read = store->read();
    if (!read) return api_error(read.error());
    stored = std::move(*read);
  }
  ApiReply reply;
  JsonWriter json(reply.body);
  json.begin_object().key("keys").begin_array();
  for (const auth::StoredKey& key : stored.keys) write_key(json, key);
  json.end_array().end_object();
  return reply;
}

ApiReply KeysApi::create(std::string_view body, WallTime now) const {
  auto wanted = read_key(body, now);
  if (!wanted) return api_error(wanted.error());
  auto store = auth::KeyStore::open(folder_);
  if (!store) return api_error(store.error());
  auto key = store->create(*wanted, now);
  if (!key) {
    ApiReply reply = api_error(key.error());
    reply.target = wanted->name;
    return reply;
  }
  return made(*key);
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
  if (!auth::KeyStore::exists(folder_)) return api_error(404, "There is no key of this name in use.");
  auto store = auth::KeyStore::open(folder_);
  if (!store) return api_error(store.error());
  auto key = store->rotate(name, grace, now);
  return key ? made(*key) : api_error(key.error());
}

ApiReply KeysApi::revoke(std::string_view name, WallTime now) const {
  if (!auth::KeyStore::exists(folder_)) return api_error(404, "There is no key of this name in use.");
  auto store = auth::KeyStore::open(folder_);
  if (!store) return api_error(store.error());
  auto done = store->revoke(name, now);
  if (!done) return api_error(done.error());
  ApiReply reply;
  JsonWriter(reply.body).begin_object().field("revoked", name).end_object();
  return reply;
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
  api.on(Operation::kKeys,
         [this, &parts](const ApiCall&) { return at_desk(parts, [this](WallTime now) { return list(now); }); });
  api.on(Operation::kCreateKey, [this, &parts](const ApiCall& call) {
    return at_desk(parts, [this, &call](WallTime now) { return create(call.body, now); });
  });
  api.on(Operation::kRotateKey, [this, &parts](const ApiCall& call) {
    return at_desk(parts, [this, &call](WallTime now) { return rotate(call.names[0], call.body, now); });
  });
  api.on(Operation::kRevokeKey, [this, &parts](const ApiCall& call) {
    return at_desk(parts, [this, &call](WallTime now) { return revoke(call.names[0], now); });
  });
}

}  // namespace baton::admin
