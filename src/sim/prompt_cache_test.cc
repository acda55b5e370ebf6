#include "sim/prompt_cache.h"

#include <gtest/gtest.h>

#include "sim/testing.h"

namespace baton::sim {
namespace {

using namespace testing;

constexpr std::string_view kShort = R"(,"cache_control":{"type":"ephemeral"})";
constexpr std::string_view kLong = R"(,"cache_control":{"type":"ephemeral","ttl":"1h"})";

// A text block of `tokens` tokens whose content begins with `name`.
std::string block(std::string_view name, size_t tokens, std::string_view control = "") {
  std::string text(name);
  text.resize(tokens * 4, '.');
  return R"({"type":"text","text":")" + text + "\"" + std::string(control) + "}";
}

struct Shape {
  std::string model = "claude-sonnet-5-5";
  std::string tools = {};
  std::string system = {};
  std::string messages = R"([{"role":"user","content":"x"}])";  // 3 + 1 tokens
  std::string more = {};
};
std::string body(const Shape& shape) {
  std::string out = R"({"model":")" + shape.model + R"(","max_tokens":5,"messages":)" + shape.messages;
  if (!shape.tools.empty()) out += R"(,"tools":[)" + shape.tools + "]";
  if (!shape.system.empty()) out += R"(,"system":[)" + shape.system + "]";
  return out + shape.more + "}";
}

// uncached / read / written 5m / written 1h
std::string usage(Bench& bench, const Shape& shape, std::string key = "sk-a",
                  std::string_view control = "first_token=0;per_token=0") {
  Reply reply = bench.ask(Call{.body = body(shape), .key = std::move(key), .control = std::string(control)});
  if (reply.status != 200) return reply.content;
  auto number = [&](std::string_view path) {
    return std::to_string(number_at(reply.content, "usage." + std::string(path)));
  };
  EXPECT_EQ(number_at(reply.content, "usage.cache_creation_input_tokens"),
            number_at(reply.content, "usage.cache_creation.ephemeral_5m_input_tokens") +
                number_at(reply.content, "usage.cache_creation.ephemeral_1h_input_tokens"));
  return number("input_tokens") + "/" + number("cache_read_input_tokens") + "/" +
         number("cache_creation.ephemeral_5m_input_tokens") + "/" + number("cache_creation.ephemeral_1h_input_tokens");
}

TEST(PromptCache, WritesOnceAndReadsAfterwards) {
  Bench bench;
  Shape shape{.system = block("s", 2'000, kShort)};
  EXPECT_EQ(usage(bench, shape), "4/0/2000/0");
  EXPECT_EQ(usage(bench, shape), "4/2000/0/0");
}

TEST(PromptCache, ShortPrefixesAreSilentlyNotCached) {
  struct Row {
    std::string model;
    size_t tokens;
    bool cached;
  };
  const Row rows[] = {{"claude-opus-5", 511, false},      {"claude-opus-5", 512, true},
                      {"claude-fable-5-1", 512, true},    {"claude-sonnet-5-5", 1'023, false},
                      {"claude-sonnet-5-5", 1'024, true}, {"claude-haiku-4-5", 1'023, false},
                      {"claude-haiku-4-5", 1'024, true}};
  for (const Row& row : rows) {
    SCOPED_TRACE(row.model + " " + std::to_string(row.tokens));
    Bench bench;
    Shape shape{.model = row.model, .system = block("s", row.tokens, kShort)};
    std::string tokens = std::to_string(row.tokens);
    EXPECT_EQ(usage(bench, shape), row.cached ? "4/0/" + tokens + "/0" : std::to_string(row.tokens + 4) + "/0/0/0");
    EXPECT_EQ(usage(bench, shape), row.cached ? "4/" + tokens + "/0/0" : std::to_string(row.tokens + 4) + "/0/0/0");
  }
}

TEST(PromptCache, EachSegmentIsWrittenWithItsBreakpointsTtl) {
  Bench bench;
  Shape shape{.system = block("a", 2'000, kLong) + "," + block("b", 1'000) + "," + block("c", 500, kShort)};
  EXPECT_EQ(usage(bench, shape), "4/0/1500/2000");
  EXPECT_EQ(usage(bench, shape), "4/3500/0/0");
  bench.now = bench.now + std::chrono::minutes(6);
  EXPECT_EQ(usage(bench, shape), "4/2000/1500/0");  // the 5 minutes are over, the hour is not
}

TEST(PromptCache, EntriesLiveForTheirTtlAfterTheLastUse) {
  struct Row {
    std::string_view control;
    Duration life;
    std::string written;
  };
  const Row rows[] = {{kShort, std::chrono::minutes(5), "4/0/2000/0"}, {kLong, std::chrono::hours(1), "4/0/0/2000"}};
  for (const Row& row : rows) {
    Bench bench;
    Shape shape{.system = block("s", 2'000, row.control)};
    EXPECT_EQ(usage(bench, shape), row.written);
    for (int i = 0; i < 3; ++i) {
      bench.now = bench.now + row.life - std::chrono::milliseconds(1);
      EXPECT_EQ(usage(bench, shape), "4/2000/0/0");
    }
    bench.now = bench.now + row.life;
    EXPECT_EQ(usage(bench, shape), row.written);
  }
}

TEST(PromptCache, AnEntryCanBeReadOnceTheAnswerThatWroteItHasBegun) {
  Bench bench;
  Shape shape{.system = block("s", 2'000, kShort)};
  EXPECT_EQ(usage(bench, shape, "sk-a", "first_token=1000;per_token=0"), "4/0/2000/0");
  bench.now = bench.now + std::chrono::milliseconds(999);
  EXPECT_EQ(usage(bench, shape, "sk-a", "first_token=1000;per_token=0"), "4/0/2000/0");  // a twin pays too
  bench.now = bench.now + std::chrono::milliseconds(1);
  EXPECT_EQ(usage(bench, shape), "4/2000/0/0");
  // A stream begins with its head, long before its first token.
  Bench streamed;
  shape.more = R"(,"stream":true)";
  streamed.ask(Call{.body = body(shape), .control = "first_token=60s"});
  shape.more = "";
  EXPECT_EQ(usage(streamed, shape), "4/2000/0/0");
}

TEST(PromptCache, WorkspacesAndModelsDoNotShare) {
  Config config;
  config.orgs = {{.id = "a", .keys = {{"sk-1", "default"}, {"sk-2", "default"}, {"sk-3", "other"}}},
                 {.id = "b", .keys = {{"sk-4", "default"}}}};
  Bench bench(config);
  Shape shape{.system = block("s", 2'000, kShort)};
  EXPECT_EQ(usage(bench, shape, "sk-1"), "4/0/2000/0");
  EXPECT_EQ(usage(bench, shape, "sk-2"), "4/2000/0/0");
  EXPECT_EQ(usage(bench, shape, "sk-3"), "4/0/2000/0");
  EXPECT_EQ(usage(bench, shape, "sk-4"), "4/0/2000/0");
  shape.model = "claude-opus-5";
  EXPECT_EQ(usage(bench, shape, "sk-1"), "4/0/2000/0");
}

TEST(PromptCache, AChangeInvalidatesWhatComesBehindIt) {
  std::string tool = R"({"name":"t","description":")" + std::string(8'000, 't') + "\"";
  std::string system = block("s", 1'000, kShort);
  std::string user = R"([{"role":"user","content":[)" + block("u", 1'000, kShort) + "]}]";
  Shape base{.tools = tool + std::string(kShort) + "}", .system = system, .messages = user};
  struct Row {
    std::string name;
    Shape changed;
    std::string want;
  };
  Shape other_tool = base, other_system = base, other_user = base, choice = base, thinking = base, image = base;
  other_tool.tools = R"({"name":"T","description":")" + std::string(8'000, 't') + "\"" + std::string(kShort) + "}";
  other_system.system = block("S", 1'000, kShort);
  other_user.messages = R"([{"role":"user","content":[)" + block("U", 1'000, kShort) + "]}]";
  choice.more = R"(,"tool_choice":{"type":"none"})";
  thinking.more = R"(,"thinking":{"type":"adaptive"})";
  image.messages = R"([{"role":"user","content":[)" + block("u", 1'000, kShort) +
                   R"(,{"type":"image","source":{"type":"url","url":"https://x"}}]}])";
  const Row rows[] = {
      {"nothing", base, "0/4011/0/0"},
      {"tools: everything", other_tool, "0/0/4011/0"},
      {"system: not the tools", other_system, "0/2008/2003/0"},
      {"messages: not tools and system", other_user, "0/3008/1003/0"},
      {"tool_choice: the messages", choice, "0/3008/1003/0"},
      {"thinking: the messages", thinking, "0/3008/1003/0"},
      {"an image: the messages", image, "1500/3008/1003/0"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    Bench bench;
    EXPECT_EQ(usage(bench, base), "0/0/4011/0");
    EXPECT_EQ(usage(bench, row.changed), row.want);
  }
}

// Claude Code moves its last breakpoint forward and turns the former carrier's blocks into a plain string.
TEST(PromptCache, AConversationReadsWhatItsLastTurnWrote) {
  Bench bench;
  std::string text(4'000, 'u');
  Shape first{.messages =
                  R"([{"role":"user","content":[{"type":"text","text":")" + text + "\"" + std::string(kShort) + "}]}]"};
  EXPECT_EQ(usage(bench, first), "1003/0/0/0");  // below the minimum
  text.resize(8'000, 'u');
  first.messages = R"([{"role":"user","content":[{"type":"text","text":")" + text + "\"" + std::string(kShort) + "}]}]";
  EXPECT_EQ(usage(bench, first), "0/0/2003/0");
  Shape second{.messages = R"([{"role":"user","content":")" + text +
                           R"("},{"role":"assistant","content":"answered"},{"role":"user","content":[)" +
                           block("next", 100, kShort) + "]}]"};
  EXPECT_EQ(usage(bench, second), "0/2003/108/0");
}

TEST(PromptCache, LooksBackTwentyBlocks) {
  for (size_t more : {19u, 20u}) {
    SCOPED_TRACE(more);
    Bench bench;
    Shape shape{.system = block("s", 2'000, kShort)};
    EXPECT_EQ(usage(bench, shape), "4/0/2000/0");
    shape.system = block("s", 2'000);
    for (size_t i = 0; i < more; ++i)
      shape.system += "," + block("n" + std::to_string(i), 10, i + 1 == more ? kShort : "");
    std::string added = std::to_string(10 * more);
    EXPECT_EQ(usage(bench, shape),
              more < kLookbackBlocks ? "4/2000/" + added + "/0" : "4/0/" + std::to_string(2'000 + 10 * more) + "/0");
  }
}

TEST(PromptCache, TopLevelCacheControlMarksTheLastBlock) {
  Bench bench;
  Shape shape{.system = block("s", 2'000), .more = std::string(kShort)};
  EXPECT_EQ(usage(bench, shape), "0/0/2004/0");
  EXPECT_EQ(usage(bench, shape), "0/2004/0/0");
}

TEST(PromptCache, BlanksAndEscapesInTheJsonDoNotMatter) {
  Bench bench;
  std::string description(8'000, 't');
  Shape compact{.tools = R"({"name":"t","description":")" + description + R"(","input_schema":{"a":[1,2]})" +
                         std::string(kShort) + "}",
                .system = R"({"type":"text","text":"a你"})"};
  Shape spaced{.tools = R"({ "name" : "t",
     "description":")" + description +
                        R"(", "input_schema": {"a": [1, 2]})" + std::string(kShort) + "}",
               .system = R"({"type":"text","text":"\u0061\u4f60"})"};
  std::string first = usage(bench, compact);
  EXPECT_TRUE(first.starts_with("5/0/20")) << first;
  EXPECT_TRUE(usage(bench, spaced).starts_with("5/20"));
}

TEST(PromptCache, EntriesAreBounded) {
  PromptCache cache({.entries_max = 10});
  const Model& model = *find_model("claude-opus-5");
  auto prompt = [](uint64_t name) {
    Prompt out;
    out.cached = true;
    out.units = {{.hash = name, .tokens = 1'000, .breakpoint = Ttl::k5m}};
    out.tokens = 1'000;
    out.message_units_from = 1;
    return out;
  };
  Instant now{1'000'000'000};
  for (uint64_t i = 1; i <= 11; ++i) {
    Prompt one = prompt(i);
    cache.use({one, "w", model, now, now});
    EXPECT_LE(cache.size(), 10u);
  }
  Prompt oldest = prompt(1), newest = prompt(11);
  EXPECT_EQ(cache.foresee({oldest, "w", model, now, now}).read, 0u);
  EXPECT_EQ(cache.foresee({newest, "w", model, now, now}).read, 1'000u);
}

}  // namespace
}  // namespace baton::sim
