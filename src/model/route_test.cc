#include "model/route.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace baton::model {
namespace {

using enum Operation;

TEST(Route, KnownPathsGiveTheirOperation) {
  struct {
    std::string_view method;
    std::string_view path;
    Operation want;
    std::string_view object_id;
  } const cases[] = {
      {"POST", "/v1/messages", kMessages, ""},
      {"POST", "/v1/messages/count_tokens", kCountTokens, ""},
      {"POST", "/v1/messages/batches", kBatchCreate, ""},
      {"GET", "/v1/messages/batches", kBatchList, ""},
      {"GET", "/v1/messages/batches/msgbatch_01", kBatchGet, "msgbatch_01"},
      {"DELETE", "/v1/messages/batches/msgbatch_01", kBatchDelete, "msgbatch_01"},
      {"GET", "/v1/messages/batches/msgbatch_01/results", kBatchResults, "msgbatch_01"},
      {"POST", "/v1/messages/batches/msgbatch_01/cancel", kBatchCancel, "msgbatch_01"},
      {"GET", "/v1/models", kModelList, ""},
      {"GET", "/v1/models/claude-opus-5-5", kModelGet, ""},
      {"GET", "/v1/models/anthropic.claude-x:0@1", kModelGet, ""},
      {"POST", "/v1/files", kFileUpload, ""},
      {"GET", "/v1/files", kFileList, ""},
      {"GET", "/v1/files/file_A-1", kFileGet, "file_A-1"},
      {"DELETE", "/v1/files/file_A-1", kFileDelete, "file_A-1"},
      {"GET", "/v1/files/file_A-1/content", kFileContent, "file_A-1"},
      {"HEAD", "/", kProbe, ""},
      {"GET", "/", kProbe, ""},
      {"HEAD", "/api/hello", kProbe, ""},
      {"GET", "/api/hello", kProbe, ""},
      {"POST", "/v1/complete", kPassThrough, ""},
      {"POST", "/v1/chat/completions", kPassThrough, ""},
      {"GET", "/v1/organizations/usage_report/messages", kPassThrough, ""},
      {"GET", "/v1/models/a/b", kPassThrough, ""},
      {"GET", "/v1/messages/batches/msgbatch_01/report", kPassThrough, "msgbatch_01"},
      {"GET", "/v1/files/file_1/versions/2", kPassThrough, "file_1"},
      {"GET", "/v1/skills/a%20b/%C3%A4", kPassThrough, ""},
      {"PATCH", "/v1/anything", kPassThrough, ""},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.method) + " " + std::string(c.path));
    const Route r = route(c.method, c.path);
    EXPECT_EQ(name(r.operation), name(c.want));
    EXPECT_EQ(r.object_id, c.object_id);
    EXPECT_FALSE(r.wrong_method);
  }
}

TEST(Route, WrongMethodOnAKnownPathSaysWhichAreRight) {
  struct {
    std::string_view method;
    std::string_view path;
    std::string_view allow;
  } const cases[] = {
      {"GET", "/v1/messages", "POST"},
      {"OPTIONS", "/v1/messages", "POST"},
      {"post", "/v1/messages", "POST"},
      {"DELETE", "/v1/messages/count_tokens", "POST"},
      {"PUT", "/v1/messages/batches", "GET, POST"},
      {"POST", "/v1/messages/batches/b", "GET, DELETE"},
      {"HEAD", "/v1/messages/batches/b/results", "GET"},
      {"GET", "/v1/messages/batches/b/cancel", "POST"},
      {"POST", "/v1/models", "GET"},
      {"DELETE", "/v1/models/m", "GET"},
      {"DELETE", "/v1/files", "GET, POST"},
      {"PUT", "/v1/files/f", "GET, DELETE"},
      {"POST", "/v1/files/f/content", "GET"},
      {"POST", "/", "GET, HEAD"},
      {"POST", "/api/hello", "GET, HEAD"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.method) + " " + std::string(c.path));
    const Route r = route(c.method, c.path);
    EXPECT_TRUE(r.wrong_method);
    EXPECT_NE(name(r.operation), "none");
    EXPECT_EQ(r.allow, c.allow);
  }
}

TEST(Route, OtherSpellingsAreNotOurs) {
  const std::string id_too_long(kIdBytesMax + 1, 'a');
  const std::string cases[] = {
      "",
      "*",
      "/v1",
      "/v1/",
      "//v1/messages",
      "/v1//messages",
      "/v1/messages/",
      "/v1/messages//count_tokens",
      "/v1/../v1/messages",
      "/v1/./messages",
      "/v1/messages/.",
      "/v1/messages/..",
      "/v1/x/%2e%2e/messages",
      "/v1/%6dessages",
      "/v1/messages%2Fcount_tokens",
      "/v1/messages%2fbatches",
      "/v1/messages%5Cbatches",
      "/v1/messages\\batches",
      "/v1/messages;a=b",
      "/v1/messages%3Ba",
      "/v1/messages%00",
      "/v1/messages%0d%0a",
      "/v1/a%",
      "/v1/a%2",
      "/v1/a%zz",
      "/v1/a%252F",
      "/v1/a%7f",
      "/V1/messages",
      "/v2/messages",
      "/metrics",
      "/api/hello/",
      "/v1/messages/batches/",
      "/v1/messages/batches/a.b",
      "/v1/messages/batches/%61",
      "/v1/messages/batches/a/",
      "/v1/messages/batches//results",
      "/v1/messages/batches/a/results/",
      "/v1/messages/batches/a/../b",
      "/v1/messages/batches/a b",
      "/v1/messages/batches/" + id_too_long,
      "/v1/files/",
      "/v1/files/..",
      "/v1/files/a%2fb",
      "/v1/files/a/content/",
      "/v1/files/\xc3\xa4",
      "/v1/models/",
      "/v1/models/..",
      "/v1/models/a%2Fb",
      "/v1/models/.",
      "/v1/mess\tages",
      "http://x/v1/messages",
  };
  for (const std::string& path : cases) {
    SCOPED_TRACE(path);
    for (const std::string_view method : {"GET", "POST", "DELETE"})
      EXPECT_EQ(name(route(method, path).operation), "none");
  }
}

TEST(Route, IdsReachTheirBound) {
  const std::string id(kIdBytesMax, 'a');
  EXPECT_EQ(route("GET", "/v1/files/" + id).object_id, id);
  EXPECT_EQ(route("GET", "/v1/messages/batches/" + id + "/results").object_id, id);
}

TEST(Route, SaysHowACallMayBeRelayed) {
  struct {
    std::string_view name;
    std::string_view method;
    std::string_view path;
    size_t body_bytes_max;
    bool streams_body;
    bool creates;
    bool inference;
  } const cases[] = {
      {"messages may move", "POST", "/v1/messages", 32 * kMiB, false, false, true},
      {"count_tokens is no inference", "POST", "/v1/messages/count_tokens", 32 * kMiB, false, false, false},
      {"batches stream", "POST", "/v1/messages/batches", 256 * kMiB, true, true, false},
      {"files stream", "POST", "/v1/files", 500 * kMiB, true, true, false},
      {"reading creates nothing", "GET", "/v1/files", 32 * kMiB, false, false, false},
      {"cancel is idempotent", "POST", "/v1/messages/batches/b/cancel", 32 * kMiB, false, false, false},
      {"an unknown POST may create", "POST", "/v1/skills", 32 * kMiB, false, true, false},
      {"an unknown GET does not", "GET", "/v1/skills", 32 * kMiB, false, false, false},
      {"a probe has no body", "HEAD", "/", 0, false, false, false},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const Route r = route(c.method, c.path);
    EXPECT_EQ(r.body_bytes_max, c.body_bytes_max);
    EXPECT_EQ(r.streams_body, c.streams_body);
    EXPECT_EQ(r.creates, c.creates);
    EXPECT_EQ(r.inference, c.inference);
  }
}

// Whatever bytes a path is made of, what is passed through holds no spelling of "/" or "." but the plain ones.
TEST(Route, EveryEscapedByteIsPlainOrRefused) {
  for (int c = 0; c < 256; ++c) {
    char escape[4];
    std::snprintf(escape, sizeof escape, "%%%02x", c);
    const bool unreserved = c < 0x80 && (std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_' || c == '~');
    const bool structural = c == '/' || c == '\\' || c == '%' || c == ';' || c < 0x20 || c == 0x7f;
    const Route r = route("GET", "/v1/a" + std::string(escape));
    EXPECT_EQ(r.operation == kPassThrough, !unreserved && !structural) << escape;
  }
}

TEST(Route, NamesAreDistinct) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(kNone); ++i) names.insert(name(static_cast<Operation>(i)));
  EXPECT_EQ(names.size(), static_cast<size_t>(kNone) + 1);
}

}  // namespace
}  // namespace baton::model
