#include "app/terminal_docs.h"

#include <gtest/gtest.h>

#include "app/cli.h"

namespace baton::app {
namespace {

TEST(TerminalDocs, words_to_complete_are_those_of_the_help) {
  const Completable accounts = completable("accounts", help_text("accounts"));
  EXPECT_EQ(accounts.verbs, (std::vector<std::string>{"drain", "park", "release", "test"}));
  EXPECT_EQ(accounts.options,
            (std::vector<std::string>{"--reason", "--admin", "--ca", "--config", "--data-dir", "--json", "--help"}));
  EXPECT_TRUE(completable("tail", help_text("tail")).verbs.empty());
  EXPECT_EQ(completable("keys", help_text("keys")).verbs.front(), "create");
}

TEST(TerminalDocs, every_command_has_help_and_is_in_each_page) {
  const std::string man = man_page();
  EXPECT_TRUE(man.starts_with(".TH BATON 1 "));
  for (const std::string_view command : commands()) {
    EXPECT_FALSE(help_text(command).empty()) << command;
    if (command != "help" && command != "version")
      EXPECT_NE(man.find(".SS baton " + std::string(command) + "\n"), std::string::npos) << command;
    for (const char* shell : {"bash", "zsh", "fish"})
      EXPECT_NE(completions(shell)->find(" " + std::string(command)), std::string::npos) << shell << ' ' << command;
  }
  EXPECT_FALSE(completions("powershell"));
}

TEST(TerminalDocs, nothing_of_the_help_is_taken_for_roff) {
  const std::string man = man_page();
  size_t at = 0;
  while (at < man.size()) {
    const size_t end = man.find('\n', at);
    const std::string_view line = std::string_view(man).substr(at, end - at);
    if (line.starts_with('.')) {
      const std::string_view request = line.substr(0, line.find(' '));
      EXPECT_TRUE(request == ".TH" || request == ".SH" || request == ".SS" || request == ".B" || request == ".I" ||
                  request == ".RI" || request == ".nf" || request == ".fi")
          << line;
    }
    EXPECT_FALSE(line.starts_with('\''));
    at = end + 1;
  }
}

TEST(TerminalDocs, lines_of_help_fit_a_terminal) {
  for (const std::string_view command : commands()) {
    std::string_view text = help_text(command);
    while (!text.empty()) {
      const size_t end = text.find('\n');
      EXPECT_LE(end, 100u) << command << ": " << text.substr(0, end);
      text.remove_prefix(end + 1);
    }
  }
}

}  // namespace
}  // namespace baton::app
