// Where the access log goes.
#pragma once

#include <cstddef>
#include <string>

namespace baton::ledger {

struct Config {
  std::string access_log = "stderr";             // "stdout", "stderr", a file's path, or "off"
  size_t log_queue_bytes_max = 8 * 1024 * 1024;  // lines that wait for a slow sink; more are dropped and counted
};

}  // namespace baton::ledger
