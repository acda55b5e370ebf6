#include "dialect/error_reply.h"

#include <gtest/gtest.h>

namespace baton::dialect {
namespace {

constexpr auto kLastCode = ErrorCode::kInternal;

Error error(ErrorCode code, Fault fault, Retry retry = Retry::kNever, std::string detail = {}) {
  return {code, fault, retry, std::move(detail)};
}

struct Case {
  std::string_view name;
  Error error;
  int status;
  std::string_view type;
  bool hopeless;
  std::string_view retry_after;  // "" when the field must be absent
};

const Case kCases[] = {
    {"bad request", error(ErrorCode::kBadRequest, Fault::kClient), 400, "invalid_request_error", true, ""},
    {"head too large", error(ErrorCode::kHeadTooLarge, Fault::kClient), 431, "invalid_request_error", true, ""},
    {"body too large", error(ErrorCode::kBodyTooLarge, Fault::kClient), 413, "request_too_large", true, ""},
    {"slow client may try again", error(ErrorCode::kTooSlow, Fault::kClient), 408, "invalid_request_error", false, ""},
    {"unsupported", error(ErrorCode::kUnsupported, Fault::kClient), 415, "invalid_request_error", true, ""},
    {"method", error(ErrorCode::kMethodNotAllowed, Fault::kClient), 405, "invalid_request_error", true, ""},
    {"version", error(ErrorCode::kVersion, Fault::kClient), 505, "api_error", true, ""},
    {"not found", error(ErrorCode::kNotFound, Fault::kClient), 404, "not_found_error", true, ""},
    {"unauthenticated", error(ErrorCode::kUnauthenticated, Fault::kClient), 401, "authentication_error", true, ""},
    {"forbidden", error(ErrorCode::kForbidden, Fault::kClient), 403, "permission_error", true, ""},
    {"a spent budget", error(ErrorCode::kBudgetSpent, Fault::kClient), 402, "billing_error", true, ""},
    {"a limit of the key", error(ErrorCode::kRateLimited, Fault::kClient), 429, "rate_limit_error", false, "1"},
    {"connect", error(ErrorCode::kConnect, Fault::kUpstream), 502, "api_error", false, "1"},
    {"connect timeout", error(ErrorCode::kConnectTimeout, Fault::kUpstream), 502, "api_error", false, "1"},
    {"tls", error(ErrorCode::kTls, Fault::kUpstream), 502, "api_error", false, "5"},
    {"reset", error(ErrorCode::kReset, Fault::kUpstream), 502, "api_error", false, ""},
    {"timeout", error(ErrorCode::kTimeout, Fault::kUpstream), 504, "timeout_error", false, ""},
    {"bad reply", error(ErrorCode::kBadReply, Fault::kUpstream), 502, "api_error", false, ""},
    {"reply too large", error(ErrorCode::kReplyTooLarge, Fault::kUpstream), 502, "api_error", true, ""},
    {"cancelled by a drain", error(ErrorCode::kCancelled, Fault::kUs), 503, "api_error", false, "1"},
    {"overloaded", error(ErrorCode::kOverloaded, Fault::kUs), 529, "overloaded_error", false, "2"},
    {"no account ever", error(ErrorCode::kNoAccount, Fault::kUs, Retry::kNever), 503, "api_error", true, ""},
    {"no account now", error(ErrorCode::kNoAccount, Fault::kAccount, Retry::kLater), 429, "rate_limit_error", false,
     "10"},
    {"config", error(ErrorCode::kConfig, Fault::kUs), 500, "api_error", true, ""},
    {"store", error(ErrorCode::kStore, Fault::kUs), 503, "api_error", false, "5"},
    {"internal", error(ErrorCode::kInternal, Fault::kUs), 500, "api_error", false, ""},
};

// The value of a rendered field, or "" when it is absent.
std::string field(const std::string& fields, std::string_view name) {
  const std::string line = std::string(name) + ": ";
  size_t at = 0;
  while (at < fields.size()) {
    const size_t end = fields.find("\r\n", at);
    if (end == std::string::npos) return "(a line without its end)";
    if (std::string_view(fields).substr(at, line.size()) == line)
      return fields.substr(at + line.size(), end - at - line.size());
    at = end + 2;
  }
  return "";
}

std::string between(const std::string& text, std::string_view from, std::string_view to) {
  const size_t begin = text.find(from);
  if (begin == std::string::npos) return "";
  const size_t end = text.find(to, begin + from.size());
  return end == std::string::npos ? "" : text.substr(begin + from.size(), end - begin - from.size());
}

TEST(ErrorReply, EveryCodeHasItsRow) {
  for (int code = 0; code <= static_cast<int>(kLastCode); ++code) {
    const auto covered = [&](const Case& c) { return static_cast<int>(c.error.code) == code; };
    EXPECT_TRUE(std::any_of(std::begin(kCases), std::end(kCases), covered)) << name(static_cast<ErrorCode>(code));
  }
}

TEST(ErrorReply, StatusTypeAndFieldsFollowTheTable) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    const ErrorReply reply = error_reply(c.error, "req_1");
    EXPECT_EQ(reply.status, c.status);
    EXPECT_TRUE(reply.body.starts_with("{\"type\":\"error\",\"error\":{\"type\":\"" + std::string(c.type) +
                                       "\",\"message\":\""));
    EXPECT_TRUE(reply.body.ends_with("\"},\"request_id\":\"req_1\"}"));
    EXPECT_GT(between(reply.body, "\"message\":\"", "\"},\"request_id\"").size(), 20u) << "a sentence, not a word";
    EXPECT_EQ(field(reply.fields, "content-type"), "application/json");
    EXPECT_EQ(field(reply.fields, "x-should-retry"), c.hopeless ? "false" : "");
    EXPECT_EQ(field(reply.fields, "retry-after"), c.retry_after);
    EXPECT_EQ(field(reply.fields, "request-id"), "req_1");
    EXPECT_EQ(field(reply.fields, "baton-request-id"), "req_1");
  }
}

TEST(ErrorReply, HopelessAndRetryAfterExcludeEachOther) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    const ErrorReply reply = error_reply(c.error, "r", {.retry_after = std::chrono::seconds(9)});
    EXPECT_EQ(field(reply.fields, "x-should-retry").empty(), !field(reply.fields, "retry-after").empty());
  }
}

TEST(ErrorReply, RetryAfterIsWholeSecondsFromOneToFifty) {
  struct {
    std::string_view name;
    Duration wait;
    std::string_view want;
  } const cases[] = {
      {"unknown: the row's own", Duration{0}, "2"},
      {"a nanosecond is a second", Duration{1}, "1"},
      {"rounded up", std::chrono::milliseconds(1001), "2"},
      {"exact", std::chrono::seconds(50), "50"},
      {"clients give up on a minute", std::chrono::hours(72), "50"},
      {"negative: the row's own", std::chrono::seconds(-5), "2"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const ErrorReply reply = error_reply(error(ErrorCode::kOverloaded, Fault::kUs), "r", {.retry_after = c.wait});
    EXPECT_EQ(field(reply.fields, "retry-after"), c.want);
  }
}

TEST(ErrorReply, DetailOfTheClientsFaultIsTheSentence) {
  const ErrorReply reply =
      error_reply(error(ErrorCode::kBadRequest, Fault::kClient, Retry::kNever, "model: must be a string"), "r");
  EXPECT_EQ(between(reply.body, "\"message\":\"", "\"},"), "model: must be a string");
}

TEST(ErrorReply, DetailOfAnyOtherFaultIsNotShown) {
  for (const Fault fault : {Fault::kAccount, Fault::kUpstream, Fault::kUs}) {
    const Error shown = error(ErrorCode::kConnect, fault, Retry::kNever, "connect 10.1.2.3:443 refused");
    EXPECT_EQ(error_reply(shown, "r").body.find("10.1.2.3"), std::string::npos);
    EXPECT_EQ(error_event(shown, "r").find("10.1.2.3"), std::string::npos);
  }
}

TEST(ErrorReply, DetailIsMadePresentable) {
  struct {
    std::string_view name;
    std::string detail;
    std::string want;
  } const cases[] = {
      {"control characters", "a\r\nb\x1b[31m", "a??b?[31m"},
      {"not ASCII", "\xc3\xa4x", "??x"},
      {"quotes are escaped", "say \"no\"", "say \\\"no\\\""},
      {"a key is cut at its prefix", "key sk-ant-api03-SECRET was odd", "key sk-ant-*** was odd"},
      {"a key at the end", "sk-ant-SECRET", "sk-ant-***"},
      {"two keys", "\"sk-ant-a\" sk-ant-b.", "\\\"sk-ant-***\\\" sk-ant-***"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const ErrorReply reply = error_reply(error(ErrorCode::kBadRequest, Fault::kClient, Retry::kNever, c.detail), "r");
    EXPECT_EQ(between(reply.body, "\"message\":\"", "\"},\"request_id\""), c.want);
  }
}

TEST(ErrorReply, SentenceIsBounded) {
  const Error shown = error(ErrorCode::kBadRequest, Fault::kClient, Retry::kNever, std::string(100'000, 'x'));
  EXPECT_EQ(between(error_reply(shown, "r").body, "\"message\":\"", "\"},").size(), kSentenceBytesMax);
}

TEST(ErrorReply, StatusesCarryWhatHttpAsksOfThem) {
  const ErrorReply method =
      error_reply(error(ErrorCode::kMethodNotAllowed, Fault::kClient), "r", {.allow = "GET, DELETE"});
  EXPECT_EQ(field(method.fields, "allow"), "GET, DELETE");
  const ErrorReply media = error_reply(error(ErrorCode::kUnsupported, Fault::kClient), "r");
  EXPECT_EQ(field(media.fields, "accept-encoding"), "gzip, identity");
  EXPECT_EQ(field(media.fields, "accept"), "application/json");
  const ErrorReply key = error_reply(error(ErrorCode::kUnauthenticated, Fault::kClient), "r");
  EXPECT_EQ(field(key.fields, "www-authenticate"), "Bearer realm=\"baton\"");
}

TEST(ErrorReply, HeadErrorsKeepTheirStatusAndSentence) {
  struct {
    http::HeadError error;
    std::string_view type;
  } const cases[] = {
      {http::HeadError::kMalformed, "invalid_request_error"},
      {http::HeadError::kAmbiguousLength, "invalid_request_error"},
      {http::HeadError::kTransferCoding, "api_error"},
      {http::HeadError::kMethodNotAllowed, "invalid_request_error"},
      {http::HeadError::kVersion, "api_error"},
      {http::HeadError::kExpectation, "invalid_request_error"},
      {http::HeadError::kTooLarge, "invalid_request_error"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(http::head_error_sentence(c.error));
    const ErrorReply reply = error_reply(c.error, "req_2");
    EXPECT_EQ(reply.status, http::head_error_status(c.error));
    EXPECT_EQ(between(reply.body, "\"error\":{\"type\":\"", "\""), c.type);
    EXPECT_NE(reply.body.find(http::head_error_sentence(c.error)), std::string::npos);
    EXPECT_EQ(field(reply.fields, "x-should-retry"), "false");
    EXPECT_EQ(field(reply.fields, "allow").empty(), reply.status != 405);
  }
}

TEST(ErrorEvent, IsOneWellFormedEvent) {
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.name);
    const std::string event = error_event(c.error, "req_3");
    EXPECT_TRUE(event.starts_with("event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\""));
    EXPECT_TRUE(event.ends_with("\"request_id\":\"req_3\"}\n\n"));
    EXPECT_EQ(std::count(event.begin(), event.end(), '\n'), 3);
    EXPECT_EQ(between(event, "\"error\":{\"type\":\"", "\""), c.type);
  }
}

TEST(PingEvent, IsTheVendorsBytes) { EXPECT_EQ(kPingEvent, "event: ping\ndata: {\"type\": \"ping\"}\n\n"); }

}  // namespace
}  // namespace baton::dialect
