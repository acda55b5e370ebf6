#include "sim/simulator.h"

#include <algorithm>

#include "http/content_coding.h"
#include "sim/mix.h"
#include "sim/stored_coding.h"
#include "sim/words.h"

namespace baton::sim {

namespace {

constexpr size_t kMessageBytesMax = 32 * kMiB;
constexpr size_t kBatchBytesMax = 256 * kMiB;
constexpr size_t kFileBytesMax = 500 * kMiB;

ApiError not_found() { return error_of_status(404); }

ApiError too_large() { return error_of_status(413); }

// The first `bytes_max` of an answer that goes wrong inside a body of known length must leave something out.
void keep_fault_inside(Control& control, size_t content_bytes) {
  bool cuts = control.fault == Fault::kReset || control.fault == Fault::kClose || control.fault == Fault::kStall ||
              control.fault == Fault::kGarbageChunk;
  if (!cuts || content_bytes == 0) return;
  control.at = std::min<uint64_t>(control.at.value_or(content_bytes / 2), content_bytes - 1);
}

}  // namespace

Simulator::Simulator(Config config)
    : config_(std::move(config)),
      access_(config_),
      cache_({.short_ttl = config_.cache_ttl, .long_ttl = config_.cache_ttl_long}),
      storage_(config_.stored_bytes_max),
      batches_({.duration = config_.batch_duration, .seed = config_.seed, .output_tokens = config_.output_tokens},
               storage_),
      files_(storage_) {
  limiters_.reserve(config_.orgs.size());
  for (const OrgConfig& org : config_.orgs) limiters_.emplace_back(org);
}

std::string Simulator::next_request_id() {
  return make_id("req_011C", mix(config_.seed, order_.fetch_add(1, std::memory_order_relaxed) + 1));
}

size_t Simulator::body_bytes_max(std::string_view path) const {
  if (path == "/v1/messages/batches") return kBatchBytesMax;
  if (path == "/v1/files") return std::min(kFileBytesMax, config_.stored_bytes_max);
  return kMessageBytesMax;
}

Reply Simulator::answer(const Request& request, http::JsonScanner& scanner) {
  uint64_t order = order_.fetch_add(1, std::memory_order_relaxed) + 1;
  Turn turn{.request = request,
            .scanner = scanner,
            .key = mix(config_.seed, order),
            .credential = credential(request.x_api_key, request.authorization),
            .control = {},
            .decoded = {},
            .body = request.body};
  Answered<Reply> reply = route(turn);
  if (!reply) reply = refuse(turn, reply.error());
  complete(turn, *reply);
  return std::move(*reply);
}

void Simulator::complete(const Turn& turn, Reply& reply) const {
  reply.request_id = make_id("req_011C", turn.key);
  std::string& fields = reply.fields;
  fields += "request-id: ";
  fields += reply.request_id;
  fields += "\r\n";
  if (turn.caller != nullptr) {
    fields += "anthropic-organization-id: ";
    fields += turn.caller->org->id;
    fields += "\r\n";
  }
  reply.ready += turn.control.delay;
  if (turn.control.plain()) return;
  reply.control = turn.control;
  if (turn.control.coding != ReplyCoding::kIdentity) {
    fields += "content-encoding: ";
    fields += name(turn.control.coding);
    fields += "\r\n";
  }
  if (!reply.source) keep_fault_inside(reply.control, reply.content.size());
}

Reply Simulator::json(std::string content) {
  Reply reply;
  reply.fields.reserve(512);
  reply.fields = "content-type: application/json\r\n";
  reply.content = std::move(content);
  return reply;
}

Reply Simulator::refuse(const Turn& turn, const ApiError& error) const {
  Reply reply = json(error_body(error, make_id("req_011C", turn.key)));
  reply.status = error.status;
  if (error.retry_after_s >= 0) reply.fields += "retry-after: " + std::to_string(error.retry_after_s) + "\r\n";
  return reply;
}

Answered<Reply> Simulator::route(Turn& turn) {
  const Request& request = turn.request;
  std::string_view path = request.path;
  if (path == "/" || path == "/api/hello") return json(R"({"message":"hello"})");
  Answered<Reply> reply = [&]() -> Answered<Reply> {
    if (!request.control.empty()) {
      auto control = read_control(request.control, turn.credential);
      if (!control) return std::unexpected(control.error());
      turn.control = std::move(*control);
    }
    if (path == "/v1/messages") {
      runtime::Random drawn(turn.key);
      draw_errors(config_.errors, drawn, turn.control);
    }
    if (turn.control.status != 0) {
      ApiError error = error_of_status(turn.control.status);
      error.code = turn.control.error_code;
      error.retry_after_s = turn.control.retry_after_s;
      return std::unexpected(std::move(error));
    }
    if (auto ok = admit(turn); !ok) return std::unexpected(ok.error());
    if (path == "/v1/messages") return messages(turn);
    if (path == "/v1/messages/count_tokens") return count_tokens(turn);
    if (path == "/v1/messages/batches" || path.starts_with("/v1/messages/batches/")) return batches(turn);
    if (path == "/v1/models" || path.starts_with("/v1/models/")) return models(turn);
    if (path == "/v1/files" || path.starts_with("/v1/files/")) return files(turn);
    return std::unexpected(not_found());
  }();
  if (reply && reply->receipt.key != 0) return reply;
  // What was not booked with its tokens is booked as a request.
  std::scoped_lock lock(mutex_);
  uint64_t key = books_.open(turn.credential);
  if (!reply) {
    books_.refuse(key);
    reply = refuse(turn, reply.error());
  }
  reply->receipt.key = key;
  return reply;
}

Answered<void> Simulator::admit(Turn& turn) {
  auto caller = access_.find(turn.request.x_api_key, turn.request.authorization);
  if (!caller) return std::unexpected(caller.error());
  turn.caller = *caller;
  std::string_view version = turn.request.version;
  if (version.empty()) return invalid("anthropic-version: header is required");
  if (version == "2026-10-21") {
    turn.version = ApiVersion::k20261021;
  } else if (version != "2023-06-01" && version != "2023-01-01") {
    return invalid("anthropic-version: \"" + std::string(version.substr(0, 32)) + "\" is not a valid version");
  }
  return {};
}

Answered<Fields> Simulator::read_json(Turn& turn, size_t bytes_max) {
  auto coding = http::parse_coding(turn.request.content_encoding);
  if (coding == http::Coding::kGzip) {
    auto decoded = http::decode_whole(coding, turn.body, {.output_bytes_max = bytes_max});
    if (!decoded && decoded.error().code == ErrorCode::kBodyTooLarge) {
      ApiError error = too_large();
      error.code = "request_body_too_large_after_decoding";
      return std::unexpected(std::move(error));
    }
    if (!decoded) {
      ApiError error{.message = "The request body could not be decoded."};
      error.code = "request_body_encoding_invalid";
      return std::unexpected(std::move(error));
    }
    turn.decoded = std::move(*decoded);
    turn.decoded.reserve(turn.decoded.size() + http::kJsonPadding);
    turn.body = turn.decoded;
  } else if (coding != http::Coding::kIdentity) {
    ApiError error{.message = "Unsupported Content-Encoding."};
    error.code = "request_body_encoding_unsupported";
    return std::unexpected(std::move(error));
  }
  if (turn.body.size() > bytes_max) return std::unexpected(too_large());
  if (turn.body.empty()) return invalid("The request body is empty; a JSON object is expected");
  auto fields = turn.scanner.scan_object(turn.body);
  if (!fields) return invalid("The request body is not valid JSON: " + fields.error().detail);
  return Fields{turn.body, **fields};
}

void Simulator::finish(const Receipt& receipt, const Delivered& delivered, Instant now) {
  if (receipt.key == 0) return;
  std::scoped_lock lock(mutex_);
  books_.close(receipt.key, delivered.output_tokens, delivered.complete);
  if (!receipt.message || delivered.output_tokens >= receipt.output_tokens) return;
  limiters_[receipt.org].give_back(receipt.output_tokens - delivered.output_tokens, now);
}

Account Simulator::books() const {
  std::scoped_lock lock(mutex_);
  return books_.total();
}

Account Simulator::books(std::string_view key) const {
  std::scoped_lock lock(mutex_);
  return books_.of(key);
}

std::string Simulator::books_json() const {
  std::scoped_lock lock(mutex_);
  std::string out;
  books_.append_json(out);
  return out;
}

}  // namespace baton::sim
