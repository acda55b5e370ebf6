#include <gtest/gtest.h>

#include "base/ascii.h"
#include "http/sse.h"
#include "tests/simulation/checks.h"
#include "tests/transcripts/flow.h"

namespace baton::transcripts {

using simulation::Seen;
using simulation::World;

namespace {

std::string shown(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\n')
      out += "\\n";
    else if (c == '\r')
      out += "\\r";
    else if (c >= 0x20 && c < 0x7f)
      out.push_back(c);
    else
      out += "?";
  }
  return out;
}

std::string join(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

// The events that a client saw; Baton's own are told by their bytes.
struct SeenEvent {
  std::string name;
  size_t end = 0;
};
std::vector<SeenEvent> events_of(const Seen& seen) {
  std::vector<SeenEvent> events;
  http::SseScanner scanner;
  scanner.feed(seen.body, [&](const http::SseEvent& event) {
    std::string name(event.name.empty() ? "nameless" : event.name);
    if (name == "ping" && event.data == R"({"type": "ping"})") name = "baton-ping";
    if (name == "error" && event.data.find("\"brq_") != std::string_view::npos) name = "baton-error";
    events.push_back({std::move(name), event.end});
  });
  return events;
}

std::string attempts_of(const model::Outcome& outcome) {
  std::vector<std::string> words;
  for (const auto& attempt : outcome.attempts)
    words.push_back(attempt.account + ":" + std::string(model::name(attempt.result)));
  return join(words);
}

class Judge {
 public:
  Judge(const Flow& flow, World& world, const std::vector<Seen>& seen, Instant began, const std::string& file)
      : flow_(flow), world_(world), seen_(seen), began_(began), file_(file) {}

  void judge(const Want& want) {
    testing::ScopedTrace here(file_.c_str(), static_cast<int>(want.line), "want " + join(want.words));
    words_ = want.words;
    const std::string subject = next();
    std::string name = subject.substr(0, subject.find('('));
    std::string inside =
        subject.size() > name.size() ? subject.substr(name.size() + 1, subject.size() - name.size() - 2) : "1";
    if (name == "client") return client(inside);
    if (name == "up") return upstream(inside);
    if (name == "ledger") return ledger(inside);
    if (name == "metric") return metric();
    ADD_FAILURE() << "nobody is called " << name;
  }

 private:
  std::string next() {
    if (at_ == words_.size()) return {};
    return words_[at_++];
  }
  std::vector<std::string> rest() {
    std::vector<std::string> out(words_.begin() + static_cast<std::ptrdiff_t>(at_), words_.end());
    at_ = words_.size();
    return out;
  }
  static size_t number(const std::string& text) { return static_cast<size_t>(ascii::decimal(text).value_or(0)); }

  void has(std::string_view verb, const std::string& text, const std::string& part) {
    const bool found = text.find(part) != std::string::npos;
    EXPECT_EQ(found, verb == "has") << shown(text);
  }

  void client(const std::string& which) {
    ASSERT_LE(number(which), seen_.size());
    ASSERT_GE(number(which), 1u);
    const Seen& seen = seen_[number(which) - 1];
    const std::string what = next();
    if (what == "=") {
      EXPECT_EQ(std::to_string(seen.status), next()) << shown(seen.body);
      const std::string how = next();
      if (how == "complete" || how.empty()) EXPECT_TRUE(seen.complete);
      if (how == "cut") EXPECT_FALSE(seen.complete);
      EXPECT_TRUE(how.empty() || how == "complete" || how == "cut") << how;
    } else if (what == "nothing") {
      EXPECT_EQ(seen.received, 0u) << shown(seen.head);
    } else if (what == "has" || what == "lacks") {
      has(what, seen.head, "\r\n" + next());
    } else if (what == "continued") {
      EXPECT_TRUE(seen.continued);
    } else if (what == "body") {
      body(seen);
    } else if (what == "events") {
      std::vector<std::string> names;
      for (const auto& event : events_of(seen)) names.push_back(event.name);
      EXPECT_EQ(join(names), join(rest()));
    } else if (what == "event") {
      const size_t index = number(next());
      auto events = events_of(seen);
      ASSERT_GE(index, 1u);
      ASSERT_LE(index, events.size());
      EXPECT_EQ(next(), "at");
      EXPECT_NEAR(static_cast<double>(milliseconds(seen.arrival(events[index - 1].end - 1))),
                  static_cast<double>(number(next())), 60);
    } else {
      ADD_FAILURE() << "a client has no " << what;
    }
  }

  void body(const Seen& seen) {
    const std::string how = next();
    const std::string text = next();
    if (how == "has" || how == "lacks") return has(how, seen.body, text);
    EXPECT_EQ(how, "=");
    if (!text.starts_with("up(")) {
      EXPECT_EQ(shown(seen.body), shown(text));
      return;
    }
    auto replies = written(text.substr(3, text.size() - 4));
    ASSERT_FALSE(replies.empty());
    EXPECT_TRUE(seen.body == replies[0].content) << shown(seen.body) << "\nis not\n" << shown(replies[0].content);
  }

  // What an account's upstream wrote as its n-th reply: "a" or "a,2".
  std::vector<simulation::UpstreamReply> written(const std::string& which) {
    const size_t comma = which.find(',');
    const size_t nth = comma == std::string::npos ? 1 : number(which.substr(comma + 1));
    auto at = flow_.upstreams.find(which.substr(0, comma));
    if (at == flow_.upstreams.end() || nth > at->second.size() || nth < 1) return {};
    return simulation::read_replies(at->second[nth - 1].all());
  }

  void upstream(const std::string& which) {
    const size_t comma = which.find(',');
    const size_t account = flow_.account(which.substr(0, comma));
    const size_t nth = comma == std::string::npos ? 1 : number(which.substr(comma + 1));
    std::vector<const simulation::Asked*> asked;
    for (const auto& one : world_.upstreams.asked) {
      if (one.account == account) asked.push_back(&one);
    }
    const std::string what = next();
    if (what == "asked") {
      EXPECT_EQ(asked.size(), number(next()));
      return;
    }
    if (what == "left") {
      EXPECT_EQ(next(), "at");
      ASSERT_EQ(world_.upstreams.left.size(), 1u);
      EXPECT_EQ(world_.upstreams.left[0].account, account);
      EXPECT_NEAR(static_cast<double>(milliseconds(world_.upstreams.left[0].at - began_)),
                  static_cast<double>(number(next())), 60);
      return;
    }
    ASSERT_GE(nth, 1u);
    ASSERT_LE(nth, asked.size()) << "it was not asked so often";
    const auto& request = *asked[nth - 1];
    if (what == "line") {
      EXPECT_EQ(request.head.substr(0, request.head.find('\r')), next());
    } else if (what == "has" || what == "lacks") {
      has(what, request.head, "\r\n" + next());
    } else if (what == "body") {
      EXPECT_EQ(next(), "=");
      const std::string text = next();
      if (text.starts_with("client(")) {
        EXPECT_TRUE(request.body == flow_.clients[number(text.substr(7, text.size() - 8)) - 1].body)
            << shown(request.body);
      } else {
        EXPECT_EQ(shown(request.body), shown(text));
      }
    } else {
      ADD_FAILURE() << "an upstream has no " << what;
    }
  }

  void ledger(const std::string& which) {
    const std::string first = next();
    if (first == "=") {
      EXPECT_EQ(world_.outcomes.size(), number(next()));
      return;
    }
    ASSERT_GE(number(which), 1u);
    ASSERT_LE(number(which), world_.outcomes.size());
    const model::Outcome& outcome = world_.outcomes[number(which) - 1];
    if (first == "attempts") {
      EXPECT_EQ(attempts_of(outcome), join(rest()));
    } else if (first == "tokens") {
      EXPECT_EQ(std::to_string(outcome.usage.input_tokens) + "/" + std::to_string(outcome.usage.output_tokens), next());
    } else if (first == "ending") {
      EXPECT_EQ(model::name(outcome.ending), next());
    } else if (first == "error") {
      EXPECT_EQ(outcome.error, next());
    } else if (first == "status") {
      EXPECT_EQ(std::to_string(outcome.status), next());
    } else if (first == "pings") {
      EXPECT_EQ(outcome.pings_sent, number(next()));
    } else if (first == "model") {
      EXPECT_EQ(outcome.model, next());
    } else if (first == "client") {
      EXPECT_EQ(outcome.client, next());
    } else {
      ADD_FAILURE() << "an outcome has no " << first;
    }
  }

  void metric() {
    const std::string name = next();
    EXPECT_EQ(next(), "=");
    EXPECT_EQ(world_.metric(name).value_or(0), static_cast<double>(number(next())));
  }

  const Flow& flow_;
  World& world_;
  const std::vector<Seen>& seen_;
  Instant began_;
  const std::string& file_;
  std::vector<std::string> words_;
  size_t at_ = 0;
};

}  // namespace

void run(const Flow& flow, const std::string& file) {
  World world(flow.options);
  for (const auto& [account, replies] : flow.upstreams) {
    for (const auto& reply : replies) world.upstreams.next(flow.account(account), reply);
  }
  for (const auto& [account, refuses] : flow.refusing) world.dialers[flow.account(account)]->refuse = refuses;
  for (const auto& [object, account] : flow.bound) {
    EXPECT_TRUE(world.bindings().bind(
        object, account, object.starts_with("file_") ? store::ObjectKind::kFile : store::ObjectKind::kBatch));
  }
  const Instant began = world.clock.now();
  const std::vector<Seen> seen = world.play(flow.clients);
  for (const Seen& one : seen) EXPECT_FALSE(one.malformed);
  for (const Want& want : flow.wants) Judge(flow, world, seen, began, file).judge(want);
  world.check();
}

}  // namespace baton::transcripts
