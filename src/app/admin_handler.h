// AdminHandler: the operator's pages behind a server of their own.
#pragma once

#include "admin/admin_pages.h"
#include "admin/page_files.h"
#include "edge/exchange.h"

namespace baton::app {

class AdminHandler final : public edge::Handler {
 public:
  explicit AdminHandler(const admin::AdminPages& pages) : pages_(pages) {}
  runtime::Task<void> serve(edge::Exchange& exchange) override;
  edge::Refusal refuse(http::HeadError head_error, const Error& error, std::string_view peer_address) override;

 private:
  std::optional<admin::PageReply> page_reply(const http::RequestHead& head) const;

  const admin::AdminPages& pages_;
  admin::PageFiles files_;
};

}  // namespace baton::app
