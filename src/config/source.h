// Source: where the texts of one configuration file come from: the file itself, the environment ("${NAME}" in quoted
// texts) and other files ("@file:path"). What comes from either is a value and nothing else: it is never read as YAML,
// nor looked into again. Life: during load(). Thread: one. Bounds: kValueBytesMax for a file behind @file:. Every
// refusal throws Problem.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/problem.h"
#include "config/yaml.h"

namespace baton::config {

inline constexpr size_t kValueBytesMax = 64 * kKiB;

// The value of an environment variable, or nothing when it is not set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

enum class Secrecy { kPublic, kSecret };

class Source {
 public:
  // `file` as the operator gave it: problems begin with it and relative paths start in its folder.
  Source(std::string file, Environment environment);

  // The text of a scalar with its references resolved. Refuses what is no scalar, a variable that is not set, a file
  // that cannot be read, and with kSecret a file that others can read.
  std::string resolve(const Node& node, const std::string& key, Secrecy secrecy) const;

  // `path` itself when it is absolute, else below the configuration file's folder.
  std::string absolute(const std::string& path) const;
  // Refuses a path that is no readable regular file.
  void require_file(const Node& node, const std::string& key, const std::string& path) const;

  [[noreturn]] void refuse(int line, std::string key, std::string reason, std::string suggestion = {}) const;

  const std::string& file() const { return file_; }
  const Environment& environment() const { return environment_; }

 private:
  std::string expand(const Node& node, const std::string& key) const;
  std::string read_value(const Node& node, const std::string& key, const std::string& path, Secrecy secrecy) const;

  std::string file_;
  Environment environment_;
};

// Whether the file itself says exactly `text`; what a reference resolves to never counts.
bool is_literally(const Node& node, std::string_view text);
// Whether a scalar's text stands in the file itself, in whole or in part.
bool is_literal(const Node& node);

// A whole regular file of at most `bytes_max` bytes, opened once. nullopt with `reason` (a phrase that follows "key: ")
// set otherwise. `others_may_read` says whether its mode lets its group or everyone read it.
struct FileText {
  std::string text;
  bool others_may_read = false;
};
std::optional<FileText> read_file(const std::string& path, size_t bytes_max, std::string& reason);

}  // namespace baton::config
