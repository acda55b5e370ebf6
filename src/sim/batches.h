// Batches: message batches from creation to their results. They end a set time after creation, sooner when canceled.
// Life: one per simulator. Thread: one at a time; a results source lives on by itself. Bounds: bodies are charged to
// the shared storage budget; when that is full the oldest ended batches make room. Source: the vendor's Message Batches
// reference and SDK types (read 2026-11).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_budget.h"
#include "base/units.h"
#include "sim/api_error.h"
#include "sim/params.h"
#include "sim/source.h"
#include "sim/storage.h"

namespace baton::sim {

inline constexpr size_t kBatchRequestsMax = 100'000;

struct BatchSettings {
  Duration duration = std::chrono::seconds(5);
  uint64_t seed = 1;
  uint32_t output_tokens = 40;
};

// Who asks and when.
struct BatchCall {
  std::string_view owner;   // organization and workspace
  std::string_view origin;  // "http://127.0.0.1:8787": where results_url points
  Instant now;
  WallTime wall;
};

class Batches {
 public:
  Batches(const BatchSettings& settings, ByteBudget& storage);
  ~Batches();
  Batches(const Batches&) = delete;
  Batches& operator=(const Batches&) = delete;

  // `body` is valid JSON, `fields` its top level. Success: the MessageBatch. 400; 403 when the storage is full.
  Answered<std::string> create(const BatchCall& call, std::string_view id, const Fields& fields, ApiVersion version);
  // 404 for another workspace's.
  Answered<std::string> get(const BatchCall& call, std::string_view id) const;
  Answered<std::string> list(const BatchCall& call, std::string_view query) const;
  Answered<std::string> cancel(const BatchCall& call, std::string_view id);
  // 400 before the end.
  Answered<std::string> remove(const BatchCall& call, std::string_view id);
  // One line a piece, in scrambled order. 400 before the end.
  Answered<std::unique_ptr<Source>> results(const BatchCall& call, std::string_view id) const;
  // Gives back at least `bytes` of storage if ended batches hold so much.
  void make_room(size_t bytes, Instant now);

 private:
  struct Work;
  struct Batch;
  class Results;
  Batch* find(const BatchCall& call, std::string_view id) const;
  void append(std::string& out, const Batch& batch, const BatchCall& call) const;
  void drop(size_t index);

  BatchSettings settings_;
  ByteBudget& storage_;
  std::vector<std::unique_ptr<Batch>> batches_;  // oldest first
};

}  // namespace baton::sim
