// Bodies and events like those that pass a relay, made the same way in every run.
#pragma once

#include <string>
#include <string_view>

#include "http/json.h"

namespace baton::bench {

// What a coding assistant sends: prose with escaped line ends, code, quotes and some characters beyond ASCII.
inline std::string prose(size_t bytes) {
  static constexpr std::string_view kText =
      "You are working in a repository of several hundred files. Read the file before changing it.\n\n"
      "```cpp\nif (auto found = table.find(\"key\"); found != table.end()) {\n\treturn found->second;\n}\n```\n"
      "- Use the search tool to locate definitions; prefer it over reading whole folders.\n"
      "- Antworten Sie kurz; \xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E is fine too.\n";
  std::string out;
  while (out.size() < bytes) out.append(kText);
  size_t end = bytes;
  while (end < out.size() && (static_cast<unsigned char>(out[end]) & 0xc0) == 0x80) ++end;
  out.resize(end);
  return out;
}

// One user message of about `bytes`.
inline std::string small_body(size_t bytes) {
  std::string body =
      R"({"model":"claude-sonnet-5-5","max_tokens":1024,"stream":true,"metadata":{"user_id":"u-1"},"messages":[)";
  body += R"({"role":"user","content":[{"type":"text","text":)";
  http::append_json_string(body, prose(bytes > 250 ? bytes - 250 : 1));
  body += R"(}]}],"system":"Be brief.","temperature":0.5,"stop_sequences":["END"]})";
  return body;
}

// The shape of a coding assistant's first turn, about `bytes`: a long system prompt, tools with schemas, one short
// message.
inline std::string assistant_body(size_t bytes) {
  std::string tools;
  for (int i = 0; tools.size() < bytes * 6 / 10; ++i) {
    if (i > 0) tools += ',';
    tools += R"({"name":"tool_)" + std::to_string(i) + R"(","description":)";
    http::append_json_string(tools, prose(1800));
    tools += R"(,"input_schema":{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","properties":{)";
    for (int j = 0; j < 6; ++j) {
      if (j > 0) tools += ',';
      tools += "\"argument_" + std::to_string(j) + R"(":{"type":"string","minLength":1,"description":)";
      http::append_json_string(tools, prose(90));
      tools += '}';
    }
    tools += R"(},"required":["argument_0","argument_1"],"additionalProperties":false}})";
  }
  std::string body = R"({"model":"claude-opus-5-5","messages":[{"role":"user","content":[{"type":"text","text":)";
  http::append_json_string(body, prose(bytes / 10));
  body +=
      R"(},{"type":"text","text":"hello","cache_control":{"type":"ephemeral"}}]}],"system":[{"type":"text","text":)";
  http::append_json_string(body, prose(bytes / 4));
  body += R"(,"cache_control":{"type":"ephemeral"}}],"tools":[)" + tools;
  body += R"(],"metadata":{"user_id":"{\"device_id\":\"0123\",\"session_id\":\"4567\"}"},"max_tokens":128000,)";
  body += R"("thinking":{"type":"adaptive","display":"omitted"},"output_config":{"effort":"medium"},"stream":true})";
  return body;
}

}  // namespace baton::bench
