// read_lines: what Baton's readers make of bytes, for a comparison with other people's
// (tests/system/differential_test.py). Each line of standard input is "requests HEX", or "events N HEX" for an event
// stream that comes in pieces of N bytes (0: whole); each line of standard output is what was read, as JSON with every
// text in hexadecimal.
#include <cstdio>
#include <iostream>
#include <string>
#include <string_view>

#include "base/ascii.h"
#include "http/chunked.h"
#include "http/http1.h"
#include "http/sse.h"

namespace {

using namespace baton;

std::string unhex(std::string_view text) {
  const auto digit = [](char c) -> unsigned { return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10); };
  std::string out;
  for (size_t i = 0; i + 1 < text.size(); i += 2) out += static_cast<char>(digit(text[i]) << 4 | digit(text[i + 1]));
  return out;
}

std::string quoted(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out = "\"";
  for (char c : bytes) {
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[c & 15];
  }
  return out + "\"";
}

// Takes the body from the front of `bytes`. False: it is not whole, or no body.
bool read_body(const http::RequestHead& head, std::string_view& bytes, std::string& body) {
  if (head.framing == http::Framing::kNone) return true;
  if (head.framing == http::Framing::kLength) {
    if (bytes.size() < head.content_length) return false;
    body = bytes.substr(0, head.content_length);
    bytes.remove_prefix(head.content_length);
    return true;
  }
  http::ChunkedDecoder decoder;
  while (!decoder.done()) {
    if (bytes.empty()) return false;
    const auto step = decoder.step(bytes);
    if (step.error) return false;
    body.append(step.data);
    bytes.remove_prefix(step.consumed);
  }
  return true;
}

// All requests, up to the first that is refused or not whole, or after which the connection ends.
std::string requests(std::string_view bytes) {
  std::string out = "[";
  while (!bytes.empty()) {
    http::RequestHead head;
    http::HeadError error{};
    size_t scanned = 0;
    if (http::parse_request(bytes, scanned, {}, head, error) != http::ParseStatus::kDone) break;
    std::string_view rest = bytes.substr(head.bytes);
    std::string body;
    if (!read_body(head, rest, body)) break;
    if (out.size() > 1) out += ",";
    out += "{\"method\":" + quoted(head.method_text) + ",\"target\":" + quoted(head.target) + ",\"fields\":[";
    for (size_t i = 0; i < head.fields.size(); ++i)
      out += (i > 0 ? ",[" : "[") + quoted(head.fields[i].name) + "," + quoted(head.fields[i].value) + "]";
    out += "],\"body\":" + quoted(body) + "}";
    bytes = rest;
    if (!head.keep_alive) break;
  }
  return out + "]";
}

std::string events(std::string_view bytes, size_t piece) {
  http::SseScanner scanner;
  std::string out = "[";
  while (!bytes.empty()) {
    const std::string part(bytes.substr(0, piece == 0 ? bytes.size() : piece));
    bytes.remove_prefix(part.size());
    scanner.feed(part, [&](const http::SseEvent& event) {
      out += (out.size() > 1 ? ",[" : "[") + quoted(event.name) + "," + quoted(event.data) + "]";
    });
  }
  return out + "]";
}

}  // namespace

int main() {
  std::ios::sync_with_stdio(false);
  for (std::string line; std::getline(std::cin, line);) {
    const std::string_view text = line;
    if (text.starts_with("requests ")) {
      std::cout << requests(unhex(text.substr(9))) << "\n";
    } else if (text.starts_with("events ")) {
      const size_t blank = text.find(' ', 7);
      const auto piece = ascii::decimal(text.substr(7, blank - 7));
      if (blank == text.npos || !piece) return 2;
      std::cout << events(unhex(text.substr(blank + 1)), *piece) << "\n";
    } else {
      return 2;
    }
  }
  return 0;
}
