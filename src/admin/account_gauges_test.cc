#include "admin/account_gauges.h"

#include <gtest/gtest.h>

namespace baton::admin {
namespace {

TEST(AccountGauges, show_state_cooldown_and_what_is_left) {
  accounts::Config config;
  for (const char* name : {"a", "b"}) config.accounts.emplace_back().name = name;
  runtime::VirtualClock clock;
  accounts::AccountPool pool(config, clock);
  EXPECT_NE(account_gauges(pool, clock.now()).find("\nbaton_account_state{account=\"a\",state=\"ready\"} 1\n"),
            std::string::npos);
  {
    auto admission = pool.admit({.limits = accounts::LimitClass::kSonnet, .only = 0}, clock.now());
    accounts::Stated stated;
    stated.limits.meters[0] = {.limit = 50, .remaining = 7};
    stated.retry_after = std::chrono::seconds(40);
    pool.answered(*admission.lease, stated, /*limited=*/true, clock.now());
  }
  pool.set_duty(1, accounts::Duty::kDraining, "", clock.now());
  const std::string text = account_gauges(pool, clock.now());
  for (const char* line : {"baton_account_state{account=\"a\",state=\"benched\"} 1",
                           "baton_account_state{account=\"b\",state=\"draining\"} 1",
                           "baton_account_cooldown_seconds{account=\"a\",class=\"sonnet\"} 40.000",
                           "baton_account_limit{account=\"a\",class=\"sonnet\",meter=\"requests\"} 50",
                           "baton_account_limit_remaining{account=\"a\",class=\"sonnet\",meter=\"requests\"} 7",
                           "baton_account_queue_length 0"}) {
    EXPECT_NE(text.find("\n" + std::string(line) + "\n"), std::string::npos) << line << "\n" << text;
  }
  EXPECT_EQ(text.find("meter=\"input_tokens\""), std::string::npos) << "what is not known is not shown";
}

}  // namespace
}  // namespace baton::admin
