// Signed requests: whatever head comes, its signature fields are read or refused; what is signed tells two requests
// apart that differ in anything that it binds.
#include <chrono>
#include <cstdint>
#include <string>

#include "auth/signature.h"
#include "base/check.h"
#include "http/http1.h"

namespace {

using namespace baton;

constexpr std::string_view kRest = "host: a.example\r\n\r\n";

struct Read {
  http::RequestHead head;
  bool parsed = false;
};

void parse(std::string_view bytes, Read& out) {
  size_t scanned = 0;
  http::HeadError error{};
  out.parsed = http::parse_request(bytes, scanned, {}, out.head, error) == http::ParseStatus::kDone;
}

}  // namespace

// The input is the lines of a head behind a good request line.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string lines(reinterpret_cast<const char*>(data), size);
  const std::string text = "POST /v1/messages?x=1 HTTP/1.1\r\n" + lines + std::string(kRest);
  Read read;
  parse(text, read);
  if (!read.parsed) return 0;
  const bool any = auth::is_signed(read.head);
  const WallTime now{std::chrono::sys_days{std::chrono::year{2026} / 11 / 24}};
  auto fields = auth::read_signature(read.head, now);
  if (!fields) {
    BATON_CHECK(!fields.error().detail.empty());
    return 0;
  }
  BATON_CHECK(any);
  BATON_CHECK(fields->signature.size() == 64 && (fields->legacy() || fields->body.size() == 64));
  BATON_CHECK(fields->time - now <= std::chrono::seconds(300) && now - fields->time <= std::chrono::seconds(300));
  const std::string signed_text = auth::signed_text(read.head, *fields);
  BATON_CHECK(!auth::fits(Secret(std::string(64, 'k')), signed_text, std::string(64, '0')));
  if (fields->legacy()) return 0;
  // Another method, path or query is another text.
  for (std::string_view line :
       {"PUT /v1/messages?x=1", "POST /v1/message?x=1", "POST /v1/messages?x=2", "POST /v1/messages"}) {
    const std::string other_text = std::string(line) + " HTTP/1.1\r\n" + lines + std::string(kRest);
    Read other;
    parse(other_text, other);
    if (!other.parsed) continue;
    auto other_fields = auth::read_signature(other.head, now);
    BATON_CHECK(other_fields.has_value());
    BATON_CHECK(auth::signed_text(other.head, *other_fields) != signed_text);
  }
  return 0;
}
