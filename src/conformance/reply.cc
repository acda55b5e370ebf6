#include "conformance/reply.h"

#include "base/ascii.h"
#include "conformance/finding.h"

namespace baton::conformance {

std::vector<std::string_view> values_of(const Fields& fields, std::string_view name) {
  std::vector<std::string_view> out;
  for (const auto& [key, value] : fields) {
    if (ascii::equal_ignoring_case(key, name)) out.emplace_back(value);
  }
  return out;
}

std::vector<std::string_view> Reply::all(std::string_view name) const { return values_of(fields, name); }

std::string_view Reply::one(std::string_view name) const {
  const auto values = all(name);
  return values.empty() ? std::string_view{} : values.front();
}

std::string describe(const Reply& reply) {
  switch (reply.end) {
    case End::kNoConnection: return "no connection to the gateway: " + reply.problem;
    case End::kMalformed: return "what came is no HTTP/1.1 reply";
    case End::kTimeout:
      if (reply.status == 0) return "no answer in time";
      break;
    case End::kCut:
    case End::kReset:
      if (reply.status == 0) return "the connection closed without an answer";
      break;
    default: break;
  }
  std::string out = "status " + std::to_string(reply.status) + ", " + std::to_string(reply.body_bytes) + " bytes, ";
  out += reply.end == End::kComplete  ? "complete"
         : reply.end == End::kTimeout ? "not ended in time"
         : reply.end == End::kLeft    ? "left"
                                      : "cut";
  if (!reply.body.empty()) out += ": " + shown(reply.body);
  return out;
}

}  // namespace baton::conformance
