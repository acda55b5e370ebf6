#include "ledger/recover.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "ledger/journal_record.h"
#include "ledger/rows_file.h"
#include "store/journal.h"

namespace baton::ledger {

using model::Ending;

Expected<LeftCalls> read_journal(const std::string& folder) {
  LeftCalls left;
  std::vector<model::Outcome>& calls = left.calls;
  std::unordered_map<std::string, size_t> places;
  const auto take = [&](store::Journal::Kind kind, std::string_view bytes) {
    if (kind != kIntentRecord && kind != kEndRecord) return;
    auto outcome = read_record(bytes);
    if (!outcome) return;
    const auto [place, fresh] = places.emplace(outcome->request_id, calls.size());
    if (fresh) {
      calls.push_back(std::move(*outcome));
    } else if (kind == kEndRecord) {
      // The last one: a call that was thought to have ended may have told more.
      calls[place->second] = std::move(*outcome);
    }
  };
  auto files = store::Journal::read(folder, take);
  if (!files) return std::unexpected(files.error());
  left.files = std::move(*files);
  for (model::Outcome& call : calls) {
    // It may have been charged, nobody knows by whom.
    if (call.ending == Ending::kUnknown && call.attempts.empty())
      call.attempts.push_back({.result = model::AttemptResult::kCancelled, .may_have_been_processed = true});
  }
  return left;
}

Recovered count(const std::vector<model::Outcome>& calls) {
  Recovered out;
  for (const model::Outcome& call : calls) ++(call.ending == Ending::kUnknown ? out.unknown : out.ended);
  return out;
}

Expected<Recovered> recover_journal(const std::string& folder, const PriceTable& prices) {
  auto left = read_journal(folder);
  if (!left) return std::unexpected(left.error());
  std::vector<model::Outcome>& calls = left->calls;
  Recovered recovered;
  if (!calls.empty()) {
    const std::string path = folder + "/" + std::string(RowsFile::kName);
    auto file = RowsFile::open(path);
    const auto failure = [&](const store::Failure& why) {
      return fail(ErrorCode::kStore, Fault::kUs, path + ": " + why.error.detail);
    };
    if (!file) return failure(file.error());
    const auto first = std::ranges::min_element(calls, {}, &model::Outcome::started);
    auto booked = file->request_ids(first->started);
    if (!booked) return failure(booked.error());
    std::erase_if(calls, [&](const model::Outcome& call) { return booked->contains(call.request_id); });
    recovered = count(calls);
    std::vector<std::vector<model::Outcome>> batches;
    batches.push_back(std::move(calls));
    if (auto saved = file->save(batches, prices, WallTime{}); !saved) return failure(saved.error());
  }
  store::Journal::remove(left->files);
  return recovered;
}

}  // namespace baton::ledger
