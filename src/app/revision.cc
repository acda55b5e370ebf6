#include "app/revision.h"

#include <string>
#include <utility>

namespace baton::app {

Revision::Revision(config::Settings from, uint64_t its_number, const runtime::Clock& clock)
    : number(its_number),
      made(clock.wall()),
      settings(std::move(from)),
      tracing{.sample = settings.tracing.sample, .propagate = settings.tracing.propagate},
      accounts(settings.accounts, clock) {}

Expected<std::shared_ptr<Revision>> Revision::make(config::Settings from, uint64_t number,
                                                   const runtime::Clock& clock) {
  auto revision = std::make_shared<Revision>(std::move(from), number, clock);
  for (const auto& account : revision->settings.accounts.accounts) {
    std::vector<upstream::Endpoint>& endpoints = revision->endpoints.emplace_back();
    std::vector<std::string> urls{account.base_url};
    for (const auto& one : account.endpoints) urls.push_back(one.url);
    bool any_tls = false;
    for (const std::string& url : urls) {
      auto endpoint = upstream::parse_endpoint(url);
      if (!endpoint)
        return fail(ErrorCode::kConfig, Fault::kUs,
                    "account " + account.name + ": base_url " + endpoint.error().detail);
      any_tls = any_tls || endpoint->target.tls;
      endpoints.push_back(std::move(*endpoint));
    }
    std::unique_ptr<net::TlsClientContext> tls;
    if (any_tls) {
      auto context = net::TlsClientContext::make({.ca_file = account.ca_file});
      if (!context)
        return fail(ErrorCode::kConfig, Fault::kUs, "account " + account.name + ": " + context.error().detail);
      tls = std::move(*context);
    }
    revision->client_tls.push_back(std::move(tls));
  }
  return revision;
}

}  // namespace baton::app
