#include "admin/accounts_api.h"

#include "admin/json_writer.h"
#include "admin/request_body.h"

namespace baton::admin {
namespace {

using accounts::AccountState;
using accounts::Duty;
using accounts::ParkReason;

struct Standing {
  std::string reason;
  std::optional<Instant> until;  // nothing: not known, or for good
};

const AccountState::Class* longest_bench(const AccountState& state, Instant now) {
  const AccountState::Class* longest = nullptr;
  for (const auto& one : state.classes) {
    if (one.benched_until > now && (longest == nullptr || one.benched_until > longest->benched_until)) longest = &one;
  }
  return longest;
}

Standing standing(const AccountState& state, Instant now) {
  if (state.duty != Duty::kOn)
    return {state.duty_reason.empty() ? "by the operator" : "by the operator: " + state.duty_reason, {}};
  if (state.parked == ParkReason::kUnauthorized)
    return {"its credential or its purse was refused; it is tried again once a minute", {}};
  if (state.parked == ParkReason::kSpendCap) return {"its spend cap is reached", state.parked_until};
  if (state.ejected_until > now) return {"it failed too often in a row", state.ejected_until};
  if (state.probing) return {"one call at a time, until one succeeds", {}};
  if (const auto* bench = longest_bench(state, now))
    return {"it named a time after a 429 (" + std::string(name(bench->limits)) + ")", bench->benched_until};
  return {};
}

void write_meter(JsonWriter& json, std::string_view name, const AccountState::Class& limits, size_t meter) {
  json.key(name);
  if (limits.limit[meter] <= 0) {
    json.null();
    return;
  }
  json.begin_object().field("limit", static_cast<int64_t>(limits.limit[meter]));
  json.field("remaining", static_cast<int64_t>(std::max(0.0, limits.level[meter]))).end_object();
}

void write_endpoint(JsonWriter& json, const accounts::EndpointState& one) {
  json.begin_object().field("url", one.url);
  for (const auto& [name, time] : {std::pair{"connect_ms", one.connect}, {"first_byte_ms", one.first_byte}}) {
    json.key(name);
    if (time) {
      json.ms(*time);
    } else {
      json.null();
    }
  }
  json.field("in_flight", one.in_flight).field("concurrency_limit", one.concurrency_limit).end_object();
}

void write_account(JsonWriter& json, const accounts::AccountConfig& config, const AccountState& state, Instant now,
                   WallTime wall) {
  const auto calendar = [&](Instant at) {
    return wall + std::chrono::duration_cast<std::chrono::milliseconds>(at - now);
  };
  const Standing how = standing(state, now);
  json.begin_object().field("name", config.name).field("provider", config.provider);
  json.field("group", config.group);
  json.field("limit_domain", config.limit_domain.empty() ? config.name : config.limit_domain);
  json.field("cache_domain", config.cache_domain.empty() ? config.name : config.cache_domain);
  json.field("weight", config.weight).field("state", account_state(state, now));
  json.key("reason");
  if (how.reason.empty()) {
    json.null();
  } else {
    json.text(how.reason);
  }
  json.key("until");
  if (how.until) {
    json.time(calendar(*how.until));
  } else {
    json.null();
  }
  json.field("in_flight", state.in_flight).field("failures", state.failures);
  json.key("endpoints").begin_array();
  for (const accounts::EndpointState& one : state.endpoints) write_endpoint(json, one);
  json.end_array().key("limits").begin_array();
  for (const AccountState::Class& limits : state.classes) {
    json.begin_object().field("class", name(limits.limits)).key("benched_until");
    if (limits.benched_until > now) {
      json.time(calendar(limits.benched_until));
    } else {
      json.null();
    }
    write_meter(json, "requests", limits, 0);
    write_meter(json, "input_tokens", limits, 1);
    write_meter(json, "output_tokens", limits, 2);
    json.end_object();
  }
  json.end_array().key("affinity").null().end_object();
}

}  // namespace

std::string_view account_state(const AccountState& state, Instant now) {
  if (state.duty == Duty::kParked || (state.duty == Duty::kOn && state.parked != ParkReason::kNone)) return "parked";
  if (state.duty == Duty::kDraining) return "draining";
  if (state.ejected_until > now) return "ejected";
  if (state.probing) return "probing";
  return longest_bench(state, now) != nullptr ? "benched" : "ready";
}

std::string AccountsApi::list() const {
  const auto pool = pool_();
  const Instant now = clock_.now();
  const auto states = pool->states(now);
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("accounts").begin_array();
  for (size_t i = 0; i < states.size(); ++i) {
    write_account(json, pool->account(static_cast<accounts::AccountIndex>(i)), states[i], now, clock_.wall());
  }
  const accounts::QueueConfig& queue = pool->config().queue;
  json.end_array().key("queue").begin_object().field("waiting", pool->waiting());
  json.ms_field("max_wait_ms", queue.max_wait).field("length_max", queue.length_max).end_object().end_object();
  return out;
}

ApiReply AccountsApi::set_duty(std::string_view name, Duty duty, std::string_view body) {
  const auto pool = pool_();
  const auto index = pool->find(name);
  if (!index) return api_error(404, "There is no account of this name.");
  std::string reason;
  if (!body.empty()) {
    RequestBody read(body);
    if (auto known = read.only({"reason"}); !known) return api_error(known.error());
    auto text = read.text("reason");
    if (!text) return api_error(text.error());
    reason = text->value_or("");
  }
  const Instant now = clock_.now();
  pool->set_duty(*index, duty, reason, now);
  ApiReply reply;
  JsonWriter json(reply.body);
  write_account(json, pool->account(*index), pool->states(now)[*index], now, clock_.wall());
  if (!reason.empty()) reply.outcome = "ok: " + reason;
  return reply;
}

void AccountsApi::serve(Api& api) {
  api.on(Operation::kAccounts, [this](const ApiCall&) { return at_once({.body = list()}); });
  const auto duty = [this, &api](Operation operation, Duty what) {
    api.on(operation, [this, what](const ApiCall& call) { return at_once(set_duty(call.names[0], what, call.body)); });
  };
  duty(Operation::kDrainAccount, Duty::kDraining);
  duty(Operation::kParkAccount, Duty::kParked);
  duty(Operation::kReleaseAccount, Duty::kOn);
}

}  // namespace baton::admin
