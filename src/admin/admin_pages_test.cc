#include "admin/admin_pages.h"

#include <gtest/gtest.h>

namespace baton::admin {
namespace {

class AdminPagesTest : public ::testing::Test {
 protected:
  AdminPages pages(Config config = {}) { return AdminPages(metrics_, state_, config); }

  metrics::RelayMetrics metrics_{{.accounts = {}, .loops = 1, .version = "1.2.3"}};
  State state_;
};

TEST_F(AdminPagesTest, OnlyAHostOfItsOwnIsAnswered) {
  Config named{.address = "10.0.0.5", .port = 8788, .hosts = {"ops.example.com"}};
  Config everywhere{.address = "0.0.0.0", .port = 8788, .hosts = {}};
  struct {
    const char* name;
    Config config;
    const char* host;
    int want;
  } const cases[] = {
      {"loopback with port", {}, "127.0.0.1:8788", 200},
      {"loopback without", {}, "127.0.0.1", 200},
      {"another loopback address", {}, "127.8.9.10:1", 200},
      {"localhost", {}, "LocalHost:8788", 200},
      {"IPv6 loopback", {}, "[::1]:8788", 200},
      {"IPv6 loopback without port", {}, "[::1]", 200},
      {"a name of an attacker", {}, "evil.test", 421},
      {"that begins like loopback", {}, "127.0.0.1.evil.test:8788", 421},
      {"that ends like localhost", {}, "evil.localhost", 421},
      {"a decimal address", {}, "2130706433", 421},
      {"a short address", {}, "127.1", 421},
      {"no host", {}, "", 421},
      {"only a port", {}, ":8788", 421},
      {"not a port", {}, "localhost:87x8", 421},
      {"too large a port", {}, "localhost:65536", 421},
      {"an open bracket", {}, "[::1", 421},
      {"bytes after the bracket", {}, "[::1]evil", 421},
      {"user information", {}, "localhost@evil.test", 421},
      {"another address", {}, "10.0.0.5:8788", 421},
      {"the configured address", named, "10.0.0.5:8788", 200},
      {"the configured name", named, "OPS.example.com:443", 200},
      {"loopback all the same", named, "localhost", 200},
      {"another name", named, "ops.example.com.evil.test", 421},
      {"any address when listening on all", everywhere, "192.0.2.7:8788", 200},
      {"any IPv6 address too", everywhere, "[2001:db8::1]:8788", 200},
      {"but no name", everywhere, "evil.test", 421},
  };
  for (const auto& c : cases) {
    AdminReply reply = pages(c.config).answer("GET", "/healthz", c.host);
    EXPECT_EQ(reply.status, c.want) << c.name;
    EXPECT_EQ(reply.content_type, "application/json") << c.name;
    if (c.want == 421) EXPECT_EQ(reply.body.find("\"version\""), std::string::npos) << c.name;
  }
}

TEST_F(AdminPagesTest, KnowsItsPagesAndMethods) {
  state_.ready = true;
  struct {
    const char* method;
    const char* path;
    int status;
    const char* type;
  } const cases[] = {
      {"GET", "/metrics", 200, ""},
      {"HEAD", "/metrics", 200, ""},
      {"GET", "/metrics?name[]=x", 200, ""},
      {"GET", "/healthz", 200, ""},
      {"GET", "/readyz", 200, ""},
      {"POST", "/metrics", 405, "invalid_request_error"},
      {"DELETE", "/readyz", 405, "invalid_request_error"},
      {"get", "/metrics", 405, "invalid_request_error"},
      {"GET", "/", 404, "not_found_error"},
      {"GET", "/metrics/", 404, "not_found_error"},
      {"GET", "/v1/messages", 404, "not_found_error"},
      {"POST", "/elsewhere", 404, "not_found_error"},
      {"GET", "", 404, "not_found_error"},
  };
  for (const auto& c : cases) {
    AdminReply reply = pages().answer(c.method, c.path, "localhost:8788");
    EXPECT_EQ(reply.status, c.status) << c.method << ' ' << c.path;
    EXPECT_EQ(reply.allow, c.status == 405 ? "GET, HEAD" : "") << c.method << ' ' << c.path;
    if (*c.type == '\0') continue;
    std::string want = "{\"type\":\"error\",\"error\":{\"type\":\"" + std::string(c.type) + "\",\"message\":\"";
    EXPECT_TRUE(reply.body.starts_with(want)) << reply.body;
    EXPECT_EQ(reply.content_type, "application/json");
  }
}

TEST_F(AdminPagesTest, MetricsAreThePrometheusText) {
  metrics_.shard(0).body_budget_refused();
  AdminReply reply = pages().answer("GET", "/metrics", "localhost");
  EXPECT_EQ(reply.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_TRUE(reply.body.starts_with("# HELP "));
  EXPECT_NE(reply.body.find("\nbaton_body_budget_refusals_total 1\n"), std::string::npos);
}

TEST_F(AdminPagesTest, ReadyMeansListeningAndNotDraining) {
  struct {
    const char* name;
    bool ready;
    bool draining;
    int status;
    const char* body;
  } const cases[] = {
      {"at start", false, false, 503, "{\"status\":\"starting\"}\n"},
      {"listening", true, false, 200, "{\"status\":\"ready\"}\n"},
      {"draining", true, true, 503, "{\"status\":\"draining\"}\n"},
      {"drained before it was ready", false, true, 503, "{\"status\":\"draining\"}\n"},
  };
  for (const auto& c : cases) {
    state_.ready = c.ready;
    state_.draining = c.draining;
    AdminReply reply = pages().answer("GET", "/readyz", "localhost");
    EXPECT_EQ(reply.status, c.status) << c.name;
    EXPECT_EQ(reply.body, c.body) << c.name;
  }
}

TEST_F(AdminPagesTest, HealthIsOkWhileTheProcessLivesAndSaysWhatIsDegraded) {
  auto health = [this] { return pages().answer("GET", "/healthz", "localhost"); };
  EXPECT_EQ(health().body, R"({"status":"ok","version":"1.2.3","ready":false,"draining":false,"degraded":{}})"
                           "\n");
  state_.ready = true;
  state_.draining = true;
  state_.note("store", "disk \"full\"\n");
  state_.note("log", "slow");
  state_.note("store", "still full");
  EXPECT_EQ(health().status, 200);
  EXPECT_EQ(
      health().body,
      R"({"status":"ok","version":"1.2.3","ready":true,"draining":true,"degraded":{"log":"slow","store":"still full"}})"
      "\n");
  state_.note("store", "");
  state_.note("never noted", "");
  state_.note("log", "a\"b\n");
  EXPECT_NE(health().body.find(R"("degraded":{"log":"a\"b\u000a"}})"), std::string::npos);
}

TEST_F(AdminPagesTest, NotesAreBounded) {
  for (size_t i = 0; i < 10 * State::kNotesMax; ++i) state_.note(std::to_string(i), std::string(100'000, 'x'));
  EXPECT_EQ(state_.notes().size(), State::kNotesMax);
  EXPECT_LT(pages().answer("GET", "/healthz", "localhost").body.size(), State::kNotesMax * 600);
}

}  // namespace
}  // namespace baton::admin
