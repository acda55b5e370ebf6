// What bench/run_similar.py asks of the module similar/.
//   similar train [--cpp]
//     weights from labelled pairs on stdin ("1<TAB>a<TAB>b"), or from the generated texts when there are none; --cpp:
//     as weights_built_in.cc
//   similar pairs
//     for each pair on stdin: label, cosine, the guard that tells it apart or "-", how alike they are
//   similar stream ERROR_MAX SEED LIFE
//     stdin: "!<TAB>m<TAB>n" for meanings that are known to differ, then arrivals, "meaning<TAB>text". An answer is
//     kept for LIFE arrivals. Figures of what was served and asked; on stderr the pairs of texts that were taken for
//     the same though their meanings differ (1), or are not known to be the same (0)
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <random>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/digest.h"
#include "similar/memory.h"
#include "similar/trainer.h"

namespace {

using namespace baton;
using namespace baton::similar;

std::vector<std::string> columns(const std::string& line) {
  std::vector<std::string> out;
  size_t at = 0;
  for (size_t tab; (tab = line.find('\t', at)) != line.npos; at = tab + 1) out.push_back(line.substr(at, tab - at));
  out.push_back(line.substr(at));
  return out;
}

std::vector<Pair> read_pairs() {
  std::vector<Pair> pairs;
  for (std::string line; std::getline(std::cin, line);) {
    const auto fields = columns(line);
    if (fields.size() == 3) pairs.push_back({.a = fields[1], .b = fields[2], .same = fields[0] == "1"});
  }
  return pairs;
}

int train_weights(bool cpp) {
  auto pairs = read_pairs();
  if (pairs.empty()) pairs = make_corpus(kCorpusSeed, kCorpusPairs);
  const std::string text = packed(train(pairs));
  if (cpp) {
    std::puts(
        "// Made by `./dev bench similar --train`; trainer_test.cc checks that the trainer still makes it.\n"
        "#include \"similar/weights.h\"\n\nnamespace baton::similar {\n\nstd::string_view built_in_text() {\n  return");
  } else {
    std::printf("%.*s\n", static_cast<int>(kWeightsHead.size()), kWeightsHead.data());
  }
  for (size_t i = 0; i < text.size(); i += 108) {
    const std::string part = text.substr(i, 108);
    const bool last = i + 108 >= text.size();
    std::printf(cpp ? "      \"%s\"%s\n" : "%s%s\n", part.c_str(), cpp && last ? ";" : "");
  }
  if (cpp) std::puts("}\n\n}  // namespace baton::similar");
  return 0;
}

int compare_pairs() {
  const Embedder embedder(built_in_weights());
  double ns = 0;
  size_t texts = 0;
  for (const Pair& pair : read_pairs()) {
    std::u32string plain[2];
    const auto began = std::chrono::steady_clock::now();
    const auto a = facts_of(pair.a, &plain[0]), b = facts_of(pair.b, &plain[1]);
    const Vector left = embedder.embed(plain[0]), right = embedder.embed(plain[1]);
    ns += std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - began).count();
    texts += 2;
    const auto found = a && b ? compare(*a, *b) : Comparison{.guard = model::SimilarGuard::kLanguage};
    const std::string_view why = found.guard ? name(*found.guard) : "-";
    std::printf("%d %.4f %.*s %d\n", pair.same ? 1 : 0, static_cast<double>(nearness(left, right)),
                static_cast<int>(why.size()), why.data(), static_cast<int>(found.likeness));
  }
  std::fprintf(stderr, "%.1f\n", texts == 0 ? 0 : ns / static_cast<double>(texts) / 1000);
  return 0;
}

Name name_of(const std::string& text) {
  const Sha256 digest = sha256(text);
  Name name{.key = {}, .identity = digest};
  std::memcpy(&name.key, digest.data(), sizeof(name.key));
  return name;
}

int replay(double error_max, uint64_t seed, size_t life) {
  Memory memory({}, built_in_weights());
  std::mt19937_64 chance(seed);
  std::uniform_real_distribution<double> unit(0, 1);
  const Name scope = name_of("scope");
  struct Kept {
    std::string meaning, text;
    size_t until;
  };
  std::unordered_map<std::string, Kept> kept;  // by the name's bytes
  const auto key = [](const Name& name) { return std::string(name.identity.begin(), name.identity.end()); };
  std::set<std::pair<std::string, std::string>> different;
  std::array<size_t, model::kSimilarResults> results{};
  size_t now = 0, exact = 0, wrong = 0, unknown = 0, could = 0, seen_wrong = 0, trips = 0;
  for (std::string line; std::getline(std::cin, line); ++now) {
    const auto fields = columns(line);
    if (fields[0] == "!") {
      different.emplace(fields[1], fields[2]);
      different.emplace(fields[2], fields[1]);
      continue;
    }
    const Name own = name_of(fields[1]);
    const auto same = kept.find(key(own));
    if (same != kept.end() && same->second.until > now) {
      ++exact;
      continue;
    }
    const auto question = memory.read(fields[1]);
    if (!question) continue;
    Found found = memory.look(scope, *question, {Mode::kOn, error_max}, unit(chance), Instant{});
    bool known = true, right = true;
    if (found.result >= model::SimilarResult::kUnproved) {
      const auto other = kept.find(key(found.answer));
      if (other == kept.end() || other->second.until <= now) {
        memory.forget(scope, found.answer);
        found.result = model::SimilarResult::kGone;
      } else {
        right = other->second.meaning == fields[0];
        known = right || different.contains({other->second.meaning, fields[0]});
        if (!right) std::fprintf(stderr, "%d\t%s\t%s\n", known ? 1 : 0, other->second.text.c_str(), fields[1].c_str());
        ++could;
      }
    }
    ++results[static_cast<size_t>(found.result)];
    if (found.result == model::SimilarResult::kServed) {
      wrong += known && !right ? 1 : 0;
      unknown += known ? 0 : 1;
      continue;
    }
    kept[key(own)] = {fields[0], fields[1], now + life};
    memory.add(scope, *question, own);
    if (!found.teaches() || !known) continue;
    seen_wrong += right ? 0 : 1;
    trips += memory.learn(scope, found, right, error_max, Instant{}) ? 1 : 0;
  }
  const auto of = [&](model::SimilarResult result) { return results[static_cast<size_t>(result)]; };
  std::printf("%zu %zu %zu %zu %zu %zu %zu %zu %zu %zu\n", exact, could, of(model::SimilarResult::kServed), wrong,
              unknown, of(model::SimilarResult::kAudited), of(model::SimilarResult::kUnproved),
              of(model::SimilarResult::kGuarded), seen_wrong, trips);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view verb = argc > 1 ? argv[1] : "";
  if (verb == "train") return train_weights(argc > 2);
  if (verb == "pairs") return compare_pairs();
  if (verb == "stream" && argc > 4)
    return replay(std::atof(argv[2]), std::strtoull(argv[3], nullptr, 10), std::strtoull(argv[4], nullptr, 10));
  std::fputs("similar train | pairs | stream ERROR_MAX SEED LIFE\n", stderr);
  return 2;
}
