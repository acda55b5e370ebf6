#include "app/operate.h"

#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <thread>

#include "admin/audit_log.h"
#include "admin/token_file.h"
#include "app/operator_client.h"
#include "config/settings.h"
#include "config/url.h"
#include "config/value.h"
#include "http/json.h"
#include "http/json_view.h"

namespace baton::app {
namespace {

constexpr auto kTopEvery = std::chrono::seconds(1);

int cannot(const std::string& why, int code = 1) {
  std::fprintf(stderr, "baton: %s\n", why.c_str());
  return code;
}

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

// Where a running relay is, and its token.
struct Relay {
  OperatorClient::Target target;
  std::string folder;
};

// Nobody can be asked at an address that stands for all.
std::string reachable(std::string address) {
  if (address == "0.0.0.0") return "127.0.0.1";
  return address == "::" ? "::1" : address;
}

std::optional<Relay> find(const DataFolder& data) {
  Relay out{.target = {"127.0.0.1", 8788}, .folder = data.path.value_or("")};
  bool plaintext = false;
  if (!data.path || data.load.path) {
    // Where the relay is to be asked need not be where it could listen.
    config::LoadOptions load = data.load;
    load.admin.reset();
    auto settings = config::load(load);
    if (!settings) {
      std::fprintf(stderr, "%s\n", settings.error().text().c_str());
      return std::nullopt;
    }
    out.target = {.address = reachable(settings->admin.address),
                  .port = settings->admin.port,
                  .tls = settings->admin.tls.set(),
                  .ca_file = settings->admin_ca_file.empty() ? settings->admin.tls.cert : settings->admin_ca_file};
    plaintext = settings->admin_plaintext;
    if (!data.path) out.folder = settings->data_dir;
  }
  if (data.load.admin) {
    const auto address = config::parse_listen_address(*data.load.admin, config::PortZero::kRefused);
    if (!address) {
      std::fprintf(stderr, "--admin: %s\n", address.error().c_str());
      return std::nullopt;
    }
    out.target.address = reachable(address->address);
    out.target.port = address->port;
  }
  if (data.ca) {
    out.target.tls = true;
    out.target.ca_file = *data.ca;
  }
  // The token leaves this host in the clear only where the configuration says so.
  if (!plaintext && !config::is_loopback_name(out.target.address)) out.target.tls = true;
  return out;
}

std::string encoded(std::string_view text) {
  std::string out;
  for (char c : text) {
    const bool plain =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
    if (plain) {
      out += c;
    } else {
      char hex[4];
      std::snprintf(hex, sizeof hex, "%%%02X", static_cast<unsigned char>(c));
      out += hex;
    }
  }
  return out;
}

int accounts(OperatorClient& relay, const Operate& command) {
  const auto verb = command.action;
  if (verb == Operate::Action::kList) {
    auto answer = relay.ask("GET", "/admin/v1/accounts");
    if (!answer) return cannot(answer.error().detail);
    print(command.json ? *answer + "\n" : accounts_table(*answer));
    return 0;
  }
  if (verb == Operate::Action::kTest) {
    std::vector<std::string> names;
    if (!command.name.empty()) {
      names.push_back(command.name);
    } else {
      auto all = relay.ask("GET", "/admin/v1/accounts");
      if (!all) return cannot(all.error().detail);
      http::JsonElements each(http::json_member(*all, "accounts"));
      while (each.next()) {
        std::string room;
        names.emplace_back(http::json_text(http::json_member(each.value, "name"), room));
      }
    }
    int code = 0;
    for (const std::string& name : names) {
      auto answer = relay.ask("POST", "/admin/v1/accounts/" + encoded(name) + "/test");
      if (!answer) {
        code = cannot(name + ": " + answer.error().detail);
        continue;
      }
      print(command.json ? *answer + "\n" : test_line(*answer));
      if (!http::is_null(http::json_member(*answer, "error"))) code = 1;
    }
    return code;
  }
  const std::string_view word = verb == Operate::Action::kDrain  ? "drain"
                                : verb == Operate::Action::kPark ? "park"
                                                                 : "release";
  std::string body;
  if (command.reason) {
    body = "{\"reason\":";
    http::append_json_string(body, *command.reason);
    body += '}';
  }
  auto answer = relay.ask("POST", "/admin/v1/accounts/" + encoded(command.name) + "/" + std::string(word), body);
  if (!answer) return cannot(answer.error().detail);
  print(command.json ? *answer + "\n" : accounts_table("{\"accounts\":[" + *answer + "]}"));
  return 0;
}

int cache(OperatorClient& relay, const Operate& command) {
  if (command.action != Operate::Action::kPurge) {
    auto answer = relay.ask("GET", "/admin/v1/cache");
    if (!answer) return cannot(answer.error().detail);
    print(command.json ? *answer + "\n" : cache_lines(*answer));
    return 0;
  }
  std::string body = command.all ? "{\"all\":true" : "{";
  for (const auto& [name, value] :
       {std::pair{"tenant", &command.tenant}, {"tag", &command.tag}, {"key", &command.key}}) {
    if (!*value) continue;
    body.append(body.size() > 1 ? "," : "").append("\"").append(name).append("\":");
    http::append_json_string(body, **value);
  }
  auto answer = relay.ask("POST", "/admin/v1/cache/purge", body + "}");
  if (!answer) return cannot(answer.error().detail);
  print(command.json ? *answer + "\n" : std::string(http::json_member(*answer, "entries")) + " replies are gone.\n");
  return 0;
}

int tail(OperatorClient& relay, const Operate& command) {
  if (!command.name.empty()) {
    auto answer = relay.ask("GET", "/admin/v1/calls/" + encoded(command.name));
    if (!answer) return cannot(answer.error().detail);
    print(command.json ? *answer + "\n" : call_story(*answer));
    return 0;
  }
  auto done = relay.follow("/admin/v1/live", [&](std::string_view event, std::string_view data) {
    if (event == "call") print(command.json ? std::string(data) + "\n" : call_line(data));
    if (event == "skipped" && !command.json)
      print("... " + std::string(http::json_member(data, "count")) + " more calls\n");
    return std::ferror(stdout) == 0;
  });
  return done ? 0 : cannot(done.error().detail);
}

int top(OperatorClient& relay, const Operate& command) {
  const bool once = command.once || (!command.json && ::isatty(STDOUT_FILENO) == 0);
  while (true) {
    auto overview = relay.ask("GET", "/admin/v1/overview");
    if (!overview) return cannot(overview.error().detail);
    auto all = relay.ask("GET", "/admin/v1/accounts");
    if (!all) return cannot(all.error().detail);
    if (command.json) {
      print("{\"overview\":" + *overview + ",\"accounts\":" + *all + "}\n");
    } else {
      print((once ? "" : "\x1b[H\x1b[2J") + overview_lines(*overview) + "\n" + accounts_table(*all));
    }
    if (once || std::ferror(stdout) != 0) return 0;
    std::this_thread::sleep_for(kTopEvery);
  }
}

}  // namespace

int run_operate(const Operate& command) {
  // Ctrl-C ends a command; only a relay waits for its signals.
  sigset_t ends;
  sigemptyset(&ends);
  for (int one : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&ends, one);
  ::sigprocmask(SIG_UNBLOCK, &ends, nullptr);
  const auto where = find(command.data);
  if (!where) return 2;
  auto token = admin::read_token(where->folder);
  if (!token) return cannot(token.error().detail);
  auto client = OperatorClient::make(where->target, std::move(*token));
  if (!client) return cannot("--ca: " + client.error().detail, 2);
  OperatorClient& relay = **client;
  switch (command.what) {
    case Operate::What::kAccounts: return accounts(relay, command);
    case Operate::What::kCache: return cache(relay, command);
    case Operate::What::kTail: return tail(relay, command);
    case Operate::What::kTop: return top(relay, command);
  }
  return 1;
}

int run_audit(const Audit& command) {
  const auto where = find(command.data);
  if (!where) return 2;
  const admin::AuditLog log(where->folder);
  if (command.list) {
    auto entries = log.latest(1000);
    if (!entries) return cannot(entries.error().detail);
    for (auto entry = entries->rbegin(); entry != entries->rend(); ++entry) print(*entry + "\n");
    return 0;
  }
  auto state = log.verify();
  if (!state) return cannot(state.error().detail);
  if (command.json) {
    print("{\"entries\":" + std::to_string(state->entries) + ",\"last_hash\":\"" + state->last_hash +
          "\",\"whole\":" + (state->whole() ? "true" : "false") +
          ",\"wrong_line\":" + (state->wrong_line == 0 ? "null" : std::to_string(state->wrong_line)) + ",\"missing\":" +
          std::to_string(state->missing) + ",\"replaced\":" + (state->replaced ? "true" : "false") + "}\n");
    return state->whole() ? 0 : 1;
  }
  if (state->missing > 0)
    return cannot(log.path() + ": the last " + std::to_string(state->missing) + " of " +
                  std::to_string(state->entries + state->missing) + " entries are missing: it was cut off at its end");
  if (state->replaced)
    return cannot(log.path() + ": the last entry is another than the one that was written; the log was changed");
  if (!state->whole())
    return cannot(log.path() + ":" + std::to_string(state->wrong_line) + ": " + state->why +
                  "; the log was changed there, or is not Baton's");
  print(std::to_string(state->entries) + " entries follow one another; the last has the hash " + state->last_hash +
        "\n");
  return 0;
}

}  // namespace baton::app
