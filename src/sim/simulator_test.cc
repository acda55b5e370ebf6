#include "sim/simulator.h"

#include <gtest/gtest.h>

#include "sim/testing.h"

namespace baton::sim {
namespace {

using namespace testing;

constexpr std::string_view kUser = R"("messages":[{"role":"user","content":"hi"}])";

std::string with(std::string_view rest) { return "{" + std::string(kUser) + "," + std::string(rest) + "}"; }
std::string with_messages(std::string_view messages) {
  return R"({"model":"claude-sonnet-5-5","max_tokens":10,"messages":)" + std::string(messages) + "}";
}

TEST(Simulator, RefusesWhatTheApiRefuses) {
  struct Row {
    std::string name;
    Call call;
    int status;
    std::string type;
    std::string message;  // that it contains
  };
  const std::string kModel = R"("model":"claude-sonnet-5-5")";
  const Row rows[] = {
      {"empty body", {.body = ""}, 400, "invalid_request_error", "empty"},
      {"not JSON", {.body = "{\"model\":}"}, 400, "invalid_request_error", "not valid JSON"},
      {"no model", {.body = with(R"("max_tokens":1)")}, 400, "invalid_request_error", "model: Field required"},
      {"unknown model",
       {.body = with(R"("model":"claude-nope","max_tokens":1)")},
       404,
       "not_found_error",
       "model: claude-nope"},
      {"no max_tokens", {.body = with(kModel)}, 400, "invalid_request_error", "max_tokens: Field required"},
      {"max_tokens below 0",
       {.body = with(kModel + R"(,"max_tokens":-1)")},
       400,
       "invalid_request_error",
       "greater than or equal to 0"},
      {"max_tokens over the model's",
       {.body = with(kModel + R"(,"max_tokens":128001)")},
       400,
       "invalid_request_error",
       "max_tokens: 128001 > 128000, which is the maximum allowed number of output tokens for claude-sonnet-5-5"},
      {"no messages",
       {.body = "{" + kModel + R"(,"max_tokens":1})"},
       400,
       "invalid_request_error",
       "messages: Field required"},
      {"empty messages",
       {.body = with_messages("[]")},
       400,
       "invalid_request_error",
       "at least one message is required"},
      {"unknown role",
       {.body = with_messages(R"([{"role":"robot","content":"x"}])")},
       400,
       "invalid_request_error",
       "messages.0.role"},
      {"system message first",
       {.body = with_messages(R"([{"role":"system","content":"x"}])")},
       400,
       "invalid_request_error",
       "must not come first"},
      {"no content",
       {.body = with_messages(R"([{"role":"user"}])")},
       400,
       "invalid_request_error",
       "messages.0.content: Field required"},
      {"empty content",
       {.body = with_messages(R"([{"role":"user","content":""}])")},
       400,
       "invalid_request_error",
       "non-empty content"},
      {"empty text block",
       {.body = with_messages(R"([{"role":"user","content":[{"type":"text","text":""}]}])")},
       400,
       "invalid_request_error",
       "text content blocks must be non-empty"},
      {"block without a type",
       {.body = with_messages(R"([{"role":"user","content":[{"text":"a"}]}])")},
       400,
       "invalid_request_error",
       "messages.0.content.0.type: Field required"},
      {"prefill on a new model",
       {.body = with_messages(R"([{"role":"user","content":"a"},{"role":"assistant","content":"b"}])")},
       400,
       "invalid_request_error",
       "does not support assistant message prefill"},
      {"stream that is no boolean",
       {.body = hello(R"(,"stream":"yes")")},
       400,
       "invalid_request_error",
       "stream: Input should be"},
      {"temperature under the new version",
       {.body = hello(R"(,"temperature":1)"), .version = "2026-10-21"},
       400,
       "invalid_request_error",
       "temperature: Extra inputs are not permitted"},
      {"top_p under the new version",
       {.body = hello(R"(,"top_p":0.5)"), .version = "2026-10-21"},
       400,
       "invalid_request_error",
       "top_p: Extra inputs are not permitted"},
      {"top_k under the new version",
       {.body = hello(R"(,"top_k":5)"), .version = "2026-10-21"},
       400,
       "invalid_request_error",
       "top_k: Extra inputs are not permitted"},
      {"small thinking budget",
       {.body = hello(R"(,"thinking":{"type":"enabled","budget_tokens":100})")},
       400,
       "invalid_request_error",
       "greater than or equal to 1024"},
      {"thinking budget over max_tokens",
       {.body = hello(R"(,"thinking":{"type":"enabled","budget_tokens":2000})")},
       400,
       "invalid_request_error",
       "`max_tokens` must be greater than"},
      {"tool choice without tools",
       {.body = hello(R"(,"tool_choice":{"type":"any"})")},
       400,
       "invalid_request_error",
       "may only be specified while providing tools"},
      {"tool choice of an unknown tool",
       {.body = hello(R"(,"tools":[{"name":"a","input_schema":{}}],"tool_choice":{"type":"tool","name":"b"})")},
       400,
       "invalid_request_error",
       "Tool 'b' not found"},
      {"five breakpoints",
       {.body = hello(R"(,"system":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}},
          {"type":"text","text":"b","cache_control":{"type":"ephemeral"}},{"type":"text","text":"c","cache_control":{"type":"ephemeral"}},
          {"type":"text","text":"d","cache_control":{"type":"ephemeral"}},{"type":"text","text":"e","cache_control":{"type":"ephemeral"}}])")},
       400,
       "invalid_request_error",
       "A maximum of 4 blocks with cache_control may be provided. Found 5."},
      {"long TTL behind a short one",
       {.body = hello(R"(,"system":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}},
          {"type":"text","text":"b","cache_control":{"type":"ephemeral","ttl":"1h"}}])")},
       400,
       "invalid_request_error",
       "must not come after a ttl='5m'"},
      {"unknown TTL",
       {.body = hello(R"(,"cache_control":{"type":"ephemeral","ttl":"2h"})")},
       400,
       "invalid_request_error",
       "'5m' or '1h'"},
      {"no version",
       {.body = hello(), .version = ""},
       400,
       "invalid_request_error",
       "anthropic-version: header is required"},
      {"unknown version",
       {.body = hello(), .version = "2020-01-01"},
       400,
       "invalid_request_error",
       "is not a valid version"},
      {"coding that is not served",
       {.body = hello(), .content_encoding = "br"},
       400,
       "invalid_request_error",
       "Unsupported Content-Encoding"},
      {"GET on messages", {.method = "GET"}, 405, "invalid_request_error", "Method Not Allowed"},
      {"unknown path", {.path = "/v1/complete", .body = "{}"}, 404, "not_found_error", "Not found"},
      {"unknown model id",
       {.method = "GET", .path = "/v1/models/claude-nope"},
       404,
       "not_found_error",
       "model: claude-nope"},
      {"unknown batch",
       {.method = "GET", .path = "/v1/messages/batches/msgbatch_1"},
       404,
       "not_found_error",
       "msgbatch_1"},
      {"unknown file", {.method = "GET", .path = "/v1/files/file_1"}, 404, "not_found_error", "file_1"},
      {"unknown control",
       {.body = hello(), .control = "nonsense=1"},
       400,
       "invalid_request_error",
       "baton-sim: 'nonsense=1'"},
      {"asked-for 529", {.body = hello(), .control = "status=529"}, 529, "overloaded_error", "Overloaded"},
      {"asked-for 402", {.body = hello(), .control = "status=402"}, 402, "billing_error", "credit balance"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    Bench bench;
    Reply reply = bench.ask(row.call);
    EXPECT_EQ(reply.status, row.status);
    EXPECT_TRUE(is_valid_json(reply.content)) << reply.content;
    EXPECT_EQ(text_at(reply.content, "type"), "error");
    EXPECT_EQ(text_at(reply.content, "error.type"), row.type);
    EXPECT_NE(text_at(reply.content, "error.message").find(row.message), std::string::npos) << reply.content;
    EXPECT_EQ(text_at(reply.content, "request_id"), field_of(reply, "request-id"));
    EXPECT_EQ(bench.simulator.books().refused, 1u);
  }
}

TEST(Simulator, AcceptsWhatTheApiAccepts) {
  struct Row {
    std::string name;
    Call call;
  };
  const Row rows[] = {
      {"temperature under the old version", {.body = hello(R"(,"temperature":0.5)")}},
      {"unknown fields", {.body = hello(R"(,"context_management":{"edits":[]},"future":[1,{"a":null}])")}},
      {"system message in the middle",
       {.body =
            R"({"model":"claude-opus-5-5","max_tokens":9,"messages":[{"role":"user","content":"a"},{"role":"system","content":[{"type":"text","text":"b"}]}]})"}},
      {"null for absent", {.body = hello(R"(,"system":null,"tools":null,"thinking":null,"stop_sequences":null)")}},
      {"the new version", {.body = hello(), .version = "2026-10-21"}},
      {"a dated model's alias",
       {.body = R"({"model":"claude-sonnet-4-5","max_tokens":9,"messages":[{"role":"user","content":"a"}]})"}},
      {"prefill on an old model",
       {.body =
            R"({"model":"claude-haiku-4-5","max_tokens":9,"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]})"}},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    Bench bench;
    Reply reply = bench.ask(row.call);
    EXPECT_EQ(reply.status, 200) << reply.content;
    EXPECT_TRUE(is_valid_json(reply.content)) << reply.content;
    EXPECT_EQ(text_at(reply.content, "type"), "message");
    EXPECT_EQ(bench.simulator.books().messages, 1u);
  }
}

TEST(Simulator, MessageHasTheVendorsShape) {
  Bench bench;
  Reply reply = bench.ask(hello());
  EXPECT_EQ(field_of(reply, "content-type"), "application/json");
  EXPECT_EQ(field_of(reply, "anthropic-organization-id"), "org_sim");
  EXPECT_TRUE(text_at(reply.content, "id").starts_with("msg_01"));
  EXPECT_EQ(text_at(reply.content, "role"), "assistant");
  EXPECT_EQ(text_at(reply.content, "model"), "claude-sonnet-5-5");
  EXPECT_EQ(text_at(reply.content, "stop_reason"), "end_turn");
  EXPECT_EQ(text_at(reply.content, "content.0.type"), "text");
  EXPECT_EQ(number_at(reply.content, "usage.output_tokens"), 40);
  EXPECT_EQ(number_at(reply.content, "usage.input_tokens"), 5);
  std::string text = text_at(reply.content, "content.0.text");
  EXPECT_NE(text.find("你好"), std::string::npos);
  EXPECT_NE(text.find("👋"), std::string::npos);
  EXPECT_EQ(reply.ready, std::chrono::milliseconds(200 + 40 * 20));
}

TEST(Simulator, SameSeedAndRequestsGiveTheSameBytes) {
  Config config;
  config.errors.overloaded = 0.3;
  config.errors.stream_error = 0.3;
  auto run = [&](uint64_t seed) {
    config.seed = seed;
    Bench bench(config);
    std::string all;
    for (int i = 0; i < 30; ++i) {
      Reply reply = bench.ask(hello(i % 2 == 0 ? R"(,"stream":true)" : "", "question " + std::to_string(i)));
      all += std::to_string(reply.status) + reply.fields + content_of(reply);
    }
    return all;
  };
  EXPECT_EQ(run(7), run(7));
  EXPECT_NE(run(7), run(8));
}

TEST(Simulator, ErrorMixComesInItsShares) {
  Config config;
  config.errors = {.rate_limited = 0.1, .overloaded = 0.2, .server_error = 0.1, .reset = 0.1, .stream_error = 0.1};
  Bench bench(config);
  std::map<int, int> statuses;
  std::map<Fault, int> faults;
  for (int i = 0; i < 2'000; ++i) {
    Reply reply = bench.ask(hello());
    statuses[reply.status]++;
    faults[reply.control.fault]++;
  }
  EXPECT_NEAR(statuses[429], 200, 60);
  EXPECT_NEAR(statuses[529], 400, 80);
  EXPECT_NEAR(statuses[500], 200, 60);
  EXPECT_NEAR(faults[Fault::kReset], 200, 60);
  EXPECT_NEAR(faults[Fault::kErrorEvent], 200, 60);
}

TEST(Simulator, KeysBelongToOrganizationsAndWorkspaces) {
  Config config;
  config.orgs = {{.id = "org_a", .keys = {{"sk-a1", "default"}, {"sk-a2", "other"}}},
                 {.id = "org_b", .keys = {{"sk-b", "default"}}}};
  Bench bench(config);
  struct Row {
    std::string name;
    std::string key;
    int status;
    std::string org;
    std::string message;
  };
  const Row rows[] = {{"first key of a", "sk-a1", 200, "org_a", ""},
                      {"second key of a", "sk-a2", 200, "org_a", ""},
                      {"key of b", "sk-b", 200, "org_b", ""},
                      {"unknown key", "sk-x", 401, "", "invalid x-api-key"},
                      {"no key", "", 401, "", "x-api-key header is required"}};
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    Reply reply = bench.ask(Call{.body = hello(), .key = row.key});
    EXPECT_EQ(reply.status, row.status);
    EXPECT_EQ(field_of(reply, "anthropic-organization-id"), row.org);
    if (row.status != 200) {
      EXPECT_EQ(text_at(reply.content, "error.message"), row.message);
    }
  }
  EXPECT_EQ(credential("", "Bearer sk-b"), "sk-b");
  EXPECT_EQ(credential("sk-a", "Bearer sk-b"), "sk-a");
  EXPECT_EQ(credential("", "Basic xyz"), "");
}

TEST(Simulator, ControlCanBeMeantForOneKeyOnly) {
  Bench bench;
  std::string control = "key=sk-a;status=429;retry_after=3, key=sk-b;status=500";
  EXPECT_EQ(bench.ask(Call{.body = hello(), .key = "sk-a", .control = control}).status, 429);
  EXPECT_EQ(field_of(bench.ask(Call{.body = hello(), .key = "sk-a", .control = control}), "retry-after"), "3");
  EXPECT_EQ(bench.ask(Call{.body = hello(), .key = "sk-b", .control = control}).status, 500);
  EXPECT_EQ(bench.ask(Call{.body = hello(), .key = "sk-c", .control = control}).status, 200);
}

TEST(Simulator, CountingAgreesWithBilling) {
  const std::string bodies[] = {
      hello(),
      hello(R"(,"system":"You are kind.","tools":[{"name":"a","description":"b","input_schema":{"type":"object"}}])"),
      hello(R"(,"system":[{"type":"text","text":"You are kind.","cache_control":{"type":"ephemeral"}}])"),
      R"({"model":"claude-sonnet-5-5","max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":"a\u4f60b"},
         {"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]},{"role":"assistant","content":"x"},{"role":"user","content":"y"}]})",
  };
  for (const std::string& body : bodies) {
    SCOPED_TRACE(body);
    Bench bench;
    Reply counted = bench.ask(Call{.path = "/v1/messages/count_tokens", .body = body});
    Reply message = bench.ask(body);
    ASSERT_EQ(counted.status, 200) << counted.content;
    ASSERT_EQ(message.status, 200) << message.content;
    EXPECT_GT(number_at(counted.content, "input_tokens"), 0);
    EXPECT_EQ(number_at(counted.content, "input_tokens"),
              number_at(message.content, "usage.input_tokens") +
                  number_at(message.content, "usage.cache_creation_input_tokens") +
                  number_at(message.content, "usage.cache_read_input_tokens"));
  }
}

TEST(Simulator, LimitsAreSharedByAnOrganizationAndShown) {
  Config config;
  config.orgs = {{.id = "org_a", .keys = {{"sk-1", "default"}, {"sk-2", "other"}}, .requests_per_minute = 2}};
  Bench bench(config);
  Reply first = bench.ask(Call{.body = hello(), .key = "sk-1"});
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(field_of(first, "anthropic-ratelimit-requests-limit"), "2");
  EXPECT_EQ(field_of(first, "anthropic-ratelimit-requests-remaining"), "1");
  EXPECT_EQ(bench.ask(Call{.body = hello(), .key = "sk-2"}).status, 200);
  Reply refused = bench.ask(Call{.body = hello(), .key = "sk-2"});
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(text_at(refused.content, "error.type"), "rate_limit_error");
  EXPECT_EQ(field_of(refused, "retry-after"), "30");
  EXPECT_EQ(field_of(refused, "anthropic-ratelimit-requests-remaining"), "0");
  bench.now = bench.now + std::chrono::seconds(30);
  EXPECT_EQ(bench.ask(Call{.body = hello(), .key = "sk-1"}).status, 200);
}

TEST(Simulator, BooksWhatWasSent) {
  Bench bench;
  Reply whole = bench.ask(Call{.body = hello(), .key = "sk-a"});
  EXPECT_EQ(bench.simulator.books("sk-a").open, 1u);
  bench.simulator.finish(whole.receipt, {.output_tokens = 40, .complete = true}, bench.now);
  Reply cut = bench.ask(Call{.body = hello(R"(,"stream":true)"), .key = "sk-b"});
  std::string some;
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(cut.source->due());
    cut.source->append(some);
  }
  bench.simulator.finish(cut.receipt, {.output_tokens = cut.source->tokens_given(), .complete = false}, bench.now);
  Account a = bench.simulator.books("sk-a");
  Account b = bench.simulator.books("sk-b");
  EXPECT_EQ(a.output_tokens, 40u);
  EXPECT_EQ(a.aborted, 0u);
  EXPECT_EQ(a.input_tokens, 5u);
  EXPECT_EQ(b.output_tokens, 7u);  // message_start, block start and ping hold none
  EXPECT_EQ(b.aborted, 1u);
  EXPECT_EQ(bench.simulator.books().open, 0u);
  EXPECT_TRUE(is_valid_json(bench.simulator.books_json())) << bench.simulator.books_json();
}

TEST(Simulator, ModelsAreListedInPages) {
  Bench bench;
  Reply page = bench.ask(Call{.method = "GET", .path = "/v1/models", .query = "?limit=2"});
  ASSERT_EQ(page.status, 200);
  EXPECT_EQ(at_path(page.content, "has_more"), "true");
  std::string last = text_at(page.content, "last_id");
  Reply next = bench.ask(Call{.method = "GET", .path = "/v1/models", .query = "?limit=1000&after_id=" + last});
  EXPECT_EQ(at_path(next.content, "has_more"), "false");
  EXPECT_NE(text_at(next.content, "first_id"), last);
  Reply old = bench.ask(Call{.method = "GET", .path = "/v1/models", .query = "?lifecycle%5B%5D=deprecated"});
  EXPECT_EQ(text_at(old.content, "first_id"), "claude-sonnet-4-5-20250929");
  Reply alias = bench.ask(Call{.method = "GET", .path = "/v1/models/claude-opus-4-5"});
  EXPECT_EQ(text_at(alias.content, "id"), "claude-opus-4-5-20251101");
}

TEST(Simulator, ProbesNeedNoKey) {
  Config config;
  config.orgs = {{.id = "org_a", .keys = {{"sk-1", "default"}}}};
  Bench bench(config);
  for (const char* path : {"/", "/api/hello"}) {
    EXPECT_EQ(bench.ask(Call{.method = "HEAD", .path = path, .key = "", .version = ""}).status, 200);
  }
  EXPECT_EQ(bench.simulator.books().requests, 0u);
}

TEST(Simulator, FilesComeBackByteForByte) {
  Bench bench;
  std::string bytes("\x00\x01--b\r\n\xff tail\r\n", 15);
  Call upload{.path = "/v1/files",
              .body =
                  "--b7\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a "
                  "\\\"b\\\".bin\"\r\nContent-Type: image/png\r\n\r\n" +
                  bytes + "\r\n--b7--\r\n",
              .content_type = "multipart/form-data; boundary=b7"};
  Reply made = bench.ask(upload);
  ASSERT_EQ(made.status, 200) << made.content;
  std::string id = text_at(made.content, "id");
  EXPECT_EQ(text_at(made.content, "filename"), "a \"b\".bin");
  EXPECT_EQ(number_at(made.content, "size_bytes"), static_cast<int64_t>(bytes.size()));
  Reply content = bench.ask(Call{.method = "GET", .path = "/v1/files/" + id + "/content"});
  EXPECT_EQ(content.length, static_cast<int64_t>(bytes.size()));
  EXPECT_EQ(field_of(content, "content-type"), "image/png");
  EXPECT_EQ(content_of(content), bytes);
  EXPECT_EQ(text_at(bench.ask(Call{.method = "GET", .path = "/v1/files"}).content, "first_id"), id);
  EXPECT_EQ(bench.ask(Call{.method = "DELETE", .path = "/v1/files/" + id}).status, 200);
  EXPECT_EQ(bench.ask(Call{.method = "GET", .path = "/v1/files/" + id}).status, 404);
}

TEST(Simulator, StoresNoMoreThanItMay) {
  Config config;
  config.stored_bytes_max = 10'000;
  Bench bench(config);
  Call upload{.path = "/v1/files",
              .body = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=x\r\n\r\n" +
                      std::string(3'000, 'x') + "\r\n--b--",
              .content_type = "multipart/form-data; boundary=\"b\""};
  EXPECT_EQ(bench.ask(upload).status, 200);
  EXPECT_EQ(bench.ask(upload).status, 200);
  Reply refused = bench.ask(upload);
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(text_at(refused.content, "error.message"), "Storage limit exceeded");
}

}  // namespace
}  // namespace baton::sim
