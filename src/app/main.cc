// baton: one binary. The command line decides what it is this time.
#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include "app/books.h"
#include "app/cli.h"
#include "app/conformance.h"
#include "app/operate.h"
#include "app/serve.h"
#include "app/teams.h"
#include "base/digest.h"
#include "config/settings.h"
#include "runtime/clock.h"

namespace {

using namespace baton;

int refuse(const std::string& line) {
  std::fputs(line.c_str(), stderr);
  return 2;
}

// A client key for this start only.
auth::ClientConfig make_client() {
  std::array<uint8_t, 24> bytes;
  random_bytes(bytes);
  return {.name = "printed", .key = Secret("bk-" + hex(bytes))};
}

int run(app::Serve command) {
  std::string key;
  if (command.print_key) {
    auth::ClientConfig client = make_client();
    key = client.key.reveal();
    command.load.generated_client = std::move(client);
  }
  auto settings = config::load(command.load);
  if (!settings) return refuse(settings.error().text() + "\n");
  if (command.check) {
    for (const auto& warning : settings->warnings) std::fprintf(stderr, "warning: %s\n", warning.c_str());
    std::puts("the configuration is fine");
    return 0;
  }
  if (command.print_key) {
    std::printf("client key for this start: %s\n", key.c_str());
    std::fflush(stdout);
  }
  return app::serve(std::move(*settings), {.load = std::move(command.load), .take_over = command.take_over});
}

int run(const app::Simulate& command) {
  auto settings = config::load(command.load);
  if (!settings) return refuse(settings.error().text() + "\n");
  return app::simulate(std::move(*settings));
}

int run(const app::Keys& command) { return app::run_keys(command); }
int run(const app::Teams& command) { return app::run_teams(command); }
int run(const app::Usage& command) { return app::run_usage(command); }

int run(const app::Operate& command) { return app::run_operate(command); }
int run(const app::Audit& command) { return app::run_audit(command); }

int run(const app::Conformance& command) { return app::run_conformance(command); }

int run(const app::Print& command) {
  std::fputs(command.text.c_str(), stdout);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  auto command =
      app::parse_command_line(std::vector<std::string>(argv + 1, argv + argc), runtime::SystemClock().wall());
  if (!command) return refuse(command.error());
  app::prepare_process();
  return std::visit([](auto one) { return run(std::move(one)); }, std::move(*command));
}
