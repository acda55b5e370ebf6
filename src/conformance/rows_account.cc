// Limits, overload, and what takes several accounts to see: two credentials, or two paths, that lead to the one
// upstream.
#include <algorithm>
#include <map>

#include "base/ascii.h"
#include "conformance/row.h"

namespace baton::conformance {

using runtime::Task;

namespace {

constexpr const char* kOneAccount =
    "the gateway showed one account; give it a second one for the same upstream, with another key or path";

// Another class of models than the other rows use, so that what is learnt of a limit is not in their way.
constexpr std::string_view kLimitedModel = "claude-haiku-4-5";

std::string session(size_t number) {
  std::string digits = std::to_string(100'000'000'000 + number * 7'919);
  return "7b1c3f0a-3a53-4a64-9d0f-" + digits;
}

Ask of_session(size_t number, std::vector<Answer> answers = {}) {
  const std::string id = session(number);
  return {.fields = {{"x-claude-code-session-id", id}},
          .body = body_of(R"(,"metadata":{"user_id":"{\"device_id\":\"d\",\"account_uuid\":\"\",\"session_id\":\")" +
                          id + R"(\"}"})"),
          .answers = std::move(answers)};
}

// Waits until several accounts have been seen, if there are several.
Task<bool> several(Bench& bench) {
  for (size_t i = 0; i < bench.config().sessions && bench.accounts().size() < 2; ++i) {
    Ask one = of_session(1000 + i);
    const Told told = co_await bench.ask(std::move(one));
    if (told.arrivals().empty()) break;
  }
  co_return bench.accounts().size() >= 2;
}

Task<Finding> sessions_spread(Bench& bench, const Row&) {
  if (!co_await several(bench)) co_return not_applicable(kOneAccount);
  std::map<std::string, size_t> calls;
  for (size_t i = 0; i < bench.config().sessions; ++i) {
    Ask one = of_session(i);
    const Told told = co_await bench.ask(std::move(one));
    if (auto none = missing(told, 200)) co_return *none;
    ++calls[first(told).account];
  }
  if (calls.size() < 2)
    co_return failed("sessions on more than one account", std::to_string(bench.config().sessions) + " sessions on one");
  co_return passed(std::to_string(calls.size()) + " accounts");
}

Task<Finding> session_stays(Bench& bench, const Row&) {
  if (!co_await several(bench)) co_return not_applicable(kOneAccount);
  for (size_t number = 0; number < 4; ++number) {
    std::string account;
    for (int turn = 0; turn < 5; ++turn) {
      Ask one = of_session(200 + number);
      const Told told = co_await bench.ask(std::move(one));
      if (auto none = missing(told, 200)) co_return *none;
      if (account.empty()) account = first(told).account;
      if (account != first(told).account)
        co_return failed("each session on one account", "turn " + std::to_string(turn + 1) + " on another");
    }
  }
  co_return passed();
}

// An error that is the account's: another one answers, and the client never hears of it.
Task<Finding> moves(Bench& bench, const Row& row) {
  const bool other_account = co_await several(bench);
  Answer trouble =
      row.number == 0 ? streamed({message_start(), event("error", error_body("overloaded_error", "Overloaded"))})
                      : whole(row.number, error_body(row.number == 529 ? "overloaded_error" : "rate_limit_error", "no"),
                              row.number == 429 ? Fields{{"retry-after", "1"}} : Fields{});
  Ask ask{.body = streamed_body("", kLimitedModel)};
  ask.answers = {std::move(trouble), streamed(text_stream({"fine"}))};
  const Told told = co_await bench.ask(std::move(ask));
  if (auto none = missing(told)) co_return *none;
  if (ending_of(told.reply) == Ending::kFinished) {
    if (auto wrong = same_events(joined(text_stream({"fine"})), told.reply.body)) co_return *wrong;
    co_return passed(told.arrivals().back().account != first(told).account ? "another account answered"
                                                                           : "the same account was asked again");
  }
  if (!other_account) co_return not_applicable(kOneAccount);
  co_return failed("the answer of another account", describe(told.reply));
}

// Waits as long as was said, or says so to the client.
Task<Finding> retry_after(Bench& bench, const Row&) {
  Ask ask{.body = body_of("", kLimitedModel)};
  ask.answers = {whole(429, error_body("rate_limit_error", "slow down"), {{"retry-after", "1"}}),
                 whole(200, message())};
  const Told told = co_await bench.ask(std::move(ask));
  if (auto none = missing(told)) co_return *none;
  if (told.reply.status == 429) {
    const auto value = ascii::decimal(told.reply.one("retry-after"));
    if (!value || *value < 1 || *value > 60)
      co_return failed("retry-after: 1, or little more", "retry-after: " + shown(told.reply.one("retry-after")));
    co_return passed("passed on");
  }
  if (told.reply.status != 200 || told.arrivals().size() < 2)
    co_return failed("the 429 with its retry-after, or a later answer", describe(told.reply));
  const Arrival& again = told.arrivals()[1];
  const Duration after = again.at - first(told).at;
  if (again.account == first(told).account && after < std::chrono::milliseconds(950))
    co_return failed("the same account left alone for 1 s",
                     "asked again after " + std::to_string(milliseconds(after)) + " ms");
  co_return passed(again.account != first(told).account
                       ? "another account answered"
                       : "asked again after " + std::to_string(milliseconds(after)) + " ms");
}

// An account that named a time is left alone by other calls too.
Task<Finding> limited_rests(Bench& bench, const Row&) {
  if (!co_await several(bench)) co_return not_applicable(kOneAccount);
  Ask ask{.body = body_of("", kLimitedModel)};
  ask.answers = {whole(429, error_body("rate_limit_error", "slow down"), {{"retry-after", "3"}}),
                 whole(200, message())};
  const Told told = co_await bench.ask(std::move(ask));
  if (auto none = missing(told)) co_return *none;
  const std::string limited = first(told).account;
  for (int i = 0; i < 6; ++i) {
    Ask plain{.body = body_of("", kLimitedModel)};
    const Told next = co_await bench.ask(std::move(plain));
    if (next.arrivals().empty()) continue;
    if (first(next).account == limited && first(next).at - first(told).at < std::chrono::milliseconds(2'900))
      co_return failed("no call for the account within its 3 s",
                       "one after " + std::to_string(milliseconds(first(next).at - first(told).at)) + " ms");
  }
  co_return passed();
}

// When nobody can be asked, the client hears when to come again.
Task<Finding> limit_passed_on(Bench& bench, const Row&) {
  for (int call = 0; call < 2; ++call) {
    Ask ask{.body = body_of("", kLimitedModel)};
    ask.answers.push_back(whole(429, error_body("rate_limit_error", "slow down"), {{"retry-after", "45"}}));
    const Told told = co_await bench.ask(std::move(ask));
    const std::string which = call == 0 ? "" : ", also of the call after it";
    if (told.reply.status != 429 || told.reply.end != End::kComplete)
      co_return failed("status 429" + which, describe(told.reply));
    const auto value = ascii::decimal(told.reply.one("retry-after"));
    if (!value || *value < 1 || *value > 60)
      co_return failed("retry-after: 45, or a little less" + which,
                       told.reply.one("retry-after").empty() ? "no retry-after"
                                                             : "retry-after: " + shown(told.reply.one("retry-after")));
  }
  co_return passed();
}

constexpr Row kAccount[] = {
    {"sessions-spread", "sessions are spread over the accounts", sessions_spread},
    {"session-stays", "a session stays with its account, on which prompt caches depend", session_stays},
    {"moves-overloaded", "a 529 before the answer is answered by another account", moves, 529, true},
    {"moves-limited", "a 429 before the answer is answered by another account", moves, 429, true},
    {"moves-early-error", "an overloaded_error before the first content is answered by another account", moves, 0,
     true},
    {"retry-after", "a 429's retry-after is waited for or passed on", retry_after, 0, true},
    {"limited-rests", "an account that named a time is left alone until then", limited_rests, 0, true},
    {"limit-passed-on", "when every account is limited, the client gets 429 and when to come again", limit_passed_on, 0,
     true},
};

}  // namespace

std::span<const Row> account_rows() { return kAccount; }

}  // namespace baton::conformance
