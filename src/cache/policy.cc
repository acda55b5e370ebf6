#include "cache/policy.h"

#include "cache/lru.h"
#include "cache/s3fifo.h"
#include "cache/tinylfu.h"

namespace baton::cache {

std::string_view name(PolicyKind kind) {
  switch (kind) {
    case PolicyKind::kValue: return "value";
    case PolicyKind::kS3Fifo: return "s3fifo";
    case PolicyKind::kTinyLfu: return "tinylfu";
    case PolicyKind::kLru: return "lru";
  }
  return "unknown";
}

std::optional<PolicyKind> parse_policy(std::string_view text) {
  for (PolicyKind kind : {PolicyKind::kValue, PolicyKind::kS3Fifo, PolicyKind::kTinyLfu, PolicyKind::kLru}) {
    if (text == name(kind)) return kind;
  }
  return std::nullopt;
}

std::unique_ptr<Policy> make_policy(PolicyKind kind, const PolicyOptions& options) {
  switch (kind) {
    case PolicyKind::kValue:
      return std::make_unique<S3Fifo>(S3Fifo::Options{.bytes_max = options.bytes_max,
                                                      .ghost_keys_max = options.entries_expected,
                                                      .uses_to_stay = 1,
                                                      .by_value = true});
    case PolicyKind::kS3Fifo:
      return std::make_unique<S3Fifo>(
          S3Fifo::Options{.bytes_max = options.bytes_max, .ghost_keys_max = options.entries_expected});
    case PolicyKind::kTinyLfu: return std::make_unique<TinyLfu>(options.bytes_max, options.entries_expected);
    case PolicyKind::kLru: return std::make_unique<Lru>(options.bytes_max);
  }
  return nullptr;
}

}  // namespace baton::cache
