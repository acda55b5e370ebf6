#include "ledger/holders.h"

#include <unistd.h>

#include "ledger/rows_file.h"

namespace baton::ledger {

Spent Holders::of(const std::string& holder) const {
  const auto found = spent.find(holder);
  return found == spent.end() ? Spent{.holder = holder} : found->second;
}

Expected<Holders> read_holders(const Place& place, WallTime now) {
  Holders out;
  const std::string path = place.folder + "/" + std::string(RowsFile::kName);
  if (::access(path.c_str(), F_OK) != 0) return out;
  const auto failure = [&](const store::Failure& why) {
    return fail(ErrorCode::kStore, Fault::kUs, path + ": " + why.error.detail);
  };
  auto file = RowsFile::open(path);
  if (!file) return failure(file.error());
  auto spent = file->spent(now);
  if (!spent) return failure(spent.error());
  for (Spent& one : *spent) {
    std::string holder = one.holder;
    out.spent.emplace(std::move(holder), std::move(one));
  }
  auto used = file->last_used();
  if (!used) return failure(used.error());
  out.last_used = std::move(*used);
  return out;
}

}  // namespace baton::ledger
