#include "tests/simulation/checks.h"

#include "base/ascii.h"
#include "dialect/error_reply.h"
#include "http/http1.h"
#include "http/json.h"
#include "net/body_reader.h"

namespace baton::simulation {

std::string UpstreamReply::field(std::string_view lower_name) const {
  std::string wanted = "\r\n" + std::string(lower_name) + ": ";
  size_t at = head.find(wanted);
  if (at == std::string::npos) return {};
  at += wanted.size();
  return head.substr(at, head.find("\r\n", at) - at);
}

std::vector<UpstreamReply> read_replies(std::string_view written) {
  std::vector<UpstreamReply> replies;
  while (!written.empty()) {
    http::ResponseHead head;
    http::HeadError error;
    size_t scanned = 0;
    static constexpr http::HeadLimits kLimits{
        .total_bytes_max = 1 << 30, .field_bytes_max = 1 << 30, .fields_max = 1 << 20};
    if (http::parse_response(written, scanned, kLimits, false, head, error) != http::ParseStatus::kDone) break;
    std::string rest(written.substr(head.bytes));
    if (head.status < 200) {
      written.remove_prefix(head.bytes);
      continue;
    }
    UpstreamReply& reply = replies.emplace_back();
    reply.status = head.status;
    reply.head = written.substr(0, head.bytes);
    // In small pieces, so that what stands before a place where the framing breaks is kept.
    net::BodyReader body(head.framing, head.content_length);
    size_t at = 0;
    while (!body.done() && at < rest.size()) {
      std::string piece = rest.substr(at, 1);
      at += 1;
      auto result = body.decode({piece.data(), piece.size()});
      if (result.status == net::BodyReader::Status::kMalformed) return replies;
      reply.content.append(result.data);
    }
    reply.whole = body.done();
    written.remove_prefix(head.bytes + at);
  }
  return replies;
}

namespace {

bool is_own_error_event(std::string_view text) {
  static constexpr std::string_view kBegin = "event: error\ndata: ";
  if (!text.starts_with(kBegin) || !text.ends_with("\n\n")) return false;
  std::string data(text.substr(kBegin.size(), text.size() - kBegin.size() - 2));
  if (data.find('\n') != std::string::npos || data.find("\"request_id\":\"brq_") == std::string::npos) return false;
  data.reserve(data.size() + http::kJsonPadding);
  http::JsonScanner scanner;
  return scanner.scan_object(data).has_value();
}

// Whether an event may begin behind this text.
bool ends_between_events(std::string_view text) {
  for (std::string_view end : {"\n\n", "\r\n\r\n", "\r\r", "\n\r", "\n\r\n"}) {
    if (text.ends_with(end)) return true;
  }
  // Behind a comment line an event may begin as well.
  size_t line = text.find_last_of('\n', text.empty() ? 0 : text.size() - 2);
  return text.empty() ||
         (text.ends_with('\n') && text.substr(line == std::string_view::npos ? 0 : line + 1).starts_with(':'));
}

}  // namespace

Comparison compare(std::string_view client, std::string_view upstream) {
  Comparison result;
  std::string_view ping = dialect::kPingEvent;
  size_t at = 0;
  while (at < client.size()) {
    std::string_view here = client.substr(at);
    std::string_view there = upstream.substr(result.forwarded_bytes);
    if (here.starts_with("event: error") && is_own_error_event(here)) {
      // The upstream may have written an error event too, here, that did not come.
      result.error_event = result.fits = ends_between_events(upstream.substr(0, result.forwarded_bytes));
      return result;
    }
    if (here.starts_with(ping) && !there.starts_with(ping)) {
      if (!ends_between_events(upstream.substr(0, result.forwarded_bytes))) result.pings_stand_between_events = false;
      ++result.pings;
      at += ping.size();
    } else if (!there.empty() && here[0] == there[0]) {
      ++at;
      ++result.forwarded_bytes;
    } else {
      return result;
    }
  }
  result.fits = true;
  return result;
}

model::Usage usage_in(std::string_view content) {
  model::Usage usage;
  auto last = [&](std::string_view name, int64_t& into) {
    std::string wanted = "\"" + std::string(name) + "\":";
    size_t at = content.rfind(wanted);
    if (at == std::string_view::npos) return;
    size_t begin = at + wanted.size();
    size_t end = content.find_first_not_of("0123456789", begin);
    if (auto number = ascii::decimal(content.substr(begin, end - begin))) {
      into = static_cast<int64_t>(*number);
      usage.known = true;
    }
  };
  last("input_tokens", usage.input_tokens);
  last("output_tokens", usage.output_tokens);
  last("cache_creation_input_tokens", usage.cache_creation_input_tokens);
  last("cache_read_input_tokens", usage.cache_read_input_tokens);
  return usage;
}

}  // namespace baton::simulation
