#include "ledger/holders.h"

#include "base/utc.h"
#include "ledger/rows_database.h"
#include "ledger/rows_reader.h"

namespace baton::ledger {

Spent Holders::of(const std::string& holder) const {
  const auto found = spent.find(holder);
  return found == spent.end() ? Spent{.holder = holder} : found->second;
}

Expected<Holders> read_holders(const Place& place, WallTime now) {
  Holders out;
  auto reader = RowsReader::open(place);
  if (!reader) return std::unexpected(reader.error());
  if (!*reader) return out;
  const std::string day = utc_day(now);
  const std::string month = day.substr(0, 7);
  {
    auto rows = (*reader)->query(
        "SELECT holder, sum(CASE WHEN period = ?1 THEN nanodollars ELSE 0 END), "
        "sum(CASE WHEN period = ?2 THEN nanodollars ELSE 0 END) FROM spent "
        "WHERE period IN (?1, ?2) AND holder <> ?3 GROUP BY holder",
        {std::string_view(day), std::string_view(month), kEverybody});
    if (!rows) return std::unexpected(rows.error());
    while (true) {
      const auto row = rows->next();
      if (!row) return std::unexpected(row.error());
      if (!*row) break;
      std::string holder(rows->text(0));
      out.spent.emplace(holder, Spent{holder, rows->number(1), rows->number(2)});
    }
  }
  auto rows = (*reader)->query("SELECT key_id, last_at FROM key_use");
  if (!rows) return std::unexpected(rows.error());
  while (true) {
    const auto row = rows->next();
    if (!row) return std::unexpected(row.error());
    if (!*row) return out;
    out.last_used.emplace(rows->text(0), WallTime(std::chrono::milliseconds(rows->number(1))));
  }
}

}  // namespace baton::ledger
