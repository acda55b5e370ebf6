#include "app/recover_budgets.h"

#include "ledger/holders.h"

namespace baton::app {

Expected<void> recover_budgets(Shared& shared) {
  if (!shared.book) return {};
  const WallTime now = shared.clock.wall();
  auto holders = ledger::read_holders(shared.ledger_place(), now);
  if (!holders) return std::unexpected(holders.error());
  for (const auto& [holder, spent] : holders->spent) shared.budgets->recover(spent, now);
  return {};
}

}  // namespace baton::app
