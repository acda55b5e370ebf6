#include "admin/key_body.h"

#include <algorithm>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "admin/request_body.h"
#include "auth/right_rules.h"
#include "base/ascii.h"
#include "dialect/call_labels.h"
#include "model/budget_text.h"

namespace baton::admin {
namespace {

constexpr uint64_t kCountMax = 1'000'000;
constexpr uint64_t kTokensMax = 1'000'000'000'000;

std::unexpected<Error> wrong(std::string sentence) {
  return fail(ErrorCode::kBadRequest, Fault::kClient, std::move(sentence));
}

std::string endpoints_sentence() {
  std::string names;
  for (std::string_view name : auth::endpoint_names()) names.append(names.empty() ? "" : ", ").append(name);
  return "Endpoints are " + names + ".";
}

// Reads one member after the other; after the first that is wrong nothing more.
class Members {
 public:
  explicit Members(std::string_view object) : body_(object) {}

  Expected<void> only(std::initializer_list<std::string_view> names) const { return body_.only(names); }
  bool good() const { return !failed_; }
  std::unexpected<Error> failure() const { return std::unexpected(*failed_); }

  void list(std::string_view name, std::vector<std::string>& out, bool (*rule)(std::string_view),
            const std::string& sentence) {
    if (failed_ || !body_.has(name)) return;
    auto texts = body_.texts(name);
    if (!texts) return refuse(texts.error());
    out = texts->value_or(std::vector<std::string>{});
    if (!std::ranges::all_of(out, rule)) refuse(wrong(sentence).error());
  }
  template <class T>
  void count(std::string_view name, uint64_t max, T& out) {
    if (failed_ || !body_.has(name)) return;
    const auto number = body_.whole_number(name);
    if (!number) return refuse(number.error());
    const int64_t value = number->value_or(0);
    if (value < 0 || static_cast<uint64_t>(value) > max)
      return refuse(
          wrong(std::string(name) + " is a number from 1 to " + std::to_string(max) + ", or 0 for no limit.").error());
    out = static_cast<T>(value);
  }
  template <class T>
  void one_of(std::string_view word, T& out, std::initializer_list<T> known) {
    if (failed_ || !body_.has(word)) return;
    const auto text = body_.text(word);
    if (!text) return refuse(text.error());
    std::string names;
    for (const T one : known) {
      if (!*text || **text == name(one)) {
        out = one;
        return;
      }
      names.append(names.empty() ? "" : ", ").append(name(one));
    }
    refuse(wrong(std::string(word) + " is one of " + names + ".").error());
  }
  void text(std::string_view name, std::string& out, bool (*rule)(std::string_view)) {
    if (failed_ || !body_.has(name)) return;
    auto value = body_.text(name);
    if (!value) return refuse(value.error());
    out = value->value_or("");
    if (!out.empty() && !rule(out))
      refuse(wrong(std::string(name) + " is 1 to 64 letters, digits, dots, hyphens or underscores.").error());
  }
  void tags(std::string& out) {
    if (failed_ || !body_.has("tags")) return;
    auto text = body_.text("tags");
    if (!text) return refuse(text.error());
    auto joined = dialect::join_tags({*text ? std::string_view(**text) : std::string_view{}});
    if (!joined)
      return refuse(
          wrong("Tags are 1 to 64 letters, digits or . _ - / : with at most one = inside; 16 at most.").error());
    out = *joined;
  }
  void ttl(std::optional<WallTime>& out, WallTime now) {
    if (failed_ || !body_.has("ttl")) return;
    const auto text = body_.text("ttl");
    if (!text) return refuse(text.error());
    out.reset();
    if (!*text) return;
    const auto time = duration_of(**text);
    if (!time) return refuse(wrong("ttl is a time such as 12h or 30d, or null for good.").error());
    out = now + std::chrono::duration_cast<std::chrono::milliseconds>(*time);
  }
  void rights(auth::Rights& out) {
    if (failed_ || !body_.has("rights")) return;
    const auto object = body_.object("rights");
    if (!object) return refuse(object.error());
    const model::Budget budget = out.budget;
    if (!*object) {
      out = {.budget = budget};
      return;
    }
    Members inside(**object);
    const auto known = inside.only({"models", "endpoints", "accounts", "groups", "addresses", "requests_per_minute",
                                    "tokens_per_minute", "concurrency", "cache", "priority"});
    if (!known) return refuse(known.error());
    inside.list("models", out.models, auth::is_model_pattern, "A model is its id; a * may stand at its end.");
    inside.list("endpoints", out.endpoints, auth::is_endpoint, endpoints_sentence());
    inside.list("accounts", out.accounts, auth::is_account_pattern,
                "An account is its name; a * may stand at its end.");
    inside.list("groups", out.groups, auth::is_account_pattern,
                "A group of accounts is its name; a * may stand at its end.");
    inside.list("addresses", out.addresses, auth::is_address_block,
                "Addresses are single ones or blocks such as 10.0.0.0/8.");
    inside.count("requests_per_minute", kCountMax, out.requests_per_minute);
    inside.count("tokens_per_minute", kTokensMax, out.tokens_per_minute);
    inside.count("concurrency", kCountMax, out.concurrency);
    inside.one_of("cache", out.cache, {auth::CachePolicy::kDefault, auth::CachePolicy::kOff, auth::CachePolicy::kOn});
    inside.one_of("priority", out.priority, {auth::Priority::kNormal, auth::Priority::kLow, auth::Priority::kHigh});
    failed_ = inside.failed_;
  }
  void signing(auth::Signing& out) {
    if (failed_ || !body_.has("signing")) return;
    const auto text = body_.text("signing");
    if (!text) return refuse(text.error());
    const std::string_view word = *text ? std::string_view(**text) : "none";
    if (word != "none" && word != "only" && word != "legacy")
      return refuse(wrong("signing is one of none, only, legacy.").error());
    out = word == "none" ? auth::Signing::kNone : word == "only" ? auth::Signing::kOnly : auth::Signing::kLegacy;
  }
  // Replaced as a whole.
  void budget(model::Budget& out) {
    if (failed_ || !body_.has("budget")) return;
    const auto object = body_.object("budget");
    if (!object) return refuse(object.error());
    out = {};
    if (!*object) return;
    const RequestBody inside(**object);
    if (const auto known = inside.only({"day", "month", "reserve"}); !known) return refuse(known.error());
    for (const auto& [name, amount] : {std::pair{"day", &out.day_nanodollars}, {"month", &out.month_nanodollars}}) {
      const auto text = inside.text(name);
      if (!text) return refuse(text.error());
      if (!*text) continue;
      const auto dollars = model::parse_dollars(**text);
      if (!dollars) return refuse(wrong(std::string(name) + " " + dollars.error() + ".").error());
      *amount = *dollars;
    }
    if (!out.any()) return refuse(wrong("budget has a day, a month or both, in dollars; null takes it away.").error());
    const auto reserve = inside.text("reserve");
    if (!reserve) return refuse(reserve.error());
    if (!*reserve) return;
    const auto read = model::parse_reserve(**reserve, out);
    if (!read) return refuse(wrong("reserve " + read.error() + ".").error());
    out = *read;
  }

 private:
  void refuse(const Error& error) { failed_ = error; }

  RequestBody body_;
  std::optional<Error> failed_;
};

}  // namespace

Expected<auth::NewKey> read_new_key(std::string_view body, WallTime now) {
  Members members(body);
  if (auto known = members.only({"name", "team", "ttl", "tags", "signing", "rights", "budget"}); !known)
    return std::unexpected(known.error());
  auth::NewKey key;
  members.text("name", key.name, auth::is_key_name);
  if (members.good() && key.name.empty())
    return wrong("name is 1 to 64 letters, digits, dots, hyphens or underscores.");
  members.text("team", key.team, auth::is_key_name);
  members.ttl(key.expires, now);
  members.tags(key.tags);
  members.signing(key.signing);
  members.rights(key.rights);
  members.budget(key.rights.budget);
  if (!members.good()) return members.failure();
  return key;
}

Expected<KeyEdit> read_key_edit(std::string_view body, WallTime now) {
  const auto edit = [text = std::string(body), now](auth::StoredKey& key) -> Expected<void> {
    Members members(text);
    if (auto known = members.only({"team", "ttl", "tags", "rights", "budget"}); !known) return known;
    members.text("team", key.team, auth::is_key_name);
    members.ttl(key.expires, now);
    members.tags(key.tags);
    members.rights(key.rights);
    members.budget(key.rights.budget);
    if (!members.good()) return members.failure();
    return {};
  };
  // Whether it can be read does not depend on the key.
  auth::StoredKey nobody;
  if (auto good = edit(nobody); !good) return std::unexpected(good.error());
  return [edit](auth::StoredKey& key) { (void)edit(key); };
}

Expected<model::Budget> read_team_edit(std::string_view body) {
  Members members(body);
  if (auto known = members.only({"budget"}); !known) return std::unexpected(known.error());
  model::Budget budget{.day_nanodollars = -1};
  members.budget(budget);
  if (!members.good()) return members.failure();
  if (budget.day_nanodollars < 0) return wrong("Say the budget: an object with day, month or both, or null.");
  return budget;
}

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

}  // namespace baton::admin
