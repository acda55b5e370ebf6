// Request heads: the same verdict however they are cut, one reading of what was taken.
#include <cstddef>
#include <cstdint>

#include "http1_check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace baton;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto parse = [](std::string_view text, size_t& scanned, const http::HeadLimits& limits) {
    http::RequestHead head;
    fuzz::Verdict verdict;
    verdict.status = http::parse_request(text, scanned, limits, head, verdict.error);
    if (verdict.status != http::ParseStatus::kDone) return verdict;
    fuzz::check_taken(head, text, limits);
    BATON_CHECK(head.target.size() <= limits.target_bytes_max && head.method != http::Method::kOther);
    BATON_CHECK(head.path.starts_with('/') || (head.path == "*" && head.method == http::Method::kOptions));
    BATON_CHECK(head.query.empty() || head.query.starts_with('?'));
    BATON_CHECK(head.version_minor == 0 || !head.host.empty());
    for (std::string_view part : {head.method_text, head.target, head.path, head.query, head.host}) {
      for (char c : part) BATON_CHECK(c > 0x20 && c < 0x7f);
      verdict.text.append(part).append("|");
    }
    if (head.expect_continue) verdict.text.append("expect ");
    fuzz::write_out(head, verdict.text);
    verdict.bytes = head.bytes;
    return verdict;
  };
  fuzz::check_every_cut(bytes, {}, parse);
  fuzz::check_every_cut(bytes, fuzz::kSmallLimits, parse);
  return 0;
}
