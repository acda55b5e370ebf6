#include "admin/api.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "admin/accounts_api.h"
#include "net/epoll_poller.h"

namespace baton::admin {
namespace {

const std::string kReader(40, 'r');
const std::string kOperator(40, 'o');

class ApiTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "baton-api-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    for (const char* account : {"a", "b"}) accounts_config_.accounts.emplace_back().name = account;
    pool_ = std::make_shared<accounts::AccountPool>(accounts_config_, clock_);
    audit_.emplace(folder_);
    api_.emplace(Api::Parts{.access = access_,
                            .audit = *audit_,
                            .desk = desk_,
                            .state = state_,
                            .loop = loop_,
                            .is_client_key = [](std::string_view key) { return key == "bk-client"; }});
    accounts_.emplace([this] { return pool_; }, clock_);
    accounts_->serve(*api_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  ApiHead head(std::string_view method, std::string_view path, std::string token = "Bearer " + kOperator) {
    token_ = std::move(token);
    return {.method = method, .path = path, .host = "127.0.0.1:8788", .authorization = token_, .peer = "127.0.0.1"};
  }
  ApiReply ask(const ApiHead& head, std::string body = {}) {
    auto call = api_->admit(head, loop_.now());
    if (!call) return call.error();
    call->body = std::move(body);
    ApiReply reply;
    bool done = false;
    group_.spawn(run(*api_, *call, reply, done));
    loop_.run_until([&] { return done; });
    return reply;
  }
  static runtime::Task<void> run(Api& api, const ApiCall& call, ApiReply& reply, bool& done) {
    reply = co_await api.run(call);
    done = true;
  }

  runtime::SystemClock clock_;
  net::EpollPoller poller_{clock_};
  runtime::Loop loop_{clock_, poller_};
  runtime::TaskGroup group_;
  std::string folder_, token_;
  accounts::Config accounts_config_;
  std::shared_ptr<accounts::AccountPool> pool_;
  Access access_{
      std::vector<TokenConfig>{{"viewer", Secret(kReader), Role::kRead}, {"chief", Secret(kOperator), Role::kOperate}}};
  std::optional<AuditLog> audit_;
  Desk desk_;
  State state_;
  std::optional<Api> api_;
  std::optional<AccountsApi> accounts_;
};

TEST_F(ApiTest, EveryRouteNeedsATokenAndWhatChangesNeedsTheRole) {
  for (const Route& route : routes()) {
    std::string path(route.path);
    if (size_t at = path.find("{name}"); at != path.npos) path.replace(at, 6, "nobody");
    ApiHead none = head(route.method, path);
    none.authorization.reset();
    EXPECT_EQ(ask(none).status, 401) << path;
    EXPECT_EQ(ask(head(route.method, path, "Bearer bk-client")).status, 403) << path << ": a client's key";
    if (route.role == Role::kOperate) EXPECT_EQ(ask(head(route.method, path, "Bearer " + kReader)).status, 403) << path;
    access_ = Access(std::vector<TokenConfig>{{"viewer", Secret(kReader), Role::kRead}});  // the counts begin anew
  }
}

TEST_F(ApiTest, OtherOriginsAreRefusedBeforeTheToken) {
  struct {
    const char* name;
    std::optional<std::string_view> origin;
    std::optional<std::string_view> site;
    int want;
  } const cases[] = {
      {"a program", {}, {}, 200},
      {"the page itself", "http://127.0.0.1:8788", "same-origin", 200},
      {"behind TLS", "https://127.0.0.1:8788", "same-origin", 200},
      {"a bookmark", {}, "none", 200},
      {"another site", "https://evil.test", "cross-site", 403},
      {"another port", "http://127.0.0.1:8787", "same-site", 403},
      {"no origin, but another site", {}, "cross-site", 403},
      {"a file", "null", {}, 403},
      {"one that begins alike", "http://127.0.0.1:8788.evil.test", {}, 403},
      {"no scheme", "127.0.0.1:8788", {}, 403},
  };
  for (const auto& c : cases) {
    ApiHead one = head("GET", "/admin/v1/accounts");
    one.origin = c.origin;
    one.fetch_site = c.site;
    EXPECT_EQ(ask(one).status, c.want) << c.name;
    one.authorization = "Bearer wrong";
    EXPECT_EQ(ask(one).status, c.want == 200 ? 401 : 403) << c.name;
  }
}

TEST_F(ApiTest, AnAccountNamesItsGroupAndEachOfItsPlaces) {
  accounts::AccountConfig& one = accounts_config_.accounts[0];
  one.group = "reserve";
  one.base_url = "https://eu.example";
  one.endpoints.emplace_back().url = "https://us.example";
  pool_ = std::make_shared<accounts::AccountPool>(accounts_config_, clock_);
  const std::string list = ask(head("GET", "/admin/v1/accounts")).body;
  EXPECT_NE(list.find(R"("group":"reserve")"), list.npos) << list;
  EXPECT_NE(list.find(R"("group":"default")"), list.npos) << list;
  const std::string unknown = R"(","connect_ms":null,"first_byte_ms":null,"in_flight":0,"concurrency_limit":null})";
  EXPECT_NE(list.find(R"("endpoints":[{"url":"https://eu.example)" + unknown + R"(,{"url":"https://us.example)" +
                      unknown + "]"),
            list.npos)
      << list;
}

TEST_F(ApiTest, RefusalsAreInTheVendorsShapeAndSayWhatToDo) {
  ApiHead wrong = head("GET", "/admin/v1/accounts", "Bearer wrong");
  ApiReply reply = ask(wrong);
  EXPECT_TRUE(reply.body.starts_with(R"({"type":"error","error":{"type":"authentication_error","message":")"))
      << reply.body;
  EXPECT_NE(reply.body.find("admin.token"), std::string::npos);
  EXPECT_NE(reply.fields.find("www-authenticate: Bearer"), std::string::npos);
  reply = ask(head("DELETE", "/admin/v1/accounts"));
  EXPECT_EQ(reply.status, 405);
  EXPECT_EQ(reply.fields, "allow: GET, HEAD\r\n");
  EXPECT_EQ(ask(head("GET", "/admin/v1/nothing")).status, 404);
  ApiHead form = head("POST", "/admin/v1/accounts/a/drain");
  form.has_body = true;
  EXPECT_EQ(ask(form).status, 415);
  form.content_type = "text/plain";
  EXPECT_EQ(ask(form).status, 415);
  form.content_type = "application/json; charset=utf-8";
  EXPECT_EQ(ask(form, "{}").status, 200);
}

TEST_F(ApiTest, AnAccountIsDrainedAndItIsWrittenDown) {
  ApiHead drain = head("POST", "/admin/v1/accounts/a/drain");
  drain.has_body = true;
  drain.content_type = "application/json";
  ApiReply reply = ask(drain, R"({"reason":"new \u001b[2Jkey"})");
  ASSERT_EQ(reply.status, 200) << reply.body;
  EXPECT_NE(reply.body.find(R"("name":"a")"), std::string::npos);
  EXPECT_NE(reply.body.find(R"("state":"draining")"), std::string::npos) << reply.body;
  EXPECT_NE(reply.body.find(R"("reason":"by the operator: new \u001b[2Jkey")"), std::string::npos) << reply.body;
  EXPECT_EQ(pool_->duty(0), accounts::Duty::kDraining);
  EXPECT_NE(ask(head("GET", "/admin/v1/accounts")).body.find(R"("state":"draining")"), std::string::npos);
  EXPECT_EQ(ask(head("POST", "/admin/v1/accounts/zz/park")).status, 404);
  EXPECT_EQ(ask(head("POST", "/admin/v1/accounts/b/park", "Bearer " + kReader)).status, 403);
  EXPECT_EQ(pool_->duty(1), accounts::Duty::kOn);
  EXPECT_EQ(ask(head("POST", "/admin/v1/accounts/a/release")).status, 200);
  EXPECT_EQ(pool_->duty(0), accounts::Duty::kOn);

  const auto entries = *audit_->latest(10);
  ASSERT_EQ(entries.size(), 4u);
  EXPECT_NE(
      entries[3].find(R"("who":"chief","role":"operate","action":"accounts.drain","target":"a","outcome":"ok: new)"),
      std::string::npos)
      << entries[3];
  EXPECT_NE(entries[2].find(R"("target":"zz","outcome":"failed with status 404")"), std::string::npos) << entries[2];
  EXPECT_NE(entries[1].find(R"("who":"viewer","role":"read","action":"accounts.park","target":"b","outcome":"refused)"),
            std::string::npos)
      << entries[1];
  EXPECT_TRUE(audit_->verify()->whole());
}

TEST_F(ApiTest, BodiesAreReadStrictly) {
  for (const char* body :
       {"[]", "{", "{\"reason\":1}", "{\"reasons\":\"x\"}", "{\"reason\":\"x\",\"reason\":\"y\"}", "nonsense"}) {
    ApiHead drain = head("POST", "/admin/v1/accounts/a/drain");
    drain.has_body = true;
    drain.content_type = "application/json";
    EXPECT_EQ(ask(drain, body).status, 400) << body;
  }
  EXPECT_EQ(pool_->duty(0), accounts::Duty::kOn);
}

TEST_F(ApiTest, AChangeThatCannotBeWrittenDownIsSaidLoudly) {
  std::filesystem::remove_all(folder_);
  ApiReply reply = ask(head("POST", "/admin/v1/accounts/a/park"));
  EXPECT_EQ(reply.status, 500);
  EXPECT_NE(reply.body.find("audit log"), std::string::npos);
  EXPECT_TRUE(state_.notes().contains("audit"));
}

TEST_F(ApiTest, TheDeskTakesSoManyJobsAndNoMore) {
  std::mutex door;
  door.lock();
  std::vector<int> results(kDeskJobsMax + 3, -1);
  size_t finished = 0;
  const auto one = [](Desk& desk, runtime::Loop& loop, std::mutex& gate, int& result,
                      size_t& count) -> runtime::Task<void> {
    std::function<void()> work = [&gate] { std::lock_guard wait(gate); };
    result = co_await desk.do_work(loop, std::move(work));
    ++count;
  };
  group_.spawn(one(desk_, loop_, door, results[0], finished));
  while (desk_.waiting() > 0) std::this_thread::yield();  // the first is being worked on
  for (size_t i = 1; i < results.size(); ++i) group_.spawn(one(desk_, loop_, door, results[i], finished));
  EXPECT_EQ(finished, 2u) << "those beyond the bound are refused at once";
  door.unlock();
  loop_.run_until([&] { return finished == results.size(); });
  for (size_t i = 0; i < results.size(); ++i) EXPECT_EQ(results[i], i <= kDeskJobsMax ? 1 : 0) << i;
}

}  // namespace
}  // namespace baton::admin
