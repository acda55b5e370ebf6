#include "sim/books.h"

#include "http/json.h"
#include "sim/mix.h"

namespace baton::sim {

namespace {

constexpr uint64_t kOther = 1;

uint64_t number_of(std::string_view key) {
  uint64_t hash = hash_bytes(key, 0x626f6f6b);
  return hash <= kOther ? hash + 2 : hash;
}

void add(Account& to, const Account& from) {
  to.requests += from.requests;
  to.refused += from.refused;
  to.open += from.open;
  to.messages += from.messages;
  to.aborted += from.aborted;
  to.input_tokens += from.input_tokens;
  to.cache_read_tokens += from.cache_read_tokens;
  to.cache_creation_tokens += from.cache_creation_tokens;
  to.output_tokens += from.output_tokens;
}

void append_numbers(std::string& out, const Account& account) {
  const std::pair<std::string_view, uint64_t> rows[] = {{"requests", account.requests},
                                                        {"refused", account.refused},
                                                        {"open", account.open},
                                                        {"messages", account.messages},
                                                        {"aborted", account.aborted},
                                                        {"input_tokens", account.input_tokens},
                                                        {"cache_read_tokens", account.cache_read_tokens},
                                                        {"cache_creation_tokens", account.cache_creation_tokens},
                                                        {"output_tokens", account.output_tokens}};
  bool first = true;
  for (const auto& [name, value] : rows) {
    if (!first) out += ',';
    first = false;
    out += '"';
    out += name;
    out += "\":";
    out += std::to_string(value);
  }
}

}  // namespace

uint64_t Books::open(std::string_view key) {
  uint64_t number = number_of(key);
  auto it = entries_.find(number);
  if (it == entries_.end()) {
    if (entries_.size() >= kBookKeysMax) number = kOther;
    it = entries_.try_emplace(number).first;
    it->second.shown = number == kOther ? "other" : std::string(key.substr(0, kBookKeyShown));
  }
  it->second.account.requests++;
  it->second.account.open++;
  return number;
}

void Books::admit(uint64_t key, const InputTokens& input) {
  Account& account = at(key);
  account.messages++;
  account.input_tokens += input.uncached;
  account.cache_read_tokens += input.read;
  account.cache_creation_tokens += input.written();
}

void Books::close(uint64_t key, uint64_t output_tokens, bool complete) {
  Account& account = at(key);
  account.open--;
  account.output_tokens += output_tokens;
  if (!complete) account.aborted++;
}

Account Books::total() const {
  Account sum;
  for (const auto& [number, entry] : entries_) add(sum, entry.account);
  return sum;
}

Account Books::of(std::string_view key) const {
  auto it = entries_.find(number_of(key));
  return it == entries_.end() ? Account{} : it->second.account;
}

void Books::append_json(std::string& out) const {
  out += "{\"total\":{";
  append_numbers(out, total());
  out += "},\"keys\":[";
  bool first = true;
  for (const auto& [number, entry] : entries_) {
    if (!first) out += ',';
    first = false;
    out += "{\"key\":";
    http::append_json_string(out, entry.shown);
    out += ',';
    append_numbers(out, entry.account);
    out += '}';
  }
  out += "]}";
}

}  // namespace baton::sim
