#include "reuse/digest.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "http/json.h"

namespace baton::reuse {
namespace {

constexpr std::array<uint8_t, 32> kSecret{1, 2, 3};

std::optional<Digest> digest(std::string_view body, std::string_view tenant = "t",
                             std::vector<std::string_view> betas = {}, std::string_view version = "2023-06-01",
                             std::string_view path = "/v1/messages") {
  Digester digester(kSecret);
  return digester.digest({.tenant = tenant, .path = path, .version = version, .betas = betas, .body = body});
}

struct Pair {
  std::string_view name, a, b;
};

TEST(Digest, one_meaning_has_one_digest) {
  const Pair kTable[] = {
      {"blanks", R"({"a":[1,2],"b":{"c":"d"}})", " { \"a\" : [ 1 ,\n2 ] ,\t\"b\" : { \"c\" : \"d\" } } "},
      {"key order", R"({"a":1,"b":2})", R"({"b":2,"a":1})"},
      {"key order deep down", R"({"a":[{"x":1,"y":{"p":1,"q":2}}]})", R"({"a":[{"y":{"q":2,"p":1},"x":1}]})"},
      {"escapes", R"({"a":"A\/é😀"})", "{\"\\u0061\":\"\\u0041/\xc3\xa9\\ud83d\\uDE00\"}"},
      {"stream", R"({"a":1,"stream":true})", R"({"a":1})"},
      {"stream false", R"({"a":1,"stream":true})", R"({"stream":false,"a":1})"},
      {"metadata", R"({"a":1,"metadata":{"user_id":"x"}})", R"({"a":1,"metadata":{"user_id":"y"}})"},
      {"diagnostics", R"({"a":1,"diagnostics":[1]})", R"({"a":1})"},
      {"an escaped name of an excluded field", R"({"a":1,"\u0073tream":true})", R"({"a":1})"},
      {"billing block",
       R"({"system":[{"type":"text","text":"x-anthropic-billing-header: cc=1; h=abc"},{"type":"text","text":"s"}]})",
       R"({"system":[{"type":"text","text":"x-anthropic-billing-header: cc=2"},{"type":"text","text":"s"}]})"},
      {"billing block or none",
       R"({"system":[{"type":"text","text":"x-anthropic-billing-header: 1"},{"type":"text","text":"s"}]})",
       R"({"system":[{"type":"text","text":"s"}]})"},
  };
  for (const Pair& row : kTable) {
    ASSERT_TRUE(digest(row.a)) << row.name;
    EXPECT_EQ(digest(row.a), digest(row.b)) << row.name;
  }
}

TEST(Digest, another_meaning_has_another) {
  const Pair kTable[] = {
      {"a value", R"({"a":1})", R"({"a":2})"},
      {"a number's spelling", R"({"a":1})", R"({"a":1.0})"},
      {"type", R"({"a":1})", R"({"a":"1"})"},
      {"null and absent", R"({"a":null})", R"({})"},
      {"true and its text", R"({"a":true})", R"({"a":"true"})"},
      {"order of elements", R"({"a":[1,2]})", R"({"a":[2,1]})"},
      {"nesting", R"({"a":[[1],2]})", R"({"a":[[1,2]]})"},
      {"empty containers", R"({"a":[]})", R"({"a":{}})"},
      {"where a text ends", R"({"a":["bc","d"]})", R"({"a":["b","cd"]})"},
      {"a key and a value", R"({"ab":"c"})", R"({"a":"bc"})"},
      {"stream deep down", R"({"a":{"stream":true}})", R"({"a":{}})"},
      {"metadata deep down", R"({"a":[{"metadata":1}]})", R"({"a":[{}]})"},
      {"case", R"({"a":"Hello"})", R"({"a":"hello"})"},
      {"a blank in a text", R"({"a":"x y"})", R"({"a":"x  y"})"},
      {"composed and not", "{\"a\":\"\xc3\xa9\"}", "{\"a\":\"e\xcc\x81\"}"},
      {"a lone surrogate and another", R"({"a":"\ud800"})", R"({"a":"\ud801"})"},
      {"billing block not first", R"({"system":[{"text":"s"},{"text":"x-anthropic-billing-header: 1"}]})",
       R"({"system":[{"text":"s"}]})"},
      {"billing text elsewhere", R"({"messages":[{"text":"x-anthropic-billing-header: 1"}]})", R"({"messages":[]})"},
      {"billing text as the whole prompt", R"({"system":"x-anthropic-billing-header: 1"})",
       R"({"system":"x-anthropic-billing-header: 2"})"},
  };
  for (const Pair& row : kTable) {
    ASSERT_TRUE(digest(row.a)) << row.name;
    ASSERT_TRUE(digest(row.b)) << row.name;
    EXPECT_NE(digest(row.a)->identity, digest(row.b)->identity) << row.name;
    EXPECT_FALSE(digest(row.a)->key == digest(row.b)->key) << row.name;
  }
}

TEST(Digest, what_is_beside_the_body_counts_too) {
  const std::string_view body = R"({"a":1})";
  const auto same = digest(body, "t", {"x", "y"});
  EXPECT_EQ(same, digest(body, "t", {"y,x"})) << "a set";
  EXPECT_EQ(same, digest(body, "t", {" y , x", "x"}));
  EXPECT_NE(same, digest(body, "t", {"x"}));
  EXPECT_NE(same, digest(body, "t", {"x,y,z"}));
  EXPECT_NE(same, digest(body, "u", {"x,y"}));
  EXPECT_NE(same, digest(body, "t", {"x,y"}, "2024-01-01"));
  EXPECT_NE(same, digest(body, "t", {"x,y"}, "2023-06-01", "/v1/messages?beta=true"));
  EXPECT_NE(digest(body, "ab", {}, "c"), digest(body, "a", {}, "bc"));
}

TEST(Digest, without_one_single_meaning_there_is_none) {
  for (std::string_view body :
       {R"({"a":1,"a":1})", R"({"x":{"a":1,"\u0061":2}})", R"([1])", R"("text")", "{", R"({"a")", R"({"a":})"}) {
    EXPECT_EQ(digest(body), std::nullopt) << body;
  }
}

TEST(Digest, the_look_up_depends_on_the_secret_and_the_proof_does_not) {
  const Question question{.tenant = "t", .path = "/", .version = "1", .betas = {}, .body = R"({"a":1})"};
  auto one = Digester(std::array<uint8_t, 32>{1}).digest(question);
  auto other = Digester(std::array<uint8_t, 32>{2}).digest(question);
  ASSERT_TRUE(one && other);
  EXPECT_FALSE(one->key == other->key);
  EXPECT_EQ(one->identity, other->identity);
}

TEST(Digest, bounds_are_reached) {
  std::string deep, close;
  for (size_t i = 0; i < kJsonDepthMax - 1; ++i) {
    deep += i % 2 == 0 ? "[" : "{\"k\":";
    close.insert(0, i % 2 == 0 ? "]" : "}");
  }
  EXPECT_TRUE(digest("{\"a\":" + deep + "1" + close + "}"));
  EXPECT_EQ(digest("{\"a\":[" + deep + "1" + close + "]}"), std::nullopt) << "one too deep";
  const std::string frame = "{\"a\":\"\"}";
  EXPECT_TRUE(digest("{\"a\":\"" + std::string(kRequestBytesMax - frame.size(), 'x') + "\"}"));
  EXPECT_EQ(digest("{\"a\":\"" + std::string(kRequestBytesMax - frame.size() + 1, 'x') + "\"}"), std::nullopt);
}

// Bodies as clients send them, varied by seed.
std::string sample(uint64_t seed) {
  const auto text = [&](const char* what) { return std::string("\"") + what + " " + std::to_string(seed) + "\""; };
  std::string body =
      "{\"model\":\"claude-sonnet-5-5\",\"max_tokens\":" + std::to_string(100 + seed) + ",\"stream\":true";
  if (seed % 2 == 0) body += ",\"metadata\":{\"user_id\":" + text("u") + "}";
  if (seed % 3 == 0) body += ",\"temperature\":0." + std::to_string(seed % 10) + ",\"top_p\":0.9,\"top_k\":5";
  if (seed % 4 == 0) body += ",\"stop_sequences\":[" + text("stop") + ",\"END\"]";
  if (seed % 5 == 0) body += ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024}";
  if (seed % 2 == 1) {
    body += ",\"system\":[{\"type\":\"text\",\"text\":\"x-anthropic-billing-header: n=" + std::to_string(seed) +
            "\"},{\"type\":\"text\",\"text\":" + text("You help") + ",\"cache_control\":{\"type\":\"ephemeral\"}}]";
  } else {
    body += ",\"system\":" + text("be brief");
  }
  if (seed % 3 == 1) {
    body += ",\"tools\":[{\"name\":\"f\",\"description\":" + text("d") +
            ",\"input_schema\":{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"number\",\"minimum\":-1.5e3}},"
            "\"required\":[\"x\"]}}],"
            "\"tool_choice\":{\"type\":\"auto\",\"disable_parallel_tool_use\":false}";
  }
  body += ",\"messages\":[{\"role\":\"user\",\"content\":" + text("Hi") +
          "},{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"f\",\"input\":{\"x\":"
          "[1,null,true]}}]},"
          "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t1\",\"content\":" +
          text("r") + "}]}]}";
  return body;
}

// What a change at `node` does: is it below a field that does not count?
bool excluded(const JsonTree& tree, const std::vector<JsonTree::Node>& way) {
  if (way.size() < 2) return false;
  std::string name;
  append_unescaped(name, tree.key(way[1]));
  if (name == "stream" || name == "metadata" || name == "diagnostics") return true;
  return name == "system" && way.size() >= 3 && tree.kind(way[1]) == JsonTree::Kind::kArray &&
         tree.first(way[1]) == way[2] &&
         tree.string(way[2], "text").value_or("").starts_with("x-anthropic-billing-header:");
}

// Calls with every value of the tree and the way to it.
template <class Do>
void each(const JsonTree& tree, std::vector<JsonTree::Node>& way, Do&& act) {
  act(way);
  for (JsonTree::Node child = tree.first(way.back()); child != 0; child = tree.next(child)) {
    way.push_back(child);
    each(tree, way, act);
    way.pop_back();
  }
}

TEST(Digest, a_change_at_any_path_of_200_requests_misses_and_one_of_what_is_excluded_hits) {
  size_t missed = 0, hit = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const std::string body = sample(seed);
    const auto original = digest(body);
    ASSERT_TRUE(original);
    JsonTree tree;
    ASSERT_TRUE(tree.parse(body));
    std::vector<JsonTree::Node> way{0};
    each(tree, way, [&](const std::vector<JsonTree::Node>& to) {
      if (to.size() == 1) return;
      const JsonTree::Node node = to.back();
      const std::string_view value = tree.text(node), key = tree.key(node);
      const auto at = static_cast<size_t>(value.data() - body.data());
      std::vector<std::string> changed;
      const auto with = [&](std::string_view text) {
        changed.push_back(std::string(body).replace(at, value.size(), text));
      };
      with("\"something else\"");
      with("[" + std::string(value) + "]");
      with("null");
      if (value.front() == '"') with(std::string(value.substr(0, value.size() - 1)) + " \"");
      if (!key.empty()) {
        const auto key_at = static_cast<size_t>(key.data() - body.data());
        // Only of nested members: a renamed excluded field is no longer excluded.
        if (to.size() > 2) changed.push_back(std::string(body).insert(key_at + 1, "z"));
      }
      for (const std::string& other : changed) {
        if (other.substr(at, value.size()) == value && other.size() == body.size()) continue;
        // The billing block counts once its text no longer says what it is.
        const bool was_billing = excluded(tree, to) && tree.key(to[1]) == "\"system\"";
        if (was_billing) continue;
        const auto found = digest(other);
        ASSERT_TRUE(found) << other;
        if (excluded(tree, to)) {
          EXPECT_EQ(found, original) << other;
          ++hit;
        } else {
          EXPECT_NE(found->identity, original->identity) << body << "\n" << other;
          EXPECT_FALSE(found->key == original->key);
          ++missed;
        }
      }
    });
  }
  EXPECT_GT(missed, 10'000u);
  EXPECT_GT(hit, 500u);
}

}  // namespace
}  // namespace baton::reuse
