// What the commands that look into a relay's data folder have in common. Life: one command. Thread: one.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "app/cli.h"
#include "base/units.h"
#include "ledger/place.h"

namespace baton::app {

// Says why on stderr, in one line, and gives the exit code.
int cannot(const std::string& why, int code = 1);

// Where keys and ledger lie, or nothing after it was said why.
std::optional<ledger::Place> place_of(const DataFolder& data);

// What was changed at the terminal is written down like what the operator's API changes.
void note_change(const std::string& folder, std::string_view action, std::string_view target, WallTime now);

}  // namespace baton::app
