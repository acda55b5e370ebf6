#include "admin/ledger_api.h"

#include "admin/call_json.h"
#include "admin/json_writer.h"
#include "admin/key_body.h"
#include "base/ascii.h"
#include "ledger/usage_report.h"

namespace baton::admin {
namespace {

using ledger::GroupBy;

constexpr std::pair<std::string_view, GroupBy> kGroups[] = {{"key", GroupBy::kKey},     {"team", GroupBy::kTeam},
                                                            {"model", GroupBy::kModel}, {"account", GroupBy::kAccount},
                                                            {"tag", GroupBy::kTag},     {"day", GroupBy::kDay}};

// "2026-11-24", "2026-11-24T10:00:00Z" (fractions are passed over), or "7d": so long ago.
std::optional<WallTime> when(std::string_view text, WallTime now) {
  if (const auto ago = duration_of(text)) return now - std::chrono::duration_cast<std::chrono::milliseconds>(*ago);
  const auto part = [&](size_t at, size_t length) {
    return ascii::decimal(text.substr(std::min(at, text.size()), length));
  };
  if (text.size() < 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto year = part(0, 4), month = part(5, 2), day = part(8, 2);
  if (!year || !month || !day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  WallTime time{std::chrono::sys_days(date)};
  if (text.size() == 10) return time;
  if (text.size() < 20 || text[10] != 'T' || text[13] != ':' || text[16] != ':' || text.back() != 'Z')
    return std::nullopt;
  const auto hour = part(11, 2), minute = part(14, 2), second = part(17, 2);
  if (!hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  return time + std::chrono::hours(*hour) + std::chrono::minutes(*minute) + std::chrono::seconds(*second);
}

void write_figures(JsonWriter& json, const ledger::Group& group) {
  json.field("calls", group.calls).field("failed", group.failed).field("input_tokens", group.input_tokens);
  json.field("output_tokens", group.output_tokens).field("cache_read", group.cache_read_tokens);
  json.field("cache_write", group.cache_write_tokens).dollars_field("cost", group.cost_nanodollars);
  json.dollars_field("held", group.held_nanodollars).dollars_field("reserved", group.reserved_nanodollars);
  json.dollars_field("given_back", group.given_back_nanodollars).key("saved").begin_object();
  json.dollars_field("reuse", group.saved_by_reuse_nanodollars);
  json.dollars_field("coalesced", group.saved_by_coalescing_nanodollars);
  json.dollars_field("similar", group.saved_by_similar_nanodollars);
  json.dollars_field("prompt_cache", group.saved_by_prompt_cache_nanodollars);
  json.dollars_field("batch", group.saved_by_batch_nanodollars).end_object();
  json.field("unpriced", group.unpriced).field("simulated", group.simulated);
}

}  // namespace

ApiReply LedgerApi::usage(std::string_view query, WallTime now) const {
  const std::string by = query_value(query, "by").value_or("key");
  const auto* group = std::ranges::find(kGroups, std::string_view(by), &std::pair<std::string_view, GroupBy>::first);
  if (group == std::end(kGroups)) return api_error(400, "by is key, team, model, account, tag or day.");
  ledger::Period period;
  for (const auto& [name, time] : {std::pair{"since", &period.since}, {"until", &period.until}}) {
    const auto text = query_value(query, name);
    if (!text || text->empty()) continue;
    *time = when(*text, now);
    if (!*time) return api_error(400, std::string(name) + " is a day, a time in UTC, or how long ago: 7d.");
  }
  Expected<std::vector<ledger::Group>> groups;
  const auto any = ledger::has_rows(place_);
  if (!any) return api_error(any.error());
  if (*any) groups = ledger::usage_by(place_, group->second, period);
  if (!groups) return api_error(groups.error());
  ApiReply reply;
  JsonWriter json(reply.body);
  json.begin_object()
      .field("by", by)
      .field("since", period.since)
      .field("until", period.until)
      .key("rows")
      .begin_array();
  for (const ledger::Group& one : *groups) {
    json.begin_object().field("name", one.name);
    write_figures(json, one);
    json.end_object();
  }
  json.end_array().key("total");
  // Calls with two tags would be counted twice in it.
  if (group->second == GroupBy::kTag) {
    json.null();
  } else {
    json.begin_object();
    write_figures(json, ledger::total_of(*groups));
    json.end_object();
  }
  json.end_object();
  return reply;
}

ApiReply LedgerApi::calls(std::string_view query) const {
  ledger::CallFilter filter;
  const auto number = [&](std::string_view name, int64_t least, int64_t most) -> Expected<std::optional<int64_t>> {
    const auto text = query_value(query, name);
    if (!text || text->empty()) return std::nullopt;
    const auto value = ascii::decimal(*text);
    if (!value || static_cast<int64_t>(*value) < least || static_cast<int64_t>(*value) > most)
      return fail(
          ErrorCode::kBadRequest, Fault::kClient,
          std::string(name) + " is a number from " + std::to_string(least) + " to " + std::to_string(most) + ".");
    return static_cast<int64_t>(*value);
  };
  const auto limit = number("limit", 1, ledger::kCallsMax);
  if (!limit) return api_error(limit.error());
  const auto before = number("before", 1, std::numeric_limits<int64_t>::max());
  if (!before) return api_error(before.error());
  const auto status = number("status", 0, 599);
  if (!status) return api_error(status.error());
  filter.limit = static_cast<size_t>(limit->value_or(100));
  filter.before = *before;
  filter.key = query_value(query, "key").value_or("");
  if (*status) filter.status = static_cast<int>(**status);
  const auto page = ledger::list_calls(place_, filter);
  if (!page) return api_error(page.error());
  ApiReply reply;
  JsonWriter json(reply.body);
  json.begin_object().key("calls").begin_array();
  for (const ledger::BookedCall& one : page->calls) {
    json.begin_object();
    write_call(json, one, one.reused);
    json.field("attempts", one.attempts).end_object();
  }
  json.end_array().field("next_before", page->next_before).end_object();
  return reply;
}

ApiReply LedgerApi::call(std::string_view id) const {
  const auto story = ledger::find_call(place_, id);
  if (!story) return api_error(story.error());
  const ledger::BookedCall& call = story->call;
  ApiReply reply;
  JsonWriter json(reply.body);
  json.begin_object();
  write_call(json, call, call.reused);
  json.field("tags", call.tags).field("session", call.session).field("agent", call.agent);
  json.field("client_address", call.client_address).field("upstream_request_id", call.upstream_request_id);
  json.field("request_bytes", call.request_bytes).field("reply_bytes", call.reply_bytes);
  json.field("thinking_tokens", call.thinking_tokens).key("attempts").begin_array();
  Duration in_attempts{0};
  for (const ledger::BookedAttempt& attempt : story->attempts) {
    write_attempt(json, attempt);
    in_attempts += attempt.total;
  }
  // What is left of the time: the queue, pauses, the client's own reading.
  json.end_array().ms_field("waited_ms", std::max(call.duration - in_attempts, Duration{0})).end_object();
  return reply;
}

runtime::Task<void> LedgerApi::refresh_money(const Api::Parts& api, Overview& overview) {
  Expected<std::optional<ledger::MoneyToday>> money;
  const WallTime now = api.loop.wall();
  std::function<void()> work = [&] { money = spent_.read(place_, now); };
  const bool done = co_await api.desk.do_work(api.loop, std::move(work));
  if (done && money && *money) overview.use(**money);
}

void LedgerApi::serve(Api& api) {
  const Api::Parts& parts = api.parts();
  using Work = std::function<ApiReply()>;
  static constexpr auto kAtDesk = [](const Api::Parts& desk_of, Work work) -> runtime::Task<ApiReply> {
    ApiReply reply;
    std::function<void()> job = [&] { reply = work(); };
    if (!co_await desk_of.desk.do_work(desk_of.loop, std::move(job)))
      co_return api_error(503, "Too much waits for the disk.");
    co_return reply;
  };
  api.on(Operation::kUsage, [this, &parts](const ApiCall& asked) {
    return kAtDesk(parts, [this, &asked, now = parts.loop.wall()] { return usage(asked.query, now); });
  });
  api.on(Operation::kCalls, [this, &parts](const ApiCall& asked) {
    return kAtDesk(parts, [this, &asked] { return calls(asked.query); });
  });
  api.on(Operation::kCall, [this, &parts](const ApiCall& asked) {
    return kAtDesk(parts, [this, &asked] { return call(asked.names[0]); });
  });
}

}  // namespace baton::admin
