#include "sim/batches.h"

#include <algorithm>
#include <unordered_set>

#include "http/json.h"
#include "sim/answer.h"
#include "sim/json_view.h"
#include "sim/mix.h"
#include "sim/page.h"
#include "sim/prompt.h"
#include "sim/timestamp.h"
#include "sim/words.h"

namespace baton::sim {

namespace {

constexpr std::string_view kExpire = "please expire";

enum class Fate : uint8_t { kSucceeded, kErrored, kExpired };

struct Checked {
  MessageParams params;
  Prompt prompt;
};

Answered<Checked> check(std::string_view body, std::string_view span, ApiVersion version) {
  if (!is_object(span)) return invalid("params: Field required");
  auto list = fields_of(body, span);
  auto params = read_params({body, list}, Purpose::kBatch, version);
  if (!params) return std::unexpected(params.error());
  auto prompt = read_prompt(*params, version, false);
  if (!prompt) return std::unexpected(prompt.error());
  return Checked{*params, std::move(*prompt)};
}

bool valid_custom_id(std::string_view id) {
  if (id.empty() || id.size() > 64) return false;
  return std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

struct Counts {
  size_t processing = 0;
  size_t succeeded = 0;
  size_t errored = 0;
  size_t canceled = 0;
  size_t expired = 0;
};

ApiError no_such(std::string_view id) {
  return {.status = 404,
          .type = "not_found_error",
          .message = "Message batch " + std::string(id.substr(0, 64)) + " not found"};
}

}  // namespace

// What a batch was asked to do; shared with results that are being read while the batch is deleted.
struct Batches::Work {
  struct Item {
    std::string_view custom_id;
    std::string_view params;
    Fate fate = Fate::kSucceeded;
  };
  std::string id;
  std::string body;
  std::vector<Item> items;
  ApiVersion version = ApiVersion::k20230601;
  uint64_t key = 0;

  // Items are worked on in this order: a permutation without a table.
  size_t at(size_t place) const {
    size_t n = items.size();
    size_t step = n / 2 + 1;
    while (std::__gcd(step, n) != 1) ++step;
    return (place * step + n / 2) % n;
  }
};

struct Batches::Batch {
  std::shared_ptr<const Work> work;
  std::string owner;
  WallTime created;
  Instant begun;
  Instant ends;
  size_t done_max = 0;  // of its items, when canceled
  bool canceled = false;
  WallTime cancel_initiated;
  size_t charged = 0;

  bool ended(Instant now) const { return now >= ends; }
  WallTime wall(Instant at) const {
    return created + std::chrono::duration_cast<std::chrono::milliseconds>(at - begun);
  }
  Counts counts(Instant now) const {
    Counts out;
    if (!ended(now)) {
      out.processing = work->items.size();
      return out;
    }
    for (size_t place = 0; place < work->items.size(); ++place) {
      if (place >= done_max) {
        out.canceled++;
        continue;
      }
      switch (work->items[work->at(place)].fate) {
        case Fate::kSucceeded: out.succeeded++; break;
        case Fate::kErrored: out.errored++; break;
        case Fate::kExpired: out.expired++; break;
      }
    }
    return out;
  }
};

class Batches::Results final : public Source {
 public:
  Results(std::shared_ptr<const Work> work, size_t done_max, const BatchSettings& settings)
      : work_(std::move(work)), done_max_(done_max), settings_(settings) {}

  std::optional<Duration> due() override {
    return place_ < work_->items.size() ? std::optional<Duration>(Duration{0}) : std::nullopt;
  }

  void append(std::string& out) override {
    size_t index = work_->at(place_);
    const Work::Item& item = work_->items[index];
    out += "{\"custom_id\":\"";
    out += item.custom_id;
    out += "\",\"result\":";
    if (place_ >= done_max_) {
      out += R"({"type":"canceled"})";
    } else if (item.fate == Fate::kExpired) {
      out += R"({"type":"expired"})";
    } else {
      append_result(out, item, mix(work_->key, index));
    }
    out += "}\n";
    ++place_;
  }

 private:
  void append_result(std::string& out, const Work::Item& item, uint64_t key) const {
    auto checked = check(work_->body, item.params, work_->version);
    if (!checked) {
      out += R"({"type":"errored","error":)";
      out += error_body(checked.error(), make_id("req_011C", key));
      out += '}';
      return;
    }
    Answer answer =
        compose(checked->params, checked->prompt, {.seed = settings_.seed, .tokens = settings_.output_tokens});
    answer.key = key;
    answer.input.uncached = checked->prompt.tokens;
    answer.batch = true;
    out += R"({"type":"succeeded","message":)";
    append_message(out, answer);
    out += '}';
  }

  std::shared_ptr<const Work> work_;
  size_t done_max_;
  BatchSettings settings_;
  size_t place_ = 0;
};

Batches::Batches(const BatchSettings& settings, ByteBudget& storage) : settings_(settings), storage_(storage) {}

Batches::~Batches() {
  for (const auto& batch : batches_) storage_.give(batch->charged);
}

Answered<std::string> Batches::create(const BatchCall& call, std::string_view id, const Fields& fields,
                                      ApiVersion version) {
  if (fields.get("requests").empty()) return invalid("requests: Field required");
  if (!is_array(fields.get("requests"))) return invalid("requests: Input should be a valid list");
  size_t charge = fields.text.size() + kObjectOverheadBytes;
  if (storage_.limit() - storage_.taken() < charge) make_room(charge, call.now);
  if (!storage_.take(charge)) {
    return std::unexpected(ApiError{.status = 403, .type = "permission_error", .message = "Storage limit exceeded"});
  }
  auto work = std::make_shared<Work>();
  auto refuse = [&](std::string message) -> Answered<std::string> {
    storage_.give(charge);
    return invalid(std::move(message));
  };
  work->id = id;
  work->body = fields.text;
  work->version = version;
  work->key = mix(settings_.seed, hash_bytes(id));
  // The spans move with the copy.
  size_t from = static_cast<size_t>(fields.get("requests").data() - fields.text.data());
  JsonElements requests(std::string_view(work->body).substr(from, fields.get("requests").size()));
  std::unordered_set<std::string_view> seen;
  for (size_t i = 0; requests.next(); ++i) {
    std::string at = "requests." + std::to_string(i);
    if (i == kBatchRequestsMax) return refuse("requests: List should have at most 100000 items");
    if (!is_object(requests.value)) return refuse(at + ": Input should be an object");
    std::string_view custom_id = json_word(requests.value, "custom_id");
    if (!valid_custom_id(custom_id))
      return refuse(at + ".custom_id: String should match pattern '^[a-zA-Z0-9_-]{1,64}$'");
    if (!seen.insert(custom_id).second) return refuse(at + ".custom_id: Duplicate custom_id " + std::string(custom_id));
    std::string_view params = json_member(requests.value, "params");
    if (!is_object(params)) return refuse(at + ".params: Field required");
    auto checked = check(work->body, params, version);
    Fate fate = Fate::kSucceeded;
    if (!checked) fate = Fate::kErrored;
    if (checked && checked->prompt.last_user_text.find(kExpire) != std::string_view::npos) fate = Fate::kExpired;
    work->items.push_back({custom_id, params, fate});
  }
  if (work->items.empty()) return refuse("requests: List should have at least 1 item");
  batches_.push_back(std::make_unique<Batch>(Batch{.work = work,
                                                   .owner = std::string(call.owner),
                                                   .created = call.wall,
                                                   .begun = call.now,
                                                   .ends = call.now + settings_.duration,
                                                   .done_max = work->items.size(),
                                                   .canceled = false,
                                                   .cancel_initiated = {},
                                                   .charged = charge}));
  std::string out;
  append(out, *batches_.back(), call);
  return out;
}

Batches::Batch* Batches::find(const BatchCall& call, std::string_view id) const {
  for (const auto& batch : batches_) {
    if (batch->work->id == id && batch->owner == call.owner) return batch.get();
  }
  return nullptr;
}

void Batches::append(std::string& out, const Batch& batch, const BatchCall& call) const {
  bool ended = batch.ended(call.now);
  Counts counts = batch.counts(call.now);
  auto time = [&](std::string_view name, bool known, WallTime at) {
    out += ",\"";
    out += name;
    out += "\":";
    if (!known) {
      out += "null";
      return;
    }
    out += '"';
    append_rfc3339(out, at);
    out += '"';
  };
  out += R"({"id":")" + batch.work->id + R"(","type":"message_batch","processing_status":")";
  out += ended ? "ended" : batch.canceled ? "canceling" : "in_progress";
  out += R"(","request_counts":{"processing":)" + std::to_string(counts.processing);
  out += ",\"succeeded\":" + std::to_string(counts.succeeded) + ",\"errored\":" + std::to_string(counts.errored);
  out += ",\"canceled\":" + std::to_string(counts.canceled) + ",\"expired\":" + std::to_string(counts.expired) + "}";
  time("created_at", true, batch.created);
  time("expires_at", true, batch.created + std::chrono::hours(24));
  time("ended_at", ended, batch.wall(batch.ends));
  time("cancel_initiated_at", batch.canceled, batch.cancel_initiated);
  time("archived_at", false, {});
  out += ",\"results_url\":";
  if (ended) {
    http::append_json_string(out, std::string(call.origin) + "/v1/messages/batches/" + batch.work->id + "/results");
  } else {
    out += "null";
  }
  out += '}';
}

Answered<std::string> Batches::get(const BatchCall& call, std::string_view id) const {
  const Batch* batch = find(call, id);
  if (batch == nullptr) return std::unexpected(no_such(id));
  std::string out;
  append(out, *batch, call);
  return out;
}

Answered<std::string> Batches::list(const BatchCall& call, std::string_view query) const {
  std::vector<const Batch*> mine;
  for (auto it = batches_.rbegin(); it != batches_.rend(); ++it) {
    if ((*it)->owner == call.owner) mine.push_back(it->get());
  }
  return page({.size = mine.size(),
               .id = [&](size_t i) { return std::string_view(mine[i]->work->id); },
               .append = [&](std::string& out, size_t i) { append(out, *mine[i], call); }},
              query);
}

Answered<std::string> Batches::cancel(const BatchCall& call, std::string_view id) {
  Batch* batch = find(call, id);
  if (batch == nullptr) return std::unexpected(no_such(id));
  if (batch->ended(call.now)) return invalid("Batch " + std::string(id) + " has already ended and cannot be canceled.");
  if (!batch->canceled) {
    double done = seconds(call.now - batch->begun) / std::max(seconds(settings_.duration), 1e-9);
    batch->canceled = true;
    batch->cancel_initiated = call.wall;
    batch->done_max = static_cast<size_t>(done * static_cast<double>(batch->work->items.size()));
    batch->ends = std::min(batch->ends, call.now + settings_.duration / 10);
  }
  std::string out;
  append(out, *batch, call);
  return out;
}

Answered<std::string> Batches::remove(const BatchCall& call, std::string_view id) {
  const Batch* batch = find(call, id);
  if (batch == nullptr) return std::unexpected(no_such(id));
  if (!batch->ended(call.now)) {
    return invalid("Batch " + std::string(id) + " has not ended. Cancel it and wait for its end before deleting it.");
  }
  std::string out = R"({"id":")" + batch->work->id + R"(","type":"message_batch_deleted"})";
  auto at = std::ranges::find_if(batches_, [&](const auto& one) { return one.get() == batch; });
  drop(static_cast<size_t>(at - batches_.begin()));
  return out;
}

Answered<std::unique_ptr<Source>> Batches::results(const BatchCall& call, std::string_view id) const {
  const Batch* batch = find(call, id);
  if (batch == nullptr) return std::unexpected(no_such(id));
  if (!batch->ended(call.now)) return invalid("Batch " + std::string(id) + " has no available results.");
  return std::make_unique<Results>(batch->work, batch->done_max, settings_);
}

void Batches::make_room(size_t bytes, Instant now) {
  size_t wanted = std::min(bytes, storage_.limit());
  for (size_t i = 0; i < batches_.size() && storage_.limit() - storage_.taken() < wanted;) {
    if (batches_[i]->ended(now)) {
      drop(i);
    } else {
      ++i;
    }
  }
}

void Batches::drop(size_t index) {
  storage_.give(batches_[index]->charged);
  batches_.erase(batches_.begin() + static_cast<std::ptrdiff_t>(index));
}

}  // namespace baton::sim
