#include "admin/account_gauges.h"

#include <fmt/format.h>

#include <array>

#include "admin/accounts_api.h"

namespace baton::admin {
namespace {

constexpr std::array<std::string_view, 3> kMeters{"requests", "input_tokens", "output_tokens"};

struct Family {
  std::string text;
  Family(std::string_view name, std::string_view help)
      : text(fmt::format("# HELP {} {}\n# TYPE {} gauge\n", name, help, name)) {}
};

}  // namespace

std::string account_gauges(const accounts::AccountPool& pool, Instant now) {
  Family state("baton_account_state", "1 for the state that the account is in.");
  Family cooldown("baton_account_cooldown_seconds", "Until the account takes calls of this class again.");
  Family limit("baton_account_limit", "What the vendor lets the account use in a minute, as last stated.");
  Family remaining("baton_account_limit_remaining", "What is left of it now, as far as is known.");
  for (const accounts::AccountState& one : pool.states(now)) {
    state.text +=
        fmt::format("baton_account_state{{account=\"{}\",state=\"{}\"}} 1\n", one.name, account_state(one, now));
    for (const accounts::AccountState::Class& limits : one.classes) {
      const std::string_view kind = name(limits.limits);
      if (limits.benched_until > now)
        cooldown.text += fmt::format("baton_account_cooldown_seconds{{account=\"{}\",class=\"{}\"}} {:.3f}\n", one.name,
                                     kind, seconds(limits.benched_until - now));
      for (size_t meter = 0; meter < kMeters.size(); ++meter) {
        if (limits.limit[meter] <= 0) continue;
        const std::string labels =
            fmt::format("{{account=\"{}\",class=\"{}\",meter=\"{}\"}}", one.name, kind, kMeters[meter]);
        limit.text += fmt::format("baton_account_limit{} {:.0f}\n", labels, limits.limit[meter]);
        remaining.text +=
            fmt::format("baton_account_limit_remaining{} {:.0f}\n", labels, std::max(0.0, limits.level[meter]));
      }
    }
  }
  Family queue("baton_account_queue_length", "Calls that wait for an account.");
  queue.text += fmt::format("baton_account_queue_length {}\n", pool.waiting());
  return state.text + cooldown.text + limit.text + remaining.text + queue.text;
}

}  // namespace baton::admin
