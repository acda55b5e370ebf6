// KeysApi: the keys of clients, made, rotated and revoked through the operator's API as by `baton keys`. A key is in
// the reply that makes it and nowhere else. Life: made in app/, outlives the Api. Thread: the operator's loop; the
// store is opened at the Desk for each question, since `baton keys` and the relay have it open too. Bounds: those of
// auth::KeyStore.
#pragma once

#include <functional>
#include <string>

#include "admin/api.h"
#include "auth/key_store.h"

namespace baton::admin {

class KeysApi {
 public:
  explicit KeysApi(std::string folder) : folder_(std::move(folder)) {}
  void serve(Api& api);

 private:
  using Work = std::function<ApiReply(WallTime now)>;
  static runtime::Task<ApiReply> at_desk(const Api::Parts& api, Work work);
  ApiReply list(WallTime now) const;
  ApiReply create(std::string_view body, WallTime now) const;
  ApiReply rotate(std::string_view name, std::string_view body, WallTime now) const;
  ApiReply revoke(std::string_view name, WallTime now) const;

  std::string folder_;
};

// "90s", "15m", "12h", "30d".
std::optional<Duration> duration_of(std::string_view text);

}  // namespace baton::admin
