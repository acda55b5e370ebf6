#include "auth/client_key.h"

#include <algorithm>

#include "base/ascii.h"
#include "model/names.h"

namespace baton::auth {
namespace {

using model::Operation;

constexpr std::string_view kEndpoints[] = {"messages", "count_tokens", "batches", "models", "files", "other"};

std::unexpected<Error> forbidden(std::string sentence) {
  return fail(ErrorCode::kForbidden, Fault::kClient, std::move(sentence));
}

std::unexpected<Error> too_many(std::string sentence) {
  return fail(ErrorCode::kRateLimited, Fault::kClient, std::move(sentence), Retry::kLater);
}

std::string listed(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out.append(out.empty() ? "" : ", ").append(word);
  return out;
}

// Takes one of the key's requests out of its minute (generic cell rate algorithm, ITU-T I.371): how long to wait, or 0.
Duration take_request(Meter& meter, uint32_t per_minute, Instant now) {
  const int64_t minute = std::chrono::duration_cast<Duration>(std::chrono::minutes(1)).count();
  const int64_t each = minute / per_minute;
  int64_t before = meter.spent_to.load(std::memory_order_relaxed);
  while (true) {
    const int64_t after = std::max(before, now.ns) + each;
    if (after > now.ns + each * per_minute) return Duration{after - now.ns - each * per_minute};
    if (meter.spent_to.compare_exchange_weak(before, after, std::memory_order_relaxed)) return Duration{0};
  }
}

}  // namespace

std::vector<std::string_view> endpoint_names() { return {std::begin(kEndpoints), std::end(kEndpoints)}; }

std::string_view endpoint_of(Operation operation) {
  switch (operation) {
    case Operation::kMessages: return kEndpoints[0];
    case Operation::kCountTokens: return kEndpoints[1];
    case Operation::kBatchCreate:
    case Operation::kBatchList:
    case Operation::kBatchGet:
    case Operation::kBatchResults:
    case Operation::kBatchCancel:
    case Operation::kBatchDelete: return kEndpoints[2];
    case Operation::kModelList:
    case Operation::kModelGet: return kEndpoints[3];
    case Operation::kFileUpload:
    case Operation::kFileList:
    case Operation::kFileGet:
    case Operation::kFileContent:
    case Operation::kFileDelete: return kEndpoints[4];
    case Operation::kStreamResume:
    case Operation::kProbe:
    case Operation::kPassThrough:
    case Operation::kNone: break;
  }
  return kEndpoints[5];
}

Expected<Permit> admit(const ClientKey& key, Operation operation, Instant now, Duration& retry_after) {
  const Rights& rights = key.rights;
  const std::string_view endpoint = endpoint_of(operation);
  if (!rights.endpoints.empty() && std::ranges::find(rights.endpoints, endpoint) == rights.endpoints.end()) {
    return forbidden("The key " + key.name + " is not for " + std::string(endpoint) + ", only for " +
                     listed(rights.endpoints) + ". Ask the relay's operator.");
  }
  // What a batch or an unknown endpoint runs is not read, so a key for certain models cannot be held to them there.
  if (!rights.models.empty() && (operation == Operation::kBatchCreate || operation == Operation::kPassThrough)) {
    return forbidden("The key " + key.name +
                     " is for certain models only, and the relay cannot see which this request "
                     "uses: send it to /v1/messages. Ask the relay's operator.");
  }
  if (rights.concurrency > 0) {
    if (key.meter->open.fetch_add(1, std::memory_order_relaxed) >= rights.concurrency) {
      key.meter->open.fetch_sub(1, std::memory_order_relaxed);
      return too_many("The key " + key.name + " may have " + std::to_string(rights.concurrency) +
                      " calls at a time, and has them. Wait until one has ended.");
    }
  } else {
    key.meter->open.fetch_add(1, std::memory_order_relaxed);
  }
  Permit permit(key.meter);
  if (rights.requests_per_minute > 0) {
    retry_after = take_request(*key.meter, rights.requests_per_minute, now);
    if (retry_after > Duration{0}) {
      return too_many("The key " + key.name + " may make " + std::to_string(rights.requests_per_minute) +
                      " requests a minute, and has made them. The retry-after field says when the next may come.");
    }
  }
  return permit;
}

std::string_view name(CachePolicy policy) {
  switch (policy) {
    case CachePolicy::kDefault: return "default";
    case CachePolicy::kOff: return "off";
    case CachePolicy::kOn: return "on";
  }
  return "default";
}

std::string_view name(Priority priority) {
  switch (priority) {
    case Priority::kNormal: return "normal";
    case Priority::kLow: return "low";
    case Priority::kHigh: return "high";
  }
  return "normal";
}

double share_of(Priority priority) {
  switch (priority) {
    case Priority::kNormal: return 1;
    case Priority::kLow: return 0.25;
    case Priority::kHigh: return 4;
  }
  return 1;
}

uint8_t rank_of(Priority priority) {
  switch (priority) {
    case Priority::kLow: return 0;
    case Priority::kNormal: return 1;
    case Priority::kHigh: return 2;
  }
  return 1;
}

bool allows_account(const Rights& rights, std::string_view account, std::string_view group) {
  const auto any = [](const std::vector<std::string>& patterns, std::string_view name) {
    return std::ranges::any_of(patterns, [&](const std::string& pattern) { return model::fits(pattern, name); });
  };
  return !limits_accounts(rights) || any(rights.accounts, account) || any(rights.groups, group);
}

Expected<void> allow_model(const ClientKey& key, std::string_view model) {
  const auto& models = key.rights.models;
  if (models.empty() || model.empty()) return {};
  if (std::ranges::any_of(models, [&](const std::string& pattern) { return model::fits(pattern, model); })) return {};
  return forbidden("The key " + key.name + " is not for the model " + ascii::excerpt(model) + ", only for " +
                   listed(models) + ". Ask the relay's operator.");
}

}  // namespace baton::auth
