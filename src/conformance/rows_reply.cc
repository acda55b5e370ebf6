// What comes back of answers that do not stream: bytes, fields, errors.
#include "base/ascii.h"
#include "conformance/row.h"
#include "http/content_coding.h"
#include "http/encode.h"

namespace baton::conformance {

using runtime::Task;

namespace {

std::string_view error_type(int status) {
  switch (status) {
    case 401: return "authentication_error";
    case 402: return "billing_error";
    case 403: return "permission_error";
    case 404: return "not_found_error";
    case 413: return "request_too_large";
    case 429: return "rate_limit_error";
    case 500: return "api_error";
    case 503: return "api_error";
    case 504: return "timeout_error";
    case 529: return "overloaded_error";
    default: return "invalid_request_error";
  }
}

// As no printer would print it.
std::string odd_error(int status) {
  return R"({"type":"error",  "error":{"message":"status )" + std::to_string(status) +
         " \xe6\xbc\xa2 said so: thinking.signature: Invalid `signature` in `thinking` block\", \"type\":\"" +
         std::string(error_type(status)) +
         R"(","details":{"error_code":"unheard_of"}} ,"request_id":"req_conformance","more":1.0})" + "\n";
}

Task<Finding> reply_bytes(Bench& bench, const Row&) {
  const std::string body =
      "{ \"id\":\"msg_1\" ,\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-sonnet-5-5\",\n"
      " \"content\":[{\"type\":\"text\",\"text\":\"\\u00e9 \xe6\xbc\xa2\xe5\xad\x97 "
      "\xf0\x9f\x98\x80\"}],\"stop_details\":null,\n"
      " \"stop_reason\":\"end_turn\", \"unheard_of\":[1.0,1e2], \"usage\":{\"input_tokens\":12,\"output_tokens\":3,"
      "\"new\":{\"a\":1}}}\n";
  Ask ask;
  ask.answers.push_back(whole(200, body));
  const Told told = co_await bench.ask(std::move(ask));
  if (auto none = missing(told, 200)) co_return *none;
  if (auto wrong = same_bytes("the reply", body, told.reply.body)) co_return *wrong;
  co_return passed();
}

Task<Finding> reply_fields(Bench& bench, const Row&) {
  const Fields fields{{"anthropic-unheard-of", "a, b"}, {"x-should-retry", "false"}, {"anthropic-new-thing", "1"}};
  Ask ask;
  ask.answers.push_back(whole(400, odd_error(400), fields));
  const Told told = co_await bench.ask(std::move(ask));
  if (auto none = missing(told)) co_return *none;
  Fields wanted = fields;
  wanted.emplace_back("request-id", "req_conformance");
  for (const auto& [name, value] : wanted) {
    if (told.reply.one(name) != value)
      co_return failed(name + ": " + value,
                       told.reply.all(name).empty() ? "no such field" : name + ": " + shown(told.reply.one(name)));
  }
  co_return passed();
}

Task<Finding> error_unmodified(Bench& bench, const Row& row) {
  const std::string body = odd_error(row.number);
  // A model of its own, where a gateway notes which models an account may not use.
  Ask ask{.body = body_of("", row.number == 403 ? "claude-opus-4-8" : "claude-sonnet-5-5")};
  ask.answers.push_back(whole(row.number, body));
  const Told told = co_await bench.ask(std::move(ask));
  if (auto none = missing(told, row.number)) co_return *none;
  if (auto wrong = same_bytes("the error's body", body, told.reply.body)) co_return *wrong;
  co_return passed(told.arrivals().size() > 1 ? "after " + std::to_string(told.arrivals().size()) + " tries" : "");
}

// Asked for as a stream, the error still is a status and JSON.
Task<Finding> error_of_a_stream(Bench& bench, const Row&) {
  const std::string body = odd_error(400);
  Ask ask{.body = streamed_body()};
  ask.answers.push_back(whole(400, body));
  const Told told = co_await bench.ask(std::move(ask));
  if (auto none = missing(told, 400)) co_return *none;
  if (auto wrong = same_bytes("the error's body", body, told.reply.body)) co_return *wrong;
  co_return passed();
}

Task<Finding> not_repeated(Bench& bench, const Row&) {
  for (const int status : {400, 404, 413, 422}) {
    Ask ask;
    ask.answers.push_back(whole(status, odd_error(status)));
    const Told told = co_await bench.ask(std::move(ask));
    if (auto none = missing(told)) co_return *none;
    if (told.arrivals().size() != 1)
      co_return failed("status " + std::to_string(status) + " asked for once",
                       std::to_string(told.arrivals().size()) + " times");
  }
  co_return passed();
}

// Nobody is punished for one caller's bad request.
Task<Finding> bad_requests_bench_nobody(Bench& bench, const Row&) {
  for (int i = 0; i < 12; ++i) {
    Ask ask;
    ask.answers.push_back(whole(400, odd_error(400)));
    const Told told = co_await bench.ask(std::move(ask));
    if (auto none = missing(told)) {
      none->expected += ", also after " + std::to_string(i) + " bad requests";
      co_return *none;
    }
  }
  Ask plain;
  const Told told = co_await bench.ask(std::move(plain));
  if (auto none = missing(told, 200)) {
    none->expected += " after 12 bad requests";
    co_return *none;
  }
  co_return passed();
}

// The content of an answer, by what its fields say of it.
std::optional<std::string> content_of(const Reply& reply) {
  const http::Coding coding = http::parse_coding(reply.one("content-encoding"));
  if (coding == http::Coding::kIdentity) return reply.body;
  auto plain = http::decode_whole(coding, reply.body, {});
  if (!plain) return std::nullopt;
  return std::move(*plain);
}

Task<Finding> error_encoded(Bench& bench, const Row& row) {
  std::string body = error_body(error_type(row.number), std::string(600, 'e'));
  const auto packed = http::encode_whole(http::Coding::kGzip, body);
  if (!packed) co_return skipped("no memory to compress with");
  for (const char* accepted : {"gzip, deflate, br, zstd", ""}) {
    Ask ask{.fields = {{"accept-encoding", accepted}}};
    ask.answers.push_back(whole(row.number, *packed, {{"content-encoding", "gzip"}}));
    const Told told = co_await bench.ask(std::move(ask));
    if (auto none = missing(told, row.number)) co_return *none;
    const auto content = content_of(told.reply);
    if (!content) co_return failed("content of the coding that its field names", describe(told.reply));
    if (auto wrong = same_bytes("the error, decoded", body, *content)) co_return *wrong;
  }
  co_return passed();
}

constexpr Row kReply[] = {
    {"reply-bytes", "an answer that does not stream comes back byte for byte", reply_bytes},
    {"reply-fields", "request-id, x-should-retry and unknown anthropic-* fields come back", reply_fields},
    {"error-400", "an upstream's 400 comes back with its body unmodified", error_unmodified, 400},
    {"error-400-streamed", "the same when a stream was asked for: a status and JSON, no stream", error_of_a_stream},
    {"error-404", "an upstream's 404 comes back with its body unmodified", error_unmodified, 404},
    {"error-413", "an upstream's 413 comes back with its body unmodified", error_unmodified, 413},
    {"error-422", "an upstream's 422 comes back with its body unmodified", error_unmodified, 422},
    {"bad-request-once", "400, 404, 413 and 422 are not asked for again", not_repeated},
    {"bad-request-harmless", "bad requests take no account out of service", bad_requests_bench_nobody},
    {"error-encoded-400", "a compressed 400 comes back readable", error_encoded, 400},
};

constexpr Row kTrouble[] = {
    {"error-500", "an upstream's 500 comes back with its body unmodified", error_unmodified, 500, true},
    {"error-503", "an upstream's 503 comes back with its body unmodified", error_unmodified, 503, true},
    {"error-504", "an upstream's 504 comes back with its body unmodified", error_unmodified, 504, true},
    {"error-529", "an upstream's 529 comes back with its body unmodified", error_unmodified, 529, true},
    {"error-429", "an upstream's 429 comes back with its body unmodified", error_unmodified, 429, true},
    {"error-encoded-429", "a compressed 429 comes back readable", error_encoded, 429, true},
    {"error-encoded-529", "a compressed 529 comes back readable", error_encoded, 529, true},
};

// What an account may be taken out of service for, and what comes behind everything else for that.
constexpr Row kCredential[] = {
    {"error-403", "an upstream's 403 comes back with its body unmodified", error_unmodified, 403, true},
    {"error-402", "an upstream's 402 comes back with its body unmodified", error_unmodified, 402, true, true},
    {"error-401", "an upstream's 401 comes back with its body unmodified", error_unmodified, 401, true},
};

}  // namespace

std::span<const Row> reply_rows() { return kReply; }
std::span<const Row> trouble_rows() { return kTrouble; }
std::span<const Row> credential_rows() { return kCredential; }

}  // namespace baton::conformance
