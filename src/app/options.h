// Options: the flags of one command around CLI11, with a sentence for who misspells one; and what else every command
// line needs. Life: on the frame of a parse. Thread: one. Bounds: the shell's.
#pragma once

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ascii.h"
#include "config/settings.h"
#include "config/suggest.h"

namespace baton::app {

inline std::unexpected<std::string> refuse(std::string reason) {
  return std::unexpected("baton " + std::move(reason) + "\n");
}

inline std::string did_you_mean(std::string_view word, std::span<const std::string_view> known) {
  const std::string_view near = config::suggest(word, known);
  return near.empty() ? std::string() : "; did you mean \"" + std::string(near) + "\"?";
}

inline config::LoadOptions load_options(config::Purpose purpose) {
  config::LoadOptions options;
  options.environment = config::process_environment;
  options.purpose = purpose;
  options.root = ::geteuid() == 0;
  return options;
}

// A flag whose value is a setting.
struct SettingFlag {
  std::string_view flag;
  std::string_view key;
  std::string_view value_name;
};

// The options of one command around CLI11: what is left over is refused with the option that was probably meant.
class Options {
 public:
  explicit Options(std::string_view command) : command_(command) {
    app_.set_help_flag();
    app_.add_flag("--help,-h", help_, "");
    app_.allow_extras();
  }

  void flag(std::string_view name, bool& out) { app_.add_flag(std::string(name), out, ""); }
  void text(std::string_view name, std::optional<std::string>& out, std::string_view value_name) {
    app_.add_option(std::string(name), out, "")->type_name(std::string(value_name));
  }
  // May be given more than once.
  void texts(std::string_view name, std::vector<std::string>& out, std::string_view value_name) {
    app_.add_option(std::string(name), out, "")->type_name(std::string(value_name))->expected(1)->take_all();
  }
  // The given ones become overrides in parse().
  void settings(std::span<const SettingFlag> flags) {
    values_.resize(flags.size());
    flags_ = flags;
    for (size_t i = 0; i < flags.size(); ++i) text(flags[i].flag, values_[i], flags[i].value_name);
  }

  bool help() const { return help_; }

  // Empty when the arguments were understood.
  std::string parse(std::vector<std::string> arguments) {
    std::reverse(arguments.begin(), arguments.end());  // as the library takes them
    try {
      app_.parse(std::move(arguments));
    } catch (const CLI::ArgumentMismatch& error) {
      const std::string_view what = error.what();
      const bool missing = what.find("missing") != what.npos;
      return command_ + ": " + std::string(what.substr(0, what.find(':'))) +
             (missing ? " needs a value behind it" : " is given twice");
    } catch (const CLI::ParseError& error) {
      return command_ + ": " + ascii::excerpt(error.what(), 200);
    }
    const std::vector<std::string> left = app_.remaining();
    if (left.empty()) return {};
    const std::string word = ascii::excerpt(left.front());
    if (!word.starts_with('-')) return command_ + ": the word " + word + " is not expected here";
    return command_ + ": there is no option " + word + suggestion(left.front());
  }

  std::vector<config::Override> overrides() const {
    std::vector<config::Override> out;
    for (size_t i = 0; i < values_.size(); ++i) {
      const std::optional<std::string>& value = values_[i];
      if (value) out.push_back({std::string(flags_[i].flag), std::string(flags_[i].key), *value});
    }
    return out;
  }

 private:
  std::string suggestion(const std::string& word) const {
    std::vector<std::string> names;
    for (const CLI::Option* option : app_.get_options()) names.push_back(option->get_name());
    const std::vector<std::string_view> known(names.begin(), names.end());
    return did_you_mean(std::string_view(word).substr(0, word.find('=')), known);
  }

  CLI::App app_;
  std::string command_;
  bool help_ = false;
  std::span<const SettingFlag> flags_;
  std::vector<std::optional<std::string>> values_;
};

}  // namespace baton::app
