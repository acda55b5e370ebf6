// What enters the simulated API and what leaves it, without a connection.
// Life: a Request borrows everything for the call that takes it; a Reply owns what it holds. Thread: any.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/units.h"
#include "sim/control.h"
#include "sim/prompt_cache.h"
#include "sim/source.h"

namespace baton::sim {

struct Request {
  std::string_view method;  // "POST"
  std::string_view path;
  std::string_view query;  // with its '?', or empty
  std::string_view body;   // as sent; http::kJsonPadding readable bytes follow it
  // Fields, empty when absent.
  std::string_view x_api_key = {};
  std::string_view authorization = {};
  std::string_view version = {};
  std::string_view content_type = {};
  std::string_view content_encoding = {};
  std::string_view host = {};
  std::string_view control = {};  // baton-sim
  std::string_view scheme = "http";
  Instant now;
  WallTime wall;
};

// Whom a reply is booked on, given back with what became of it.
struct Receipt {
  uint64_t key = 0;  // of the books; 0: nobody
  size_t org = 0;
  bool message = false;        // a Messages call that was admitted
  uint64_t output_tokens = 0;  // of the whole answer
};

struct Reply {
  int status = 200;
  std::string fields;   // whole lines
  std::string content;  // all of it, when there is no source
  std::unique_ptr<Source> source;
  bool stream = false;  // the source's pieces are events
  int64_t length = -1;  // of what the source gives, when known
  Duration ready{0};    // before the head may leave
  Control control;
  std::string request_id;
  Receipt receipt;
};

}  // namespace baton::sim
