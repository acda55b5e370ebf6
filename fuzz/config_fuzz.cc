// Configuration files: settings that hold together, or one problem that says where and what.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <string>

#include "base/check.h"
#include "config/settings.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace baton;
  static const int file = ::memfd_create("config", 0);
  static const std::string path = "/proc/self/fd/" + std::to_string(file);
  BATON_CHECK(file >= 0 && ::ftruncate(file, 0) == 0 && ::lseek(file, 0, SEEK_SET) == 0);
  BATON_CHECK(::write(file, data, size) == static_cast<ssize_t>(size));
  config::LoadOptions options;
  options.path = path;
  options.environment = [](const std::string& name) -> std::optional<std::string> {
    return name == "SET" ? std::optional<std::string>("value") : std::nullopt;
  };
  const auto settings = config::load(options);
  if (!settings) {
    const std::string sentence = settings.error().text();
    BATON_CHECK(!sentence.empty());
    for (char c : sentence) BATON_CHECK(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
    return 0;
  }
  BATON_CHECK(!settings->accounts.accounts.empty() || settings->accounts.accounts.size() <= accounts::kAccountsMax);
  return 0;
}
