#include "admin/relay_api.h"

#include <algorithm>

#include "admin/json_writer.h"
#include "base/ascii.h"
#include "store/binding_list.h"

namespace baton::admin {

ApiReply RelayApi::configuration() const {
  const ConfigurationFacts facts = parts_.configuration();
  ApiReply reply;
  JsonWriter json(reply.body);
  json.begin_object().field("revision", facts.revision).field("loaded", facts.loaded).key("path");
  if (facts.path.empty()) {
    json.null();
  } else {
    json.text(facts.path);
  }
  json.key("warnings").begin_array();
  for (const std::string& warning : facts.warnings) json.text(warning);
  json.end_array().end_object();
  return reply;
}

runtime::Task<ApiReply> RelayApi::reload(const Api::Parts& api) const {
  Expected<uint64_t> done = fail(ErrorCode::kInternal, Fault::kUs, "nothing was done");
  std::function<void()> work = [&] { done = parts_.reload(); };
  if (!co_await api.desk.do_work(api.loop, std::move(work))) co_return api_error(503, "Too much waits for the disk.");
  if (!done) {
    ApiReply reply = api_error(422, done.error().detail);
    reply.outcome = done.error().detail;
    co_return reply;
  }
  ApiReply reply{.target = "revision " + std::to_string(*done)};
  JsonWriter(reply.body).begin_object().field("revision", *done).end_object();
  co_return reply;
}

runtime::Task<ApiReply> RelayApi::audit(const Api::Parts& api, std::string query) const {
  size_t limit = 100;
  if (const auto text = query_value(query, "limit")) {
    const auto number = ascii::decimal(*text);
    if (!number || *number == 0 || *number > kAuditEntriesMax)
      co_return api_error(400, "limit is a number from 1 to " + std::to_string(kAuditEntriesMax) + ".");
    limit = *number;
  }
  Expected<std::vector<std::string>> entries;
  std::function<void()> work = [&] { entries = api.audit.latest(limit); };
  if (!co_await api.desk.do_work(api.loop, std::move(work))) co_return api_error(503, "Too much waits for the disk.");
  if (!entries) co_return api_error(entries.error());
  ApiReply reply;
  JsonWriter json(reply.body);
  json.begin_object().key("entries").begin_array();
  for (const std::string& entry : *entries) json.raw(entry);
  json.end_array().end_object();
  co_return reply;
}

runtime::Task<ApiReply> RelayApi::jobs(const Api::Parts& api) const {
  Expected<std::vector<store::Binding>> batches;
  std::function<void()> work = [&] {
    batches = store::list_bindings(parts_.folder, store::ObjectKind::kBatch, kJobsMax);
  };
  if (!co_await api.desk.do_work(api.loop, std::move(work))) co_return api_error(503, "Too much waits for the disk.");
  if (!batches) co_return api_error(batches.error());
  ApiReply reply;
  JsonWriter json(reply.body);
  json.begin_object().key("jobs").begin_array();
  for (const store::Binding& one : *batches)
    json.begin_object().field("id", one.object_id).field("account", one.account).field("used", one.used).end_object();
  json.end_array().end_object();
  co_return reply;
}

void RelayApi::serve(Api& api) {
  const Api::Parts& parts = api.parts();
  api.on(Operation::kOverview, [this](const ApiCall&) { return at_once({.body = parts_.overview.text()}); });
  api.on(Operation::kCache, [this](const ApiCall&) { return at_once({.body = parts_.overview.cache_text()}); });
  api.on(Operation::kJobs, [this, &parts](const ApiCall&) { return jobs(parts); });
  api.on(Operation::kConfiguration, [this](const ApiCall&) { return at_once(configuration()); });
  api.on(Operation::kOpenApi, [](const ApiCall&) { return at_once({.body = std::string(openapi_text())}); });
  api.on(Operation::kReload, [this, &parts](const ApiCall&) { return reload(parts); });
  api.on(Operation::kAudit, [this, &parts](const ApiCall& call) { return audit(parts, call.query); });
}

}  // namespace baton::admin
