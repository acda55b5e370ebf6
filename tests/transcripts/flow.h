// Flow: a transcript read from a .flow file: what clients and scripted upstreams say at which virtual millisecond, and
// what must be seen and booked. The grammar is in README.md. Pure, but for run(), which plays it in a World and fails
// the running test.
#pragma once

#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/simulation/world.h"

namespace baton::transcripts {

// A line taken apart at blanks; quoted words are one word each, without their quotes.
struct Line {
  size_t number = 0;
  std::vector<std::string> words;
  std::vector<std::string> below;  // indented lines that follow, without the indent
};

struct Want {
  size_t line = 0;
  std::vector<std::string> words;
};

struct Flow {
  simulation::WorldOptions options;
  std::vector<simulation::Script> clients;
  std::map<std::string, std::vector<simulation::Reply>> upstreams;  // by account
  std::map<std::string, bool> refusing;
  std::vector<std::pair<std::string, std::string>> bound;  // object, account
  std::vector<Want> wants;

  size_t account(std::string_view name) const;  // its index, or the number of accounts
};

// The error names the line.
std::expected<Flow, std::string> parse(std::string_view text);
// Every want that does not hold fails the running test, naming `file` and its line.
void run(const Flow& flow, const std::string& file);

}  // namespace baton::transcripts
