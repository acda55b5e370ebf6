// TokenFile: the operator's first token, in <data_dir>/admin.token: made at the first start, mode 0600, read by
// `baton accounts` and the like. Whoever may read the file may operate the relay.
// Life: functions. Thread: any but a loop's; they wait for the disk. Bounds: a file of one line.
#pragma once

#include <string>

#include "base/error.h"
#include "base/secret.h"

namespace baton::admin {

inline constexpr std::string_view kTokenFile = "admin.token";
inline constexpr std::string_view kTokenPrefix = "ba-";

struct FirstToken {
  Secret token;
  bool made = false;  // just now
};

// Reads it, or makes it with its folder. Of two processes one wins. kConfig with a sentence: not readable, readable by
// others, or not a token.
Expected<FirstToken> open_token(const std::string& folder);
// Only reads.
Expected<Secret> read_token(const std::string& folder);

}  // namespace baton::admin
