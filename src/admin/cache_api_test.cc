#include "admin/cache_api.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <vector>

#include "net/epoll_poller.h"
#include "runtime/clock.h"

namespace baton::admin {
namespace {

const std::string kKey(32, 'a');

TEST(CacheSelection, says_what_is_to_go) {
  struct {
    std::string body;
    std::string want;  // "all|tenant|tag|key"; empty: refused
  } const cases[] = {
      {R"({"all":true})", "1|||"},
      {R"({"tenant":"ann"})", "0|ann||"},
      {R"({"tag":"env=ci"})", "0||env=ci|"},
      {R"({"key":")" + kKey + "\"}", "0|||" + kKey},
      {R"({"tenant":"ann","tag":"a","key":null,"all":false})", "0|ann|a|"},
      {"", ""},
      {"{}", ""},
      {"[]", ""},
      {R"({"all":false})", ""},
      {R"({"all":1})", ""},
      {R"({"all":true,"tenant":"ann"})", ""},
      {R"({"tenant":""})", ""},
      {R"({"tenant":7})", ""},
      {R"({"tag":"two,tags"})", ""},
      {R"({"key":"ABC"})", ""},
      {R"({"key":")" + std::string(32, 'A') + "\"}", ""},
      {R"({"everything":true})", ""},
  };
  for (const auto& c : cases) {
    const auto what = read_cache_selection(c.body);
    EXPECT_EQ(what.has_value(), !c.want.empty()) << c.body;
    if (!what) {
      EXPECT_EQ(what.error().code, ErrorCode::kBadRequest) << c.body;
      continue;
    }
    EXPECT_EQ(std::string(what->all ? "1|" : "0|") + what->tenant + "|" + what->tag + "|" + what->key, c.want);
  }
}

TEST(CacheApi, purges_at_the_desk_and_writes_down_what_went) {
  std::string folder = (std::filesystem::temp_directory_path() / "baton-cache-api-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  runtime::SystemClock clock;
  net::EpollPoller poller(clock);
  runtime::Loop loop(clock, poller);
  State state;
  Desk desk;
  AuditLog audit(folder);
  const std::string token = "chief-token-0123456789-0123456789-0123456789";
  Access access(std::vector<TokenConfig>{{"chief", Secret(token), Role::kOperate}});
  Api api({.access = access, .audit = audit, .desk = desk, .state = state, .loop = loop, .is_client_key = {}});
  std::vector<CacheSelection> asked;
  CacheApi cache([&](const CacheSelection& what) {
    asked.push_back(what);
    return CacheRemoval{.entries = 3, .bytes = 4711};
  });
  cache.serve(api);
  runtime::TaskGroup group;
  const std::string bearer = "Bearer " + token;
  const auto ask = [&](std::string body) {
    auto call = api.admit({.method = "POST",
                           .path = "/admin/v1/cache/purge",
                           .host = "127.0.0.1:8788",
                           .authorization = bearer,
                           .content_type = "application/json",
                           .peer = "127.0.0.1",
                           .has_body = true},
                          loop.now());
    EXPECT_TRUE(call.has_value());
    call->body = std::move(body);
    ApiReply reply;
    bool done = false;
    const auto run = [](Api& on, const ApiCall& one, ApiReply& into, bool& over) -> runtime::Task<void> {
      into = co_await on.run(one);
      over = true;
    };
    group.spawn(run(api, *call, reply, done));
    loop.run_until([&] { return done; });
    return reply;
  };
  const ApiReply reply = ask(R"({"tenant":"ann","tag":"env=ci"})");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, R"({"entries":3,"bytes":4711})");
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_EQ(asked[0].tenant, "ann");
  EXPECT_EQ(ask("{}").status, 400);
  EXPECT_EQ(asked.size(), 1u);
  const auto entries = *audit.latest(10);
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_NE(entries[1].find(R"("action":"cache.purge","target":"tenant ann, tag env=ci","outcome":"ok: 3 entries")"),
            std::string::npos)
      << entries[1];
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace baton::admin
