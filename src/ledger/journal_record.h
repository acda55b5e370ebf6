// JournalRecord: an Outcome as the journal keeps it until its row is written: once before its call is sent, when only
// who asked is known (an intent), and once with its end, before the client has its last byte.
// Thread: any; pure. Bounds: those of an Outcome; about 200 bytes an intent and 400 an end.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "model/outcome.h"

namespace baton::ledger {

// Of store::Journal. Others may use kinds of their own.
inline constexpr uint8_t kIntentRecord = 1;
inline constexpr uint8_t kEndRecord = 2;

// Appends what a row is made from.
void append_record(std::string& out, const model::Outcome& outcome);
// Nothing for what is no such record.
std::optional<model::Outcome> read_record(std::string_view bytes);

}  // namespace baton::ledger
