// AdminHandler: the operator's pages and API behind a server of their own.
// Life: beside its server. Thread: the operator's loop. Bounds: those of admin/.
#pragma once

#include <optional>

#include "admin/admin_pages.h"
#include "admin/api.h"
#include "admin/live_feed.h"
#include "admin/page_files.h"
#include "edge/exchange.h"

namespace baton::app {

class AdminHandler final : public edge::Handler {
 public:
  struct Parts {
    const admin::AdminPages& pages;
    admin::Api* api = nullptr;  // null: only metrics and health
    bool metrics_need_token = false;
    admin::LiveFeed* live = nullptr;
    const admin::Overview* overview = nullptr;
  };
  explicit AdminHandler(const Parts& parts) : parts_(parts) {}
  runtime::Task<void> serve(edge::Exchange& exchange) override;
  edge::Refusal refuse(http::HeadError head_error, const Error& error, std::string_view peer_address) override;

 private:
  // Nothing when the path is not one of the page's.
  std::optional<admin::PageReply> page_reply(const http::RequestHead& head) const;
  runtime::Task<void> serve_api(edge::Exchange& exchange);
  // The reply to who may not see the metrics.
  std::optional<admin::ApiReply> metrics_refused(edge::Exchange& exchange) const;

  Parts parts_;
  admin::PageFiles files_;
};

}  // namespace baton::app
