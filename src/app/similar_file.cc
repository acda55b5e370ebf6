#include "app/similar_file.h"

#include <cerrno>
#include <cstring>

#include "app/state_file.h"

namespace baton::app {

namespace {

constexpr std::string_view kNotTaken = "what similarity had learnt is not taken over, it begins anew: ";

}  // namespace

std::string SimilarFile::restore(similar::Memory& memory, const runtime::Clock& clock) {
  const auto text = read_state_file(path_, kFileBytesMax);
  if (!text)
    return text.error() == ENOENT ? std::string() : std::string(kNotTaken) + path_ + ": " + std::strerror(text.error());
  const auto scopes = memory.restore(*text, clock.now(), clock.wall());
  if (!scopes) return std::string(kNotTaken) + path_ + ": " + scopes.error().detail;
  return "what similarity had learnt of " + std::to_string(*scopes) + " scopes is known again";
}

std::string SimilarFile::keep(const similar::Memory& memory, const runtime::Clock& clock, bool now_or_never) {
  if (clock.now() < next_ && !now_or_never) return {};
  next_ = clock.now() + kEvery;
  const Sha256 content = sha256(memory.save(clock.now(), WallTime{}));
  if (written_ == content) return {};
  const std::string text = memory.save(clock.now(), clock.wall());
  if (std::string wrong = replace_state_file(path_, text); !wrong.empty()) return wrong;
  written_ = content;
  return {};
}

}  // namespace baton::app
