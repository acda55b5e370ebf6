#include "app/revision.h"

#include <utility>

namespace baton::app {

Revision::Revision(config::Settings from, uint64_t its_number, const runtime::Clock& clock)
    : number(its_number), made(clock.wall()), settings(std::move(from)), accounts(settings.accounts, clock) {}

Expected<std::shared_ptr<Revision>> Revision::make(config::Settings from, uint64_t number,
                                                   const runtime::Clock& clock) {
  auto revision = std::make_shared<Revision>(std::move(from), number, clock);
  for (const auto& account : revision->settings.accounts.accounts) {
    auto endpoint = upstream::parse_endpoint(account.base_url);
    if (!endpoint)
      return fail(ErrorCode::kConfig, Fault::kUs, "account " + account.name + ": base_url " + endpoint.error().detail);
    std::unique_ptr<net::TlsClientContext> tls;
    if (endpoint->target.tls) {
      auto context = net::TlsClientContext::make({.ca_file = account.ca_file});
      if (!context)
        return fail(ErrorCode::kConfig, Fault::kUs, "account " + account.name + ": " + context.error().detail);
      tls = std::move(*context);
    }
    revision->endpoints.push_back(std::move(*endpoint));
    revision->client_tls.push_back(std::move(tls));
  }
  return revision;
}

}  // namespace baton::app
