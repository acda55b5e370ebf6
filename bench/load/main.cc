// baton_load: the two ends of the load benchmark, a mock upstream and a driver. bench/run_load.py puts a proxy between
// them.
#include <csignal>
#include <cstdio>
#include <span>
#include <string_view>

#include "drive.h"
#include "mock.h"
#include "support.h"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  const std::span<char*> arguments(argv + 1, static_cast<size_t>(argc - 1));
  const std::string_view verb = arguments.empty() ? "" : arguments[0];
  const std::string_view mode = arguments.size() < 2 ? "" : arguments[1];
  if (verb == "mock") return baton::load::mock(arguments.subspan(1));
  if (verb == "drive" && mode == "requests") return baton::load::drive_requests(arguments.subspan(2));
  if (verb == "drive" && mode == "streams") return baton::load::drive_streams(arguments.subspan(2));
  if (verb == "drive" && mode == "idle") return baton::load::drive_idle(arguments.subspan(2));
  std::fputs(
      "baton_load mock --port P [--cert PEM --key PEM]\n"
      "baton_load drive requests|streams|idle --port P …  (drive.h)\n",
      stderr);
  return 2;
}
