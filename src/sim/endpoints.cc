// The simulator's endpoints, each from an admitted Turn to a Reply.
#include <algorithm>
#include <cstring>

#include "sim/answer.h"
#include "sim/answer_stream.h"
#include "sim/mix.h"
#include "sim/models.h"
#include "sim/page.h"
#include "sim/params.h"
#include "sim/prompt.h"
#include "sim/simulator.h"
#include "sim/words.h"

namespace baton::sim {

namespace {

constexpr size_t kMessageBytesMax = 32 * kMiB;
constexpr size_t kBatchBytesMax = 256 * kMiB;
constexpr size_t kSliceBytes = 64 * kKiB;

std::unexpected<ApiError> wrong_method() { return std::unexpected(error_of_status(405)); }
std::unexpected<ApiError> not_found() { return std::unexpected(error_of_status(404)); }

bool mentions_cache(std::string_view body) {
  constexpr std::string_view kWord = "cache_control";
  return memmem(body.data(), body.size(), kWord.data(), kWord.size()) != nullptr;
}

// "/v1/files/file_1/content" behind "/v1/files/" -> "file_1" and "content".
struct ObjectPath {
  std::string_view id;
  std::string_view rest;
};
ObjectPath object_path(std::string_view path, std::string_view prefix) {
  if (path.size() <= prefix.size()) return {};
  path.remove_prefix(prefix.size() + 1);
  size_t slash = path.find('/');
  if (slash == std::string_view::npos) return {path, {}};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

// Bytes that others hold too, slice by slice.
class BytesSource final : public Source {
 public:
  explicit BytesSource(std::shared_ptr<const std::string> bytes) : bytes_(std::move(bytes)) {}
  std::optional<Duration> due() override {
    return at_ < bytes_->size() ? std::optional<Duration>(Duration{0}) : std::nullopt;
  }
  void append(std::string& out) override {
    out.append(*bytes_, at_, kSliceBytes);
    at_ += std::min(kSliceBytes, bytes_->size() - at_);
  }

 private:
  std::shared_ptr<const std::string> bytes_;
  size_t at_ = 0;
};

// What a client named is only repeated in a field when it is plain text.
std::string printable_or(const std::string& text, std::string_view otherwise) {
  for (char c : text) {
    if (c < 0x20 || c > 0x7e) return std::string(otherwise);
  }
  return text;
}

ApiError context_exceeded(uint64_t tokens, const Model& model) {
  return {.message = "prompt is too long: " + std::to_string(tokens) + " tokens > " +
                     std::to_string(model.input_tokens_max) + " maximum"};
}

}  // namespace

Answered<Reply> Simulator::messages(Turn& turn) {
  if (turn.request.method != "POST") return wrong_method();
  auto fields = read_json(turn, kMessageBytesMax);
  if (!fields) return std::unexpected(fields.error());
  auto params = read_params(*fields, Purpose::kMessage, turn.version);
  if (!params) return std::unexpected(params.error());
  auto prompt = read_prompt(*params, turn.version, mentions_cache(turn.body));
  if (!prompt) return std::unexpected(prompt.error());
  const Model& model = *params->model;
  if (prompt->tokens > model.input_tokens_max) return std::unexpected(context_exceeded(prompt->tokens, model));
  const Control& control = turn.control;
  Answer answer =
      compose(*params, *prompt,
              {.seed = config_.seed, .tokens = control.tokens.value_or(config_.output_tokens), .reply = control.reply});
  answer.key = mix(turn.key, 1);  // its id is not the request's
  answer.first_token = control.first_token.value_or(config_.first_token);
  answer.per_token = control.per_token.value_or(config_.per_token);

  Reply reply = json({});
  reply.receipt = {.org = turn.caller->org_index, .message = true, .output_tokens = answer.output_tokens};
  Instant now = turn.request.now;
  Duration whole = answer.first_token + answer.per_token * answer.output_tokens;
  Instant begins = now + control.delay + (params->stream ? Duration{0} : whole);
  {
    std::scoped_lock lock(mutex_);
    Limiter& limiter = limiters_[turn.caller->org_index];
    PromptCache::Use use{*prompt, turn.caller->owner, model, now, begins};
    if (limiter.limited()) {
      InputTokens foreseen = cache_.foresee(use);
      auto verdict = limiter.admit(
          {.input_tokens = foreseen.uncached + foreseen.written(), .output_tokens = answer.output_tokens}, now);
      limiter.append_fields(reply.fields, now, turn.request.wall);
      if (verdict.exceeded != Limiter::Meter::kNone) {
        ApiError error = error_of_status(429);
        error.message = limit_sentence(verdict.exceeded, *turn.caller->org);
        error.retry_after_s = static_cast<int>(verdict.retry_after_s);
        Reply refused = refuse(turn, error);
        limiter.append_fields(refused.fields, now, turn.request.wall);
        refused.receipt.key = books_.open(turn.credential);
        books_.refuse(refused.receipt.key);
        return refused;
      }
    }
    answer.input = cache_.use(use);
    reply.receipt.key = books_.open(turn.credential);
    books_.admit(reply.receipt.key, answer.input);
  }
  if (!params->stream) {
    reply.ready = whole;
    reply.content.reserve(1'024 + std::min<size_t>(size_t{24} * answer.output_tokens, 64 * kKiB));
    append_message(reply.content, answer);
    return reply;
  }
  reply.fields.replace(0, reply.fields.find('\n') + 1,
                       "content-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n");
  reply.stream = true;
  reply.source = std::make_unique<AnswerStream>(std::move(answer));
  return reply;
}

Answered<Reply> Simulator::count_tokens(Turn& turn) {
  if (turn.request.method != "POST") return wrong_method();
  auto fields = read_json(turn, kMessageBytesMax);
  if (!fields) return std::unexpected(fields.error());
  auto params = read_params(*fields, Purpose::kCount, turn.version);
  if (!params) return std::unexpected(params.error());
  auto prompt = read_prompt(*params, turn.version, mentions_cache(turn.body));
  if (!prompt) return std::unexpected(prompt.error());
  return json(R"({"input_tokens":)" + std::to_string(prompt->tokens) + "}");
}

Answered<Reply> Simulator::models(Turn& turn) {
  if (turn.request.method != "GET" && turn.request.method != "HEAD") return wrong_method();
  auto [id, rest] = object_path(turn.request.path, "/v1/models");
  if (!rest.empty()) return not_found();
  std::string out;
  if (!id.empty()) {
    const Model* model = find_model(id);
    if (model == nullptr) {
      return std::unexpected(
          ApiError{.status = 404, .type = "not_found_error", .message = "model: " + std::string(id.substr(0, 200))});
    }
    append_model(out, *model);
    return json(std::move(out));
  }
  auto wanted = query_values(turn.request.query, "lifecycle[]");
  std::vector<const Model*> shown;
  for (const Model& model : sim::models()) {
    bool fits = wanted.empty();
    for (const std::string& state : wanted) fits = fits || state == lifecycle(model);
    if (fits) shown.push_back(&model);
  }
  auto listed = page({.size = shown.size(),
                      .id = [&](size_t i) { return shown[i]->id; },
                      .append = [&](std::string& to, size_t i) { append_model(to, *shown[i]); }},
                     turn.request.query);
  if (!listed) return std::unexpected(listed.error());
  return json(std::move(*listed));
}

Answered<Reply> Simulator::batches(Turn& turn) {
  const Request& request = turn.request;
  auto [id, rest] = object_path(request.path, "/v1/messages/batches");
  std::string origin = std::string(request.scheme) + "://" + std::string(request.host);
  BatchCall call{.owner = turn.caller->owner, .origin = origin, .now = request.now, .wall = request.wall};
  auto send = [](Answered<std::string> content) -> Answered<Reply> {
    if (!content) return std::unexpected(content.error());
    return json(std::move(*content));
  };
  if (id.empty() && request.method == "POST") {
    auto fields = read_json(turn, kBatchBytesMax);
    if (!fields) return std::unexpected(fields.error());
    std::scoped_lock lock(mutex_);
    return send(batches_.create(call, make_id("msgbatch_01", turn.key), *fields, turn.version));
  }
  std::scoped_lock lock(mutex_);
  if (id.empty()) return request.method == "GET" ? send(batches_.list(call, request.query)) : wrong_method();
  if (rest == "cancel") return request.method == "POST" ? send(batches_.cancel(call, id)) : wrong_method();
  if (rest == "results") {
    if (request.method != "GET") return wrong_method();
    auto source = batches_.results(call, id);
    if (!source) return std::unexpected(source.error());
    Reply reply = json({});
    reply.fields = "content-type: application/x-jsonl\r\n";
    reply.source = std::move(*source);
    return reply;
  }
  if (!rest.empty()) return not_found();
  if (request.method == "GET") return send(batches_.get(call, id));
  if (request.method == "DELETE") return send(batches_.remove(call, id));
  return wrong_method();
}

Answered<Reply> Simulator::files(Turn& turn) {
  const Request& request = turn.request;
  std::string_view owner = turn.caller->owner;
  auto [id, rest] = object_path(request.path, "/v1/files");
  auto send = [](Answered<std::string> content) -> Answered<Reply> {
    if (!content) return std::unexpected(content.error());
    return json(std::move(*content));
  };
  if (id.empty() && request.method == "POST") {
    auto upload = find_upload(request.content_type, request.body);
    if (!upload) return std::unexpected(upload.error());
    std::scoped_lock lock(mutex_);
    batches_.make_room(upload->content.size() + kObjectOverheadBytes, request.now);
    return send(files_.add(owner, make_id("file_011C", turn.key), *upload, request.wall));
  }
  std::scoped_lock lock(mutex_);
  if (id.empty()) return request.method == "GET" ? send(files_.list(owner, request.query)) : wrong_method();
  if (rest == "content") {
    if (request.method != "GET") return wrong_method();
    auto content = files_.content(owner, id);
    if (!content) return std::unexpected(content.error());
    Reply reply = json({});
    reply.fields = "content-type: " + printable_or(content->mime_type, "application/octet-stream") + "\r\n";
    reply.length = static_cast<int64_t>(content->bytes->size());
    reply.source = std::make_unique<BytesSource>(content->bytes);
    return reply;
  }
  if (!rest.empty()) return not_found();
  if (request.method == "GET") return send(files_.get(owner, id));
  if (request.method == "DELETE") return send(files_.remove(owner, id));
  return wrong_method();
}

}  // namespace baton::sim
