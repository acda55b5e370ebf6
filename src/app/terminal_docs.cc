#include "app/terminal_docs.h"

#include <algorithm>

#include "app/cli.h"

namespace baton::app {
namespace {

template <class Use>
void each_line(std::string_view text, Use use) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    use(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

bool is_word(std::string_view text) {
  return !text.empty() &&
         std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || c == '_' || c == '-'; });
}

std::string_view first_word(std::string_view text) { return text.substr(0, text.find(' ')); }

void add_once(std::vector<std::string>& to, std::string_view word) {
  if (is_word(word) && std::ranges::find(to, word) == to.end()) to.emplace_back(word);
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out.append(out.empty() ? "" : " ").append(word);
  return out;
}

std::string roff(std::string_view text) {
  std::string out;
  each_line(text, [&](std::string_view line) {
    if (line.starts_with('.') || line.starts_with('\'')) out += "\\&";
    for (char c : line) {
      if (c == '\\') {
        out += "\\e";
      } else if (c == '-') {
        out += "\\-";
      } else {
        out += c;
      }
    }
    out += '\n';
  });
  return out;
}

}  // namespace

Completable completable(std::string_view command, std::string_view help) {
  Completable out;
  const std::string call = "  baton " + std::string(command) + " ";
  each_line(help, [&](std::string_view line) {
    if (line.starts_with("  --")) add_once(out.options, first_word(line.substr(2)));
    if (line.starts_with(call)) {
      std::string_view rest = line.substr(call.size());
      // "drain|park|release NAME"
      std::string_view verbs = first_word(rest);
      while (!verbs.empty()) {
        const size_t end = std::min(verbs.find('|'), verbs.size());
        add_once(out.verbs, verbs.substr(0, end));
        verbs.remove_prefix(std::min(end + 1, verbs.size()));
      }
    }
  });
  return out;
}

std::string man_page() {
  std::string out =
      ".TH BATON 1 \"\" \"baton " BATON_VERSION "\" \"\"\n.SH NAME\nbaton \\- a relay for the Claude API\n";
  out += ".SH SYNOPSIS\n.B baton\n.I command\n.RI [ options ]\n.SH DESCRIPTION\n.nf\n" + roff(help_text("")) + ".fi\n";
  out += ".SH COMMANDS\n";
  for (const std::string_view command : commands()) {
    const std::string_view help = help_text(command);
    if (help.empty() || help == help_text("")) continue;
    out.append(".SS baton ").append(command).append("\n.nf\n").append(roff(help)).append(".fi\n");
  }
  out +=
      ".SH EXIT STATUS\n0 when it was done, 1 when it could not be done, 2 when the command line or the configuration "
      "is wrong.\n";
  return out;
}

std::optional<std::string> completions(std::string_view shell) {
  std::vector<std::string> names;
  for (const std::string_view command : commands()) names.emplace_back(command);
  std::string cases;
  if (shell == "bash") {
    for (const std::string& name : names) {
      const Completable can = completable(name, help_text(name));
      cases += "    " + name + ") words=\"" + joined(can.verbs) + " " + joined(can.options) + "\" ;;\n";
    }
    return "# bash completion for baton: source <(baton completions bash)\n"
           "_baton() {\n"
           "  local word=${COMP_WORDS[COMP_CWORD]} words\n"
           "  case ${COMP_CWORD}:${COMP_WORDS[1]} in\n"
           "    1:*) words=\"" +
           joined(names) +
           "\" ;;\n"
           "    *)\n    case ${COMP_WORDS[1]} in\n" +
           cases +
           "    esac ;;\n"
           "  esac\n"
           "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
           "}\n"
           "complete -o default -F _baton baton\n";
  }
  if (shell == "zsh") {
    for (const std::string& name : names) {
      const Completable can = completable(name, help_text(name));
      cases += "    " + name + ") compadd -- " + joined(can.verbs) + " " + joined(can.options) + " ;;\n";
    }
    return "#compdef baton\n# zsh completion for baton: baton completions zsh > \"${fpath[1]}/_baton\"\n"
           "_baton() {\n"
           "  if (( CURRENT == 2 )); then\n    compadd -- " +
           joined(names) +
           "\n    return\n  fi\n"
           "  case ${words[2]} in\n" +
           cases +
           "  esac\n  _files\n}\n"
           "if [ \"$funcstack[1]\" = _baton ]; then _baton \"$@\"; else compdef _baton baton; fi\n";
  }
  if (shell == "fish") {
    std::string out =
        "# fish completion for baton: baton completions fish > ~/.config/fish/completions/baton.fish\n"
        "complete -c baton -n __fish_use_subcommand -f -a '" +
        joined(names) + "'\n";
    for (const std::string& name : names) {
      const Completable can = completable(name, help_text(name));
      if (!can.verbs.empty())
        out += "complete -c baton -n '__fish_seen_subcommand_from " + name + "' -f -a '" + joined(can.verbs) + "'\n";
      for (const std::string& option : can.options)
        out += "complete -c baton -n '__fish_seen_subcommand_from " + name + "' -l " + option.substr(2) + "\n";
    }
    return out;
  }
  return std::nullopt;
}

}  // namespace baton::app
