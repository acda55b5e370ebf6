#include "admin/cache_api.h"

#include <algorithm>
#include <utility>

#include "admin/json_writer.h"
#include "admin/request_body.h"
#include "dialect/call_labels.h"

namespace baton::admin {
namespace {

constexpr size_t kTenantBytesMax = 256;
constexpr size_t kKeyBytes = 32;

std::unexpected<Error> wrong(std::string sentence) {
  return fail(ErrorCode::kBadRequest, Fault::kClient, std::move(sentence));
}

bool is_key(std::string_view text) {
  return text.size() == kKeyBytes &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// As the audit log names it.
std::string target_of(const CacheSelection& what) {
  if (what.all) return "all";
  std::string out;
  for (const auto& [name, value] : {std::pair{"tenant ", &what.tenant}, {"tag ", &what.tag}, {"key ", &what.key}}) {
    if (!value->empty()) out.append(out.empty() ? "" : ", ").append(name).append(*value);
  }
  return out;
}

}  // namespace

Expected<CacheSelection> read_cache_selection(std::string_view text) {
  const RequestBody body(text);
  if (auto known = body.only({"all", "tenant", "tag", "key"}); !known) return std::unexpected(known.error());
  CacheSelection what;
  auto all = body.flag("all");
  if (!all) return std::unexpected(all.error());
  what.all = all->value_or(false);
  for (const auto& [name, out] : {std::pair{"tenant", &what.tenant}, {"tag", &what.tag}, {"key", &what.key}}) {
    auto value = body.text(name);
    if (!value) return std::unexpected(value.error());
    if (*value && (*value)->empty()) return wrong(std::string(name) + " is empty; leave it out.");
    *out = value->value_or("");
  }
  const bool named = !what.tenant.empty() || !what.tag.empty() || !what.key.empty();
  if (what.all && named) return wrong("all goes alone: it takes everything.");
  if (!what.all && !named) return wrong("Name what is to go: tenant, tag or key, or all: true.");
  if (what.tenant.size() > kTenantBytesMax) return wrong("tenant is a client's or key's name.");
  if (!what.tag.empty() && !dialect::is_tag(what.tag)) return wrong("tag is no tag that a call can have.");
  if (!what.key.empty() && !is_key(what.key))
    return wrong("key is the 32 hexadecimal digits of a reply's baton-cache-key.");
  return what;
}

runtime::Task<ApiReply> CacheApi::purge(const Api::Parts& api, std::string body) const {
  auto what = read_cache_selection(body);
  if (!what) co_return api_error(what.error());
  CacheRemoval gone;
  std::function<void()> work = [&] {
    if (purge_) gone = purge_(*what);
  };
  if (!co_await api.desk.do_work(api.loop, std::move(work))) co_return api_error(503, "Too much waits for the disk.");
  ApiReply reply{.target = target_of(*what), .outcome = "ok: " + std::to_string(gone.entries) + " entries"};
  JsonWriter(reply.body).begin_object().field("entries", gone.entries).field("bytes", gone.bytes).end_object();
  co_return reply;
}

void CacheApi::serve(Api& api) {
  const Api::Parts& parts = api.parts();
  api.on(Operation::kPurgeCache, [this, &parts](const ApiCall& call) { return purge(parts, call.body); });
}

}  // namespace baton::admin
