// Simulator: a stand-in for the Claude API, without connections. A request and the time go in, a reply comes out; all
// chance comes from Config::seed and the order of requests. Life: one per process, outlives every loop that serves it.
// Thread: any; state is behind one lock, held for microseconds (longer only while a batch is checked). Bounds: prompt
// cache entries, book keys, stored bytes; everything else lives as long as its reply. Source: docs of the vendor's API
// (read 2026-11); each part names its page.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "http/json.h"
#include "sim/access.h"
#include "sim/batches.h"
#include "sim/books.h"
#include "sim/config.h"
#include "sim/files.h"
#include "sim/limiter.h"
#include "sim/prompt_cache.h"
#include "sim/request.h"

namespace baton::sim {

class Simulator {
 public:
  explicit Simulator(Config config);
  Simulator(const Simulator&) = delete;
  Simulator& operator=(const Simulator&) = delete;

  // The reply to one request; never fails. `scanner` is the calling thread's. Every reply must be closed by finish().
  Reply answer(const Request& request, http::JsonScanner& scanner);
  struct Delivered {
    uint64_t output_tokens = 0;  // that were sent
    bool complete = false;       // the reply reached its proper end
  };
  void finish(const Receipt& receipt, const Delivered& delivered, Instant now);

  // How large a body this path takes: the vendor's limits, files also no more than may be stored.
  size_t body_bytes_max(std::string_view path) const;
  // A new request id, for replies that the simulator itself does not make.
  std::string next_request_id();

  // What was served: all together, and by the key that was sent.
  Account books() const;
  Account books(std::string_view key) const;
  std::string books_json() const;

 private:
  // One request on its way.
  struct Turn {
    const Request& request;
    http::JsonScanner& scanner;
    uint64_t key = 0;  // of everything that is drawn for it
    std::string_view credential;
    Control control;
    const Caller* caller = nullptr;
    ApiVersion version = ApiVersion::k20230601;
    std::string decoded;  // body, when it came encoded
    std::string_view body;
  };

  Answered<Reply> route(Turn& turn);
  Answered<void> admit(Turn& turn);  // credential and version
  Answered<Fields> read_json(Turn& turn, size_t bytes_max);
  Answered<Reply> messages(Turn& turn);
  Answered<Reply> count_tokens(Turn& turn);
  Answered<Reply> models(Turn& turn);
  Answered<Reply> batches(Turn& turn);
  Answered<Reply> files(Turn& turn);
  Reply refuse(const Turn& turn, const ApiError& error) const;
  static Reply json(std::string content);
  void complete(const Turn& turn, Reply& reply) const;  // the fields that every reply carries

  const Config config_;
  const Access access_;
  std::atomic<uint64_t> order_{0};
  mutable std::mutex mutex_;
  std::vector<Limiter> limiters_;  // by organization
  PromptCache cache_;
  Books books_;
  ByteBudget storage_;
  Batches batches_;
  Files files_;
};

}  // namespace baton::sim
