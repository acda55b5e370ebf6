// Stored records, of accounts and of calls: what a file of a former process holds is read whole or refused; what was
// read can be written and read again. The first byte chooses which.
#include <cstdint>
#include <string_view>

#include "accounts/pool_memory.h"
#include "base/check.h"
#include "ledger/journal_record.h"

namespace {

void read_accounts(std::string_view text) {
  using namespace baton::accounts;
  const auto memory = memory_from_text(text);
  if (!memory) {
    BATON_CHECK(!memory.error().empty());
    return;
  }
  BATON_CHECK(memory->bindings.size() <= kRememberedMax);
  const auto again = memory_from_text(to_text(*memory));
  BATON_CHECK(again && *again == *memory);
}

void read_call(std::string_view bytes) {
  using namespace baton::ledger;
  const auto outcome = read_record(bytes);
  if (!outcome) return;
  BATON_CHECK(outcome->attempts.size() <= baton::model::kAttemptsMax);
  std::string once, twice;
  append_record(once, *outcome);
  const auto again = read_record(once);
  BATON_CHECK(again.has_value());
  append_record(twice, *again);
  BATON_CHECK(once == twice);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  data[0] % 2 == 0 ? read_accounts(rest) : read_call(rest);
  return 0;
}
