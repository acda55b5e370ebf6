#include <zlib.h>

#include <charconv>
#include <functional>
#include <optional>

#include "base/ascii.h"
#include "tests/transcripts/flow.h"

namespace baton::transcripts {

using simulation::Act;
using simulation::Reply;
using simulation::Script;

namespace {

struct Wrong {
  size_t line;
  std::string why;
};

std::string unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out.push_back(text[i]);
      continue;
    }
    switch (char c = text[++i]) {
      case 'n': out.push_back('\n'); break;
      case 'r': out.push_back('\r'); break;
      case 't': out.push_back('\t'); break;
      case 'x': {
        unsigned value = 0;
        std::from_chars(text.data() + i + 1, text.data() + std::min(text.size(), i + 3), value, 16);
        out.push_back(static_cast<char>(value));
        i += 2;
        break;
      }
      default: out.push_back(c);
    }
  }
  return out;
}

// "double" quotes with escapes, 'single' ones without; quotes may begin inside a word (body='{}'), and behind a brace
// they stay as they are (a metric's labels).
std::vector<std::string> split(std::string_view line) {
  std::vector<std::string> words;
  size_t at = 0;
  while (true) {
    while (at < line.size() && line[at] == ' ') ++at;
    if (at >= line.size() || line[at] == '#') return words;
    std::string word;
    while (at < line.size() && line[at] != ' ') {
      const char quote = line[at];
      if ((quote != '"' && quote != '\'') || word.find('{') != std::string::npos) {
        word.push_back(line[at++]);
        continue;
      }
      size_t end = at + 1;
      while (end < line.size() && line[end] != quote) end += quote == '"' && line[end] == '\\' ? 2 : 1;
      end = std::min(end, line.size());
      const std::string_view inside = line.substr(at + 1, end - at - 1);
      word += quote == '"' ? unescape(inside) : std::string(inside);
      at = std::min(line.size(), end + 1);
    }
    words.push_back(std::move(word));
  }
}

std::vector<Line> lines_of(std::string_view text) {
  std::vector<Line> lines;
  size_t number = 0;
  while (!text.empty()) {
    size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    ++number;
    if (line.starts_with("    ") && !lines.empty()) {
      lines.back().below.emplace_back(line.substr(4));
      continue;
    }
    std::vector<std::string> words = split(line);
    if (!words.empty()) lines.push_back({number, std::move(words), {}});
  }
  return lines;
}

// "250", "250ms", "5s"
std::optional<Duration> duration(std::string_view text) {
  int64_t unit = 1'000'000;
  if (text.ends_with("ms")) {
    text.remove_suffix(2);
  } else if (text.ends_with("s")) {
    text.remove_suffix(1);
    unit = 1'000'000'000;
  }
  auto number = ascii::decimal(text);
  if (!number) return std::nullopt;
  return Duration{static_cast<int64_t>(*number) * unit};
}

std::string gzip(std::string_view text) {
  z_stream z{};
  deflateInit2(&z, 9, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&z, text.size()) + 32, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FINISH);
  out.resize(out.size() - z.avail_out);
  deflateEnd(&z);
  return out;
}

class Parser {
 public:
  Flow read(std::string_view text) {
    flow_.options.scripted = true;
    for (const Line& line : lines_of(text)) statement(line);
    if (flow_.options.account_configs.empty()) throw Wrong{1, "no accounts"};
    if (flow_.wants.empty()) throw Wrong{1, "nothing is wanted"};
    return std::move(flow_);
  }

 private:
  void statement(const Line& line) {
    const std::string& first = line.words[0];
    if (first == "seed") {
      flow_.options.seed = count(line, word(line, 1));
    } else if (first == "accounts") {
      for (size_t i = 1; i < line.words.size(); ++i) add_account(line.words[i]);
    } else if (first == "account") {
      account_options(line);
    } else if (first == "route") {
      route(line);
    } else if (first == "clients") {
      for (size_t i = 1; i + 1 < line.words.size(); i += 2)
        flow_.options.auth.clients.push_back({line.words[i], Secret(line.words[i + 1])});
    } else if (first == "bound") {
      flow_.bound.emplace_back(word(line, 1), word(line, 2));
    } else if (first == "set") {
      set(line);
    } else if (first == "want") {
      flow_.wants.push_back({line.number, {line.words.begin() + 1, line.words.end()}});
    } else {
      said(line);
    }
  }

  static const std::string& word(const Line& line, size_t at) {
    if (at >= line.words.size()) throw Wrong{line.number, "something is missing at the end"};
    return line.words[at];
  }
  static uint64_t count(const Line& line, std::string_view text) {
    auto number = ascii::decimal(text);
    if (!number) throw Wrong{line.number, "not a number: " + std::string(text)};
    return *number;
  }
  static Duration time(const Line& line, std::string_view text) {
    auto at = duration(text);
    if (!at) throw Wrong{line.number, "not a time: " + std::string(text)};
    return *at;
  }

  accounts::AccountConfig& add_account(const std::string& name) {
    auto& account = flow_.options.account_configs.emplace_back();
    account.name = name;
    account.key = Secret("sk-of-account-" + name);
    return account;
  }

  void account_options(const Line& line) {
    auto& account = add_account(word(line, 1));
    for (size_t i = 2; i < line.words.size(); ++i) {
      if (line.words[i] == "passthrough") {
        account.passthrough = true;
      } else if (line.words[i] == "show_rate_limits") {
        account.show_rate_limits = true;
      } else if (line.words[i].starts_with("group=")) {
        account.group = line.words[i].substr(6);
      } else if (line.words[i] == "refuses") {
        flow_.refusing[account.name] = true;
      } else {
        throw Wrong{line.number, "an account has no " + line.words[i]};
      }
    }
  }

  void route(const Line& line) {
    auto& route = flow_.options.pool.routes.emplace_back();
    for (size_t i = 1; i < line.words.size(); ++i) {
      const std::string& one = line.words[i];
      const size_t equals = std::min(one.find('='), one.size());
      const std::string name = one.substr(0, equals);
      auto* names = name == "models"      ? &route.models
                    : name == "clients"   ? &route.clients
                    : name == "groups"    ? &route.groups
                    : name == "fallbacks" ? &route.fallback_models
                                          : nullptr;
      if (names == nullptr) throw Wrong{line.number, "a route has no " + name};
      for (size_t at = equals; at < one.size(); at = one.find(',', at + 1))
        names->push_back(one.substr(at + 1, std::min(one.find(',', at + 1), one.size()) - at - 1));
    }
  }

  void set(const Line& line) {
    const std::string& name = word(line, 1);
    const std::string& value = word(line, 2);
    auto& o = flow_.options;
    const std::map<std::string, Duration*> durations = {
        {"opening_hold", &o.stream.opening_hold},
        {"ping_after", &o.stream.ping_after},
        {"idle", &o.upstream.idle_read_timeout},
        {"first_byte", &o.upstream.first_byte_timeout},
        {"first_byte_unstreamed", &o.upstream.first_byte_timeout_unstreamed},
        {"total", &o.upstream.total_timeout},
        {"queue_wait", &o.pool.queue.max_wait},
        {"group_patience", &o.pool.queue.group_patience}};
    if (auto at = durations.find(name); at != durations.end()) {
      *at->second = time(line, value);
    } else if (name == "attempts") {
      o.attempts_max = static_cast<uint32_t>(count(line, value));
    } else if (name == "cache") {
      o.cache.emplace();
    } else if (name == "public_url") {
      o.public_url = value;
    } else if (name == "pieces") {
      o.client_weather.piece_bytes_max = o.upstream_weather.piece_bytes_max = count(line, value);
    } else {
      throw Wrong{line.number, "nothing is called " + name};
    }
  }

  // TIME WHO > … or TIME WHO < …
  void said(const Line& line) {
    const std::string& who = word(line, 1);
    const std::string& arrow = word(line, 2);
    if (who == "client" && arrow == ">") return request(line);
    if (who.starts_with("up(") && who.ends_with(")") && arrow == "<") return reply(line, who.substr(3, who.size() - 4));
    throw Wrong{line.number, "neither `TIME client > …` nor `+TIME up(account) < …`"};
  }

  void request(const Line& line) {
    Script script;
    script.start = time(line, line.words[0]);
    script.method = word(line, 3);
    script.path = word(line, 4);
    script.default_fields = false;
    bool stream = false, gzipped = false, defaults = true;
    std::optional<std::string> body;
    std::string key = "any-key";
    std::string host = "localhost";
    for (size_t i = 5; i < line.words.size(); ++i) {
      const std::string& one = line.words[i];
      const size_t equals = one.find('=');
      const std::string name = one.substr(0, equals);
      const std::string value = equals == std::string::npos ? "" : one.substr(equals + 1);
      if (name == "stream") {
        stream = value == "true";
      } else if (name == "body") {
        body = value;
      } else if (name == "key") {
        key = value;
      } else if (name == "host") {
        host = value;
      } else if (name == "peer") {
        script.peer = value;
      } else if (name == "gzip") {
        gzipped = true;
      } else if (name == "chunked") {
        script.chunked = true;
      } else if (name == "expect") {
        script.expect_continue = true;
      } else if (name == "half-close") {
        script.shut_after_request = true;
      } else if (name == "leaves") {
        script.leave_after = time(line, value);
      } else if (name == "no-fields") {
        defaults = false;
      } else {
        throw Wrong{line.number, "a request has no " + one};
      }
    }
    const bool post = script.method == "POST" || script.method == "PUT" || body;
    if (post && !body) body = simulation::World::body(stream, "hello");
    if (gzipped) {
      body = gzip(*body);
      script.fields += "content-encoding: gzip\r\n";
    }
    if (defaults) {
      script.fields += "host: " + host + "\r\n";
      if (post) script.fields += "content-type: application/json\r\n";
      script.fields += "anthropic-version: 2023-06-01\r\n";
      if (!key.empty()) script.fields += "x-api-key: " + key + "\r\n";
    }
    for (const std::string& field : line.below) script.fields += field + "\r\n";
    script.body = body.value_or("");
    flow_.clients.push_back(std::move(script));
  }

  // [+MS] NAME ARGS, of an event stream
  void item(const Line& line, std::span<const std::string> words, Reply& reply) {
    Act act;
    if (!words.empty() && words[0].starts_with('+')) {
      act.after = time(line, words[0].substr(1));
      words = words.subspan(1);
    }
    if (words.empty()) throw Wrong{line.number, "an empty piece of a stream"};
    const std::string& name = words[0];
    const std::string argument = words.size() > 1 ? words[1] : "";
    using simulation::event;
    std::string bytes;
    if (name == "message_start") {
      bytes = event(name, R"({"type":"message_start","message":{"id":"msg_1","model":"m","usage":{"input_tokens":)" +
                              (argument.empty() ? "12" : argument) + R"(,"output_tokens":1}}})");
    } else if (name == "ping") {
      bytes = event(name, R"({"type":"ping"})");
    } else if (name == "block") {
      bytes = event("content_block_start",
                    R"({"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})");
    } else if (name == "delta") {
      bytes =
          event("content_block_delta",
                R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":")" + argument + "\"}}");
    } else if (name == "message_delta") {
      bytes = event(name, R"({"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":)" +
                              (argument.empty() ? "3" : argument) + "}}");
    } else if (name == "message_stop") {
      bytes = event(name, R"({"type":"message_stop"})");
    } else if (name == "error") {
      bytes = event(name, R"({"type":"error","error":{"type":")" + argument + R"(","message":"no"}})");
    } else if (name == "bytes") {
      bytes = argument;
    } else if (name == "raw") {
      act.bytes = argument;
      reply.acts.push_back(std::move(act));
      return;
    } else if (name == "reset" || name == "end" || name == "stall") {
      act.what = name == "reset" ? Act::What::kReset : name == "end" ? Act::What::kEnd : Act::What::kStall;
      reply.acts.push_back(std::move(act));
      return;
    } else {
      throw Wrong{line.number, "a stream has no " + name};
    }
    act.bytes = simulation::chunk(bytes);
    reply.acts.push_back(std::move(act));
  }

  void reply(const Line& line, const std::string& account) {
    if (flow_.account(account) == flow_.options.account_configs.size())
      throw Wrong{line.number, "no account " + account};
    if (!line.words[0].starts_with('+')) throw Wrong{line.number, "an upstream's time is since it was asked: +MS"};
    Reply reply;
    const std::string& status = word(line, 3);
    if (status == "reset" || status == "end" || status == "stall" || status == "raw") {
      item(line, std::span(line.words).subspan(3), reply);
    } else {
      reply = answer(line);
    }
    reply.acts[0].after = time(line, line.words[0].substr(1));
    flow_.upstreams[account].push_back(std::move(reply));
  }

  Reply answer(const Line& line) {
    std::string head = "HTTP/1.1 " + word(line, 3) + " Reason\r\n";
    bool typed = false;
    std::string fields;
    for (const std::string& field : line.below) {
      typed = typed || ascii::starts_with_ignoring_case(field, "content-type:");
      fields += field + "\r\n";
    }
    size_t at = 4;
    while (at < line.words.size() && line.words[at] != "sse" && line.words[at] != "json") {
      const size_t equals = line.words[at].find('=');
      if (equals == std::string::npos) throw Wrong{line.number, "not a field: " + line.words[at]};
      fields += line.words[at].substr(0, equals) + ": " + line.words[at].substr(equals + 1) + "\r\n";
      ++at;
    }
    Reply reply;
    if (at >= line.words.size() || line.words[at] == "json") {
      const std::string body = at + 1 < line.words.size() ? line.words[at + 1] : "{}";
      if (!typed) fields += "content-type: application/json\r\n";
      reply.acts.push_back(
          {.bytes = head + fields + "content-length: " + std::to_string(body.size()) + "\r\n\r\n" + body});
      return reply;
    }
    if (!typed) fields += "content-type: text/event-stream\r\n";
    reply.acts.push_back({.bytes = head + fields + "transfer-encoding: chunked\r\n\r\n"});
    std::vector<std::string> piece;
    for (++at; at <= line.words.size(); ++at) {
      if (at < line.words.size() && line.words[at] != "|") {
        piece.push_back(line.words[at]);
        continue;
      }
      item(line, piece, reply);
      piece.clear();
    }
    if (reply.acts.back().what == Act::What::kSend) reply.acts.push_back({.bytes = "0\r\n\r\n"});
    return reply;
  }

  Flow flow_;
};

}  // namespace

size_t Flow::account(std::string_view name) const {
  size_t index = 0;
  while (index < options.account_configs.size() && options.account_configs[index].name != name) ++index;
  return index;
}

std::expected<Flow, std::string> parse(std::string_view text) {
  try {
    return Parser().read(text);
  } catch (const Wrong& wrong) {
    return std::unexpected(std::to_string(wrong.line) + ": " + wrong.why);
  }
}

}  // namespace baton::transcripts
