#include "sim/batches.h"

#include <gtest/gtest.h>

#include <set>

#include "sim/testing.h"

namespace baton::sim {
namespace {

using namespace testing;

std::string item(std::string_view id, std::string_view text = "hi", std::string_view more = R"(,"max_tokens":50)") {
  return R"({"custom_id":")" + std::string(id) +
         R"(","params":{"model":"claude-sonnet-5-5","messages":[{"role":"user","content":")" + std::string(text) +
         "\"}]" + std::string(more) + "}}";
}
Call create(const std::string& items) {
  return {.path = "/v1/messages/batches", .body = R"({"requests":[)" + items + "]}"};
}
Call get(const std::string& id, std::string_view rest = "") {
  return {.method = "GET", .path = "/v1/messages/batches/" + id + std::string(rest)};
}

TEST(Batches, EndAfterTheirTimeAndGiveEveryResultOnce) {
  Bench bench;
  Reply made = bench.ask(create(item("ok-1") + "," + item("ok-2", "other") + "," + item("bad", "hi", "") + "," +
                                item("late", "please expire")));
  ASSERT_EQ(made.status, 200) << made.content;
  std::string id = text_at(made.content, "id");
  EXPECT_TRUE(id.starts_with("msgbatch_01"));
  EXPECT_EQ(text_at(made.content, "processing_status"), "in_progress");
  EXPECT_EQ(number_at(made.content, "request_counts.processing"), 4);
  EXPECT_EQ(at_path(made.content, "results_url"), "null");
  EXPECT_EQ(bench.ask(get(id, "/results")).status, 400);
  EXPECT_EQ(bench.ask(Call{.method = "DELETE", .path = "/v1/messages/batches/" + id}).status, 400);

  bench.now = bench.now + std::chrono::seconds(5);
  Reply ended = bench.ask(get(id));
  EXPECT_EQ(text_at(ended.content, "processing_status"), "ended");
  EXPECT_EQ(number_at(ended.content, "request_counts.succeeded"), 2);
  EXPECT_EQ(number_at(ended.content, "request_counts.errored"), 1);
  EXPECT_EQ(number_at(ended.content, "request_counts.expired"), 1);
  EXPECT_EQ(text_at(ended.content, "results_url"), "http://sim.example:8790/v1/messages/batches/" + id + "/results");
  EXPECT_EQ(text_at(ended.content, "ended_at"), "2025-11-24T16:00:05Z");

  Reply results = bench.ask(get(id, "/results"));
  std::string lines = content_of(results);
  std::map<std::string, std::string> types;
  std::string order;
  for (size_t at = 0; at < lines.size();) {
    size_t end = lines.find('\n', at);
    ASSERT_NE(end, std::string::npos);
    std::string line = lines.substr(at, end - at);
    at = end + 1;
    ASSERT_TRUE(is_valid_json(line)) << line;
    order += text_at(line, "custom_id") + " ";
    types[text_at(line, "custom_id")] = text_at(line, "result.type");
    if (text_at(line, "custom_id") == "ok-1") {
      EXPECT_EQ(text_at(line, "result.message.usage.service_tier"), "batch");
      EXPECT_EQ(number_at(line, "result.message.usage.output_tokens"), 40);
    }
    if (text_at(line, "custom_id") == "bad") {
      EXPECT_EQ(text_at(line, "result.error.error.message"), "max_tokens: Field required");
    }
  }
  EXPECT_EQ(types, (std::map<std::string, std::string>{
                       {"ok-1", "succeeded"}, {"ok-2", "succeeded"}, {"bad", "errored"}, {"late", "expired"}}));
  EXPECT_NE(order, "ok-1 ok-2 bad late ");
  EXPECT_EQ(text_at(bench.ask(Call{.method = "DELETE", .path = "/v1/messages/batches/" + id}).content, "type"),
            "message_batch_deleted");
  EXPECT_EQ(bench.ask(get(id)).status, 404);
}

TEST(Batches, EveryOrderIsAPermutation) {
  for (size_t n : {1u, 2u, 3u, 4u, 10u, 97u, 100u}) {
    Bench bench;
    std::string items;
    for (size_t i = 0; i < n; ++i) items += (i > 0 ? "," : "") + item("r" + std::to_string(i));
    std::string id = text_at(bench.ask(create(items)).content, "id");
    bench.now = bench.now + std::chrono::seconds(5);
    Reply results = bench.ask(get(id, "/results"));
    std::set<std::string> seen;
    std::string line;
    while (results.source->due()) {
      line.clear();
      results.source->append(line);
      line.pop_back();
      EXPECT_TRUE(seen.insert(text_at(line, "custom_id")).second);
    }
    EXPECT_EQ(seen.size(), n);
  }
}

TEST(Batches, CancelingLeavesTheRestUndone) {
  Bench bench;
  std::string items;
  for (int i = 0; i < 10; ++i) items += (i > 0 ? "," : "") + item("r" + std::to_string(i));
  std::string id = text_at(bench.ask(create(items)).content, "id");
  bench.now = bench.now + std::chrono::seconds(2);
  Call cancel{.path = "/v1/messages/batches/" + id + "/cancel"};
  Reply canceling = bench.ask(cancel);
  EXPECT_EQ(text_at(canceling.content, "processing_status"), "canceling");
  EXPECT_EQ(text_at(canceling.content, "cancel_initiated_at"), "2025-11-24T16:00:02Z");
  bench.now = bench.now + std::chrono::milliseconds(500);
  Reply ended = bench.ask(get(id));
  EXPECT_EQ(text_at(ended.content, "processing_status"), "ended");
  EXPECT_EQ(number_at(ended.content, "request_counts.succeeded"), 4);
  EXPECT_EQ(number_at(ended.content, "request_counts.canceled"), 6);
  EXPECT_EQ(bench.ask(cancel).status, 400);
}

TEST(Batches, AreRefusedForWhatIsWrongWithThemAsAWhole) {
  struct Row {
    std::string name;
    std::string body;
    std::string message;
  };
  const Row rows[] = {
      {"no requests", "{}", "requests: Field required"},
      {"empty requests", R"({"requests":[]})", "at least 1 item"},
      {"custom_id twice", R"({"requests":[)" + item("a") + "," + item("a") + "]}", "Duplicate custom_id a"},
      {"bad custom_id", R"({"requests":[)" + item("a b") + "]}", "requests.0.custom_id"},
      {"no params", R"({"requests":[{"custom_id":"a"}]})", "requests.0.params: Field required"}};
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    Bench bench;
    Reply reply = bench.ask(Call{.path = "/v1/messages/batches", .body = row.body});
    EXPECT_EQ(reply.status, 400);
    EXPECT_NE(text_at(reply.content, "error.message").find(row.message), std::string::npos) << reply.content;
  }
}

TEST(Batches, BelongToTheirWorkspace) {
  Config config;
  config.orgs = {{.id = "org", .keys = {{"sk-1", "a"}, {"sk-2", "b"}}}};
  Bench bench(config);
  Call made = create(item("x"));
  made.key = "sk-1";
  std::string id = text_at(bench.ask(made).content, "id");
  Call mine = get(id), theirs = get(id);
  mine.key = "sk-1";
  theirs.key = "sk-2";
  EXPECT_EQ(bench.ask(mine).status, 200);
  EXPECT_EQ(bench.ask(theirs).status, 404);
  Call list{.method = "GET", .path = "/v1/messages/batches", .key = "sk-2"};
  EXPECT_EQ(at_path(bench.ask(list).content, "data"), "[]");
}

TEST(Batches, EndedOnesMakeRoomForNewOnes) {
  Config config;
  config.stored_bytes_max = 3'000;
  Bench bench(config);
  std::string first = text_at(bench.ask(create(item("a"))).content, "id");
  EXPECT_EQ(bench.ask(create(item("b"))).status, 200);
  EXPECT_EQ(bench.ask(create(item("c"))).status, 403);  // nothing has ended yet
  bench.now = bench.now + std::chrono::seconds(5);
  EXPECT_EQ(bench.ask(create(item("c"))).status, 200);
  EXPECT_EQ(bench.ask(get(first)).status, 404);
}

}  // namespace
}  // namespace baton::sim
