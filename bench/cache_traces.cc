// Replays one cache trace through one policy: `cache_traces POLICY CAPACITY [--bytes|--dollars] < trace` where the
// trace is binary, records of {u64 key, u64 bytes, f64 worth}. Prints requests, hits, hit worth share and ns per
// request. bench/run_cache.py feeds it.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include "cache/detail/index.h"
#include "cache/policy.h"

namespace {

struct Request {
  uint64_t key;
  uint64_t bytes;
  double worth;
};

uint64_t mixed(uint64_t z) {
  z += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

std::vector<Request> read_all() {
  std::vector<Request> requests;
  Request batch[4096];
  while (size_t got = std::fread(batch, sizeof(Request), std::size(batch), stdin))
    requests.insert(requests.end(), batch, batch + got);
  for (Request& request : requests) request.key = mixed(request.key);
  return requests;
}

void replay(const std::vector<Request>& requests, baton::cache::PolicyKind kind, uint64_t capacity, size_t expected) {
  using baton::cache::Slot;
  auto policy = baton::cache::make_policy(kind, {.bytes_max = capacity, .entries_expected = expected});
  baton::cache::detail::Index index;
  std::vector<uint64_t> keys;
  std::vector<Slot> free, evicted;
  uint64_t hits = 0;
  double worth = 0, saved = 0;
  const auto began = std::chrono::steady_clock::now();
  for (const Request& request : requests) {
    worth += request.worth;
    const Slot found = index.find(request.key);
    if (found != baton::cache::kNoSlot) {
      ++hits;
      saved += request.worth;
      policy->hit(found);
      continue;
    }
    if (request.bytes > capacity) continue;
    Slot slot = static_cast<Slot>(keys.size());
    if (free.empty()) {
      keys.push_back(0);
    } else {
      slot = free.back();
      free.pop_back();
    }
    keys[slot] = request.key;
    index.insert(request.key, slot);
    evicted.clear();
    policy->admit(slot, {.key = request.key, .bytes = request.bytes, .worth = request.worth}, evicted);
    for (Slot gone : evicted) {
      index.erase(keys[gone], gone);
      free.push_back(gone);
    }
  }
  const auto took = std::chrono::steady_clock::now() - began;
  const double n = static_cast<double>(requests.size());
  std::printf("%s %llu %zu %.4f %.4f %.1f\n", std::string(baton::cache::name(kind)).c_str(),
              static_cast<unsigned long long>(capacity), requests.size(), 100.0 * static_cast<double>(hits) / n,
              100.0 * saved / worth, static_cast<double>(std::chrono::nanoseconds(took).count()) / n);
}

}  // namespace

// cache_traces CAPACITY[,CAPACITY...] [ENTRIES_EXPECTED...]: every policy at every capacity, one line each.
int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: cache_traces CAPACITY:ENTRIES... < records\n");
    return 2;
  }
  const auto requests = read_all();
  for (int i = 1; i < argc; ++i) {
    char* rest = nullptr;
    const uint64_t capacity = std::strtoull(argv[i], &rest, 10);
    const size_t expected = *rest == ':' ? std::strtoull(rest + 1, nullptr, 10) : capacity;
    for (auto kind : {baton::cache::PolicyKind::kLru, baton::cache::PolicyKind::kS3Fifo,
                      baton::cache::PolicyKind::kTinyLfu, baton::cache::PolicyKind::kValue}) {
      replay(requests, kind, capacity, expected);
    }
  }
  return 0;
}
