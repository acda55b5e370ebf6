// Random worlds: a seed decides the accounts, the weather, what goes wrong and what a crowd of clients does; what must
// always hold is checked after each. Some worlds last seconds and are crowded; others last an hour, in which troubles
// come and go, and between them every honest call must be served. BATON_SIM_SEEDS: how many seeds of the former,
// BATON_SIM_HOURS: of the latter; BATON_SIM_SEED: this one (`./dev sim SEED`), or the first of so many.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <set>

#include "auth/key_ring.h"
#include "base/ascii.h"
#include "ledger/budgets.h"
#include "tests/simulation/checks.h"
#include "tests/simulation/seeds.h"
#include "tests/simulation/world.h"

namespace baton::simulation {
namespace {

using namespace std::chrono_literals;
using model::AttemptResult;
using model::Ending;
using model::Operation;

constexpr std::string_view kKey = "bk-000102030405060708090a0b0c0d0e0f1011121314151617";

enum class Lasting : uint8_t { kSeconds, kHour };

// What goes wrong for a while in a world that lasts an hour.
struct Trouble {
  enum class Kind : uint8_t {
    kRefuse,  // an account's upstream takes no connection
    kCut,     // connections to it break at some byte
    kKill,    // all that are open to it break at once
    kFull,    // most of the room for bodies and replies is taken
    kErrors,  // it answers with an error
    kStall,   // it falls silent, or is slow
    kLeave,   // clients leave
    kCrowd,   // clients come all at once
  };
  static constexpr uint64_t kKinds = 8;
  Kind kind = Kind::kRefuse;
  Duration from{0};
  Duration to{0};
  size_t account = 0;
};
// Before a trouble calls may still be under way; behind it an account is benched or ejected for a while.
constexpr Duration kBefore = 1min;
constexpr Duration kBehind = 6min;

// What a seed decides.
struct Plan {
  WorldOptions options;
  Lasting lasting = Lasting::kSeconds;
  std::vector<Trouble> troubles;
  bool keyed = false;  // clients have a key with a budget
  std::vector<Script> scripts;
  bool faults = false;   // of the upstreams
  bool leaving = false;  // of clients
  double cut_share = 0;  // of connections, at a random byte
  std::set<size_t> refusing;
};

class Planner {
 public:
  Planner(uint64_t seed, Lasting lasting)
      : random_(seed * 0x9e3779b97f4a7c15ull + (lasting == Lasting::kHour ? 2 : 1)), seed_(seed), lasting_(lasting) {}

  Plan plan() {
    const bool hour = lasting_ == Lasting::kHour;
    Plan plan{.lasting = lasting_};
    plan.faults = !hour && seed_ % 3 != 0;
    plan.leaving = !hour && seed_ % 2 != 0;
    plan.keyed = hour && seed_ % 2 == 0;
    if (plan.keyed) key_field_ = "baton-key: " + std::string(kKey) + "\r\n";
    WorldOptions& options = plan.options;
    options.seed = seed_;
    options.accounts = 1 + random_.below(4);
    options.sim.seed = seed_;
    options.sim.orgs.clear();
    for (size_t i = 0; i < options.accounts; ++i) {
      options.sim.orgs.push_back({.id = "org_" + std::to_string(i), .keys = {{.key = World::key(i)}}});
      if (plan.faults && random_.chance(0.2)) options.sim.orgs.back().requests_per_minute = 60 + random_.below(600);
    }
    options.sim.first_token = upto(300ms);
    options.sim.per_token = upto(30ms);
    options.sim.output_tokens = static_cast<uint32_t>(5 + random_.below(80));
    options.sim.batch_duration = upto(2s);
    options.client_weather = weather();
    options.upstream_weather = weather();
    small_pieces_ = options.client_weather.piece_bytes_max < 64 || options.upstream_weather.piece_bytes_max < 64;
    if (!hour && random_.chance(0.2)) options.request_bytes_max = 100 * kKiB + random_.below(400 * kKiB);
    if (!hour && random_.chance(0.1)) options.reply_bytes_max = 2 * kKiB;
    if (random_.chance(0.2)) options.upstream.requests_per_connection_max = 1 + random_.below(3);
    if (random_.chance(0.2)) options.upstream.idle_per_endpoint_max = random_.below(3);
    options.upstream.idle_read_timeout = 40s;
    options.stream.opening_hold = random_.chance(0.5) ? 5s : upto(500ms);
    if (plan.faults) {
      auto share = [&] { return random_.chance(0.5) ? random_.unit() * 0.2 : 0; };
      options.sim.errors = {.rate_limited = share(),
                            .overloaded = share(),
                            .server_error = share(),
                            .reset = share(),
                            .stream_error = share()};
      if (random_.chance(0.4)) plan.cut_share = random_.unit() * 0.3;
      if (options.accounts > 1 && random_.chance(0.2)) plan.refusing.insert(random_.below(options.accounts));
    }
    const size_t clients = hour ? 40 + random_.below(41) : 20 + random_.below(81);
    for (size_t i = 0; i < clients; ++i) plan.scripts.push_back(script(plan));
    if (hour) add_troubles(plan);
    return plan;
  }

 private:
  Duration upto(Duration most) {
    return Duration{static_cast<int64_t>(random_.below(static_cast<uint64_t>(most.count()) + 1))};
  }

  void add_troubles(Plan& plan) {
    const size_t count = 3 + random_.below(8);
    for (size_t i = 0; i < count; ++i) {
      Trouble trouble{.kind = static_cast<Trouble::Kind>(random_.below(Trouble::kKinds)), .from = upto(55min)};
      trouble.to = trouble.from + upto(2min);
      trouble.account = random_.below(plan.options.accounts);
      plan.troubles.push_back(trouble);
      for (Script& script : plan.scripts) meet(trouble, script);
    }
    plan.faults = plan.leaving = true;  // of some calls
  }

  // What a trouble makes of a call that comes while it lasts.
  void meet(const Trouble& trouble, Script& script) {
    if (trouble.kind == Trouble::Kind::kCrowd && random_.chance(0.4)) script.start = trouble.from;
    if (script.start < trouble.from || script.start > trouble.to) return;
    const std::string at = "baton-sim: key=" + World::key(trouble.account) + ";";
    static constexpr std::string_view kErrors[] = {"status=529", "status=429", "status=500", "status=401"};
    static constexpr std::string_view kSilences[] = {"fault=stall", "fault=half_head", "fault=slow;gap=200ms",
                                                     "first_token=20s"};
    if (trouble.kind == Trouble::Kind::kErrors)
      script.fields += at + std::string(kErrors[random_.below(std::size(kErrors))]) + "\r\n";
    if (trouble.kind == Trouble::Kind::kStall)
      script.fields += at + std::string(kSilences[random_.below(std::size(kSilences))]) + "\r\n";
    if (trouble.kind == Trouble::Kind::kLeave) leave(script);
  }

  void leave(Script& script) {
    script.leave_by_reset = random_.chance(0.5);
    switch (random_.below(4)) {
      case 0: script.leave_after_sent = random_.below(script.body.size() + 400); break;
      case 1: script.leave_after_bytes = 1 + random_.below(6000); break;
      case 2: script.leave_after = upto(4s); break;
      default: script.shut_after_request = true; break;
    }
  }

  Weather weather() {
    static constexpr size_t kPieces[] = {1, 7, 100, 1500, 16 * 1024, 64 * 1024};
    return {.piece_bytes_max = kPieces[random_.below(std::size(kPieces))],
            .window_bytes = (1 + random_.below(64)) * 4 * kKiB};
  }

  std::string text(size_t bytes_max) {
    static constexpr std::string_view kWords[] = {"plain ",  "\u6f22\u5b57", "\U0001F600", "\\\"quoted\\\" ",
                                                  "\\u00e9", "{[",           "data: ",     "\\n\\n"};
    std::string out;
    const size_t size = random_.below(bytes_max);
    while (out.size() < size) out += kWords[random_.below(std::size(kWords))];
    return out;
  }

  Script messages(const Plan& plan) {
    std::string more;
    if (random_.chance(0.3))
      more +=
          R"(,"tools":[{"name":"look","description":"d","input_schema":{"type":"object","properties":{"q":{"type":"string"}}}}])";
    if (random_.chance(0.2))
      more += R"(,"system":[{"type":"text","text":")" + text(8000) + R"(","cache_control":{"type":"ephemeral"}}])";
    if (random_.chance(0.1)) more += R"(,"unknown_field":{"a":[1,2,{"b":null}]})";
    if (random_.chance(0.03)) more += R"(,"model":"twice")";  // refused: a key twice
    size_t big = random_.chance(0.15) ? (small_pieces_ ? 20'000 : 200'000) : 300;
    Script script{.body = World::body(random_.chance(0.6), text(big), more)};
    if (plan.faults && random_.chance(0.3)) script.fields += "baton-sim: " + fault() + "\r\n";
    if (random_.chance(0.2)) script.fields += "anthropic-beta: never-seen-" + std::to_string(random_.below(9)) + "\r\n";
    return script;
  }

  std::string fault() {
    static constexpr std::string_view kFaults[] = {
        "fault=reset",         "fault=close",     "fault=stall",       "fault=slow;gap=3ms", "fault=error_event",
        "fault=garbage_chunk", "fault=no_stop",   "fault=early_error", "fault=half_head",    "framing=crlf",
        "framing=cr",          "framing=nospace", "framing=comments",  "encoding=gzip",      "encoding=br",
        "encoding=zstd",       "chunk=1",         "status=529",        "status=429",         "status=500",
        "status=401",          "status=400",      "tokens=3",          "first_token=20s",    "delay=3s",
        "reply=tool_use",      "reply=refusal",   "reply=pause_turn"};
    std::string out;
    if (random_.chance(0.4)) out += "key=" + World::key(random_.below(4)) + ";";
    out += kFaults[random_.below(std::size(kFaults))];
    if (random_.chance(0.7)) out += ";at=" + std::to_string(random_.below(4000));
    if (random_.chance(0.2)) out += ";chunk=" + std::to_string(1 + random_.below(200));
    return out;
  }

  Script script(const Plan& plan) {
    Script script;
    const uint64_t kind = random_.below(100);
    if (kind < 70) {
      script = messages(plan);
    } else if (kind < 78) {
      script = {.path = "/v1/messages/count_tokens?beta=true", .body = World::body(false, text(2000))};
    } else if (kind < 82) {
      script = {.method = "GET",
                .path = random_.chance(0.5) ? "/v1/models?limit=2" : "/v1/models/claude-sonnet-5-5",
                .fields = "anthropic-version: 2023-06-01\r\n"};
    } else if (kind < 88) {
      script = batch();
    } else if (kind < 94) {
      script = file();
    } else if (kind < 97) {
      script = {.method = "GET", .path = "/v1/something/else", .fields = "anthropic-version: 2023-06-01\r\n"};
    } else {
      script = {.method = "GET", .path = random_.chance(0.5) ? "/" : "/nowhere"};
    }
    script.start = upto(lasting_ == Lasting::kHour ? Duration(59min) : Duration(3s));
    script.chunked = script.method == "POST" && random_.chance(0.3);
    script.expect_continue = script.method == "POST" && random_.chance(0.1);
    if (random_.chance(0.1)) {
      script.send_piece_bytes = 1 + random_.below(5000);
      script.send_pause = upto(2ms);
    }
    if (random_.chance(0.2)) {
      script.read_bytes = 20 + random_.below(2000);
      script.read_pause = upto(20ms);
    }
    if (plan.leaving && random_.chance(0.4)) leave(script);
    script.fields += key_field_;
    return script;
  }

  static std::optional<std::string> id_in(const Seen& seen, std::string_view prefix) {
    if (seen.status != 200) return std::nullopt;
    size_t at = seen.body.find("\"" + std::string(prefix));
    if (at == std::string::npos) return std::nullopt;
    return seen.body.substr(at + 1, seen.body.find('"', at + 1) - at - 1);
  }
  static std::string get(const std::string& path, const std::string& fields) {
    return "GET " + path + " HTTP/1.1\r\nhost: localhost\r\nanthropic-version: 2023-06-01\r\n" + fields + "\r\n";
  }

  // Made, looked at until it has ended, its results read, deleted: all of it has to go to the account that made it.
  Script batch() {
    Script script{.path = "/v1/messages/batches",
                  .body = R"({"requests":[{"custom_id":"one","params":)" + World::body(false, text(300)) + "}]}"};
    auto id = std::make_shared<std::string>();
    auto step = std::make_shared<int>(0);
    script.then = [id, step, fields = key_field_](const Seen& last) -> std::optional<std::string> {
      if (last.status != 200) return std::nullopt;
      if (id->empty()) *id = id_in(last, "msgbatch_").value_or("");
      if (id->empty()) return std::nullopt;
      switch ((*step)++) {
        case 0: return get("/v1/messages/batches/" + *id, fields);
        case 1: return get("/v1/messages/batches/" + *id + "/results", fields);
        case 2: return "DELETE" + get("/v1/messages/batches/" + *id, fields).substr(3);
        default: return std::nullopt;
      }
    };
    script.then_pause = 3s;
    return script;
  }

  Script file() {
    const std::string content = text(small_pieces_ ? 3000 : 100'000);
    Script script{.path = "/v1/files",
                  .fields = "content-type: multipart/form-data; boundary=XX\r\n",
                  .body =
                      "--XX\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\ncontent-type: "
                      "text/plain\r\n\r\n" +
                      content + "\r\n--XX--\r\n"};
    auto id = std::make_shared<std::string>();
    auto step = std::make_shared<int>(0);
    script.then = [id, step, fields = key_field_](const Seen& last) -> std::optional<std::string> {
      if (last.status != 200) return std::nullopt;
      if (id->empty()) *id = id_in(last, "file_").value_or("");
      if (id->empty()) return std::nullopt;
      switch ((*step)++) {
        case 0: return get("/v1/files/" + *id, fields);
        case 1: return get("/v1/files/" + *id + "/content", fields);
        case 2: return "DELETE" + get("/v1/files/" + *id, fields).substr(3);
        default: return std::nullopt;
      }
    };
    return script;
  }

  runtime::Random random_;
  uint64_t seed_;
  Lasting lasting_;
  std::string key_field_;
  bool small_pieces_ = false;
};

// What must hold after a run.
class Checker {
 public:
  Checker(World& world, const Plan& plan, const std::vector<Seen>& seen) : world_(world), plan_(plan), seen_(seen) {}

  void check() {
    for (const auto& written : world_.upstream_replies) {
      for (auto& reply : read_replies(*written)) replies_.emplace(reply.field("request-id"), std::move(reply));
    }
    for (const auto& outcome : world_.outcomes) {
      EXPECT_TRUE(outcomes_.emplace(outcome.request_id, &outcome).second) << "two outcomes of " << outcome.request_id;
      check_outcome(outcome);
    }
    size_t requests = 0;
    for (size_t i = 0; i < seen_.size(); ++i) {
      SCOPED_TRACE("client " + std::to_string(i) + " " + plan_.scripts[i].path + " " + plan_.scripts[i].fields);
      const Script& script = plan_.scripts[i];
      const bool may_leave =
          script.leave_after || script.leave_after_bytes || script.leave_after_sent || script.shut_after_request;
      check_reply(seen_[i], may_leave, stream_asked(script));
      if (honest(script)) {
        EXPECT_EQ(seen_[i].status, 200) << "an honest call in quiet times\n" << seen_[i].body;
        EXPECT_TRUE(seen_[i].complete);
        ++honest_;
      }
      requests += 1 + seen_[i].then.size();
      for (const Seen& following : seen_[i].then) check_reply(following, false, false);
      if (script.path == "/v1/files") check_file(script, seen_[i]);
      if (script.path == "/v1/messages/batches") check_batch(seen_[i]);
    }
    EXPECT_LE(world_.outcomes.size(), requests);
    if (!plan_.leaving) EXPECT_EQ(world_.outcomes.size(), requests);
    EXPECT_LE(world_.peak_request_bytes, plan_.options.request_bytes_max);
    EXPECT_LE(world_.peak_reply_bytes, plan_.options.reply_bytes_max);
    if (!plan_.faults && !plan_.leaving && counted(false)) check_books();
    world_.check();
  }
  size_t honest() const { return honest_; }

 private:
  // Whether nothing stands against a call: it is well-formed, stays to the end, and no trouble is near.
  bool honest(const Script& script) const {
    if (plan_.lasting != Lasting::kHour || script.path != "/v1/messages") return false;
    if (script.fields.contains("baton-sim:") || script.body.contains("\"twice\"") ||
        script.body.contains("\"content\":\"\""))
      return false;
    if (script.leave_after || script.leave_after_bytes || script.leave_after_sent || script.shut_after_request)
      return false;
    return std::ranges::none_of(plan_.troubles, [&](const Trouble& trouble) {
      return script.start > trouble.from - kBefore && script.start < trouble.to + kBehind;
    });
  }

  // A whole Message is read for its usage only where there is room to hold it.
  bool counted(bool stream) const { return stream || plan_.options.reply_bytes_max >= 1 * kMiB; }

  static bool stream_asked(const Script& script) {
    return script.path == "/v1/messages" && script.body.find("\"stream\":true") != std::string::npos;
  }

  void check_outcome(const model::Outcome& outcome) {
    SCOPED_TRACE(outcome.request_id + " " + outcome.path);
    EXPECT_LE(outcome.attempts.size(), 3u);
    size_t processed = 0;
    std::set<std::string> accounts;
    for (size_t i = 0; i < outcome.attempts.size(); ++i) {
      const auto& attempt = outcome.attempts[i];
      processed += attempt.may_have_been_processed || attempt.result == AttemptResult::kOk ? 1 : 0;
      const bool again = !accounts.insert(attempt.account).second;
      if (again) EXPECT_EQ(outcome.attempts[i - 1].result, AttemptResult::kReset) << "the same account twice";
      const bool creates = outcome.operation == Operation::kBatchCreate || outcome.operation == Operation::kFileUpload;
      if (creates && i > 0) EXPECT_EQ(outcome.attempts[i - 1].result, AttemptResult::kConnectFailed);
      if (attempt.result == AttemptResult::kClientError && i + 1 < outcome.attempts.size())
        ADD_FAILURE() << "moved after a client error";
    }
    EXPECT_LE(processed, 2u) << "processed more than twice";
  }

  void check_reply(const Seen& seen, bool may_leave, bool stream) {
    EXPECT_FALSE(seen.malformed) << seen.head << seen.body;
    if (seen.status == 0) {
      EXPECT_TRUE(may_leave) << "no answer";
      return;
    }
    const std::string id = seen.field("baton-request-id");
    if (id.empty()) {
      EXPECT_EQ(seen.body, "{\"message\":\"hello\"}");  // the probe
      return;
    }
    auto found = outcomes_.find(id);
    ASSERT_NE(found, outcomes_.end()) << "no outcome of " << id;
    const model::Outcome& outcome = *found->second;
    EXPECT_EQ(outcome.status, seen.status);
    const std::string upstream_id = seen.field("request-id");
    if (upstream_id == id || upstream_id.empty()) {
      EXPECT_TRUE(seen.body.starts_with(R"({"type":"error","error":{"type":")") || may_leave) << seen.body;
      EXPECT_NE(outcome.error, "");
      return;
    }
    auto upstream = replies_.find(upstream_id);
    ASSERT_NE(upstream, replies_.end()) << "an answer nobody gave: " << upstream_id;
    const UpstreamReply& reply = upstream->second;
    EXPECT_EQ(reply.status, seen.status);
    if (outcome.operation >= Operation::kBatchCreate && outcome.operation <= Operation::kBatchCancel &&
        outcome.operation != Operation::kBatchResults) {
      return;  // links are rewritten; check_batch looks
    }
    Comparison same = compare(seen.body, reply.content);
    // Who leaves may do so inside an event of Baton's own.
    if (!same.fits && may_leave)
      same = compare(std::string_view(seen.body).substr(0, seen.body.rfind("\n\n") + 2), reply.content);
    EXPECT_TRUE(same.fits) << "not a prefix of one upstream reply\n" << seen.body;
    EXPECT_TRUE(same.pings_stand_between_events) << seen.body;
    const bool encoded = !seen.field("content-encoding").empty();
    if (outcome.ending == Ending::kComplete && !seen.left && !seen.reset) {
      EXPECT_TRUE(seen.complete || may_leave);
      EXPECT_EQ(same.forwarded_bytes, reply.content.size()) << "complete, but not all of it";
      EXPECT_FALSE(same.error_event);
      if (stream && seen.status == 200) EXPECT_EQ(outcome.pings_sent, same.pings);
      if (stream && seen.status == 200 && !encoded) EXPECT_EQ(outcome.events + outcome.pings_sent, seen.events.size());
      if (outcome.operation == Operation::kMessages && seen.status == 200 && !encoded && counted(stream) &&
          (stream || reply.content.ends_with('}'))) {
        model::Usage want = usage_in(reply.content);
        EXPECT_EQ(outcome.usage.input_tokens, want.input_tokens);
        EXPECT_EQ(outcome.usage.output_tokens, want.output_tokens);
        EXPECT_EQ(outcome.usage.cache_read_input_tokens, want.cache_read_input_tokens);
        EXPECT_EQ(outcome.usage.cache_creation_input_tokens, want.cache_creation_input_tokens);
      }
    } else if (!seen.left && !may_leave) {
      // The vendor's own error in an encoded stream passes with it.
      const bool says_so = same.error_event || seen.reset || !seen.complete ||
                           (encoded && outcome.error == "stream_error") ||
                           std::count(seen.events.begin(), seen.events.end(), "error") > 0;
      EXPECT_TRUE(says_so) << "looks complete: " << seen.body;
      EXPECT_EQ(std::count(seen.events.begin(), seen.events.end(), "message_stop"), 0);
    }
  }

  void check_file(const Script& script, const Seen& seen) {
    if (seen.then.size() < 2 || seen.then[1].status != 200 || !seen.then[1].complete) return;
    EXPECT_NE(script.body.find("\r\n\r\n" + seen.then[1].body + "\r\n--XX--"), std::string::npos)
        << "another file's content";
  }

  void check_batch(const Seen& seen) {
    for (const Seen* one : {&seen, seen.then.empty() ? nullptr : &seen.then[0]}) {
      if (one == nullptr || one->status != 200 || !one->complete) continue;
      size_t at = one->body.find("\"results_url\":\"");
      if (at != std::string::npos) EXPECT_EQ(one->body.compare(at + 15, 17, "http://localhost/"), 0) << one->body;
    }
    if (!seen.then.empty()) EXPECT_NE(seen.then[0].status, 404) << "the batch was looked for at another account";
    if (seen.then.size() > 1 && seen.then[1].status == 200 && seen.then[1].complete)
      EXPECT_NE(seen.then[1].body.find("\"custom_id\":\"one\""), std::string::npos);
  }

  // Where nothing goes wrong and nobody leaves, both sides have counted the same.
  void check_books() {
    for (size_t i = 0; i < plan_.options.accounts; ++i) {
      model::Usage ours;
      for (const auto& outcome : world_.outcomes) {
        if (outcome.operation != Operation::kMessages) continue;
        for (const auto& attempt : outcome.attempts) {
          if (attempt.account != "account-" + std::to_string(i)) continue;
          ours.input_tokens += attempt.usage.input_tokens;
          ours.output_tokens += attempt.usage.output_tokens;
          ours.cache_read_input_tokens += attempt.usage.cache_read_input_tokens;
          ours.cache_creation_input_tokens += attempt.usage.cache_creation_input_tokens;
        }
      }
      const sim::Account theirs = world_.simulator().books(World::key(i));
      EXPECT_EQ(ours.input_tokens, static_cast<int64_t>(theirs.input_tokens));
      EXPECT_EQ(ours.output_tokens, static_cast<int64_t>(theirs.output_tokens));
      EXPECT_EQ(ours.cache_read_input_tokens, static_cast<int64_t>(theirs.cache_read_tokens));
      EXPECT_EQ(ours.cache_creation_input_tokens, static_cast<int64_t>(theirs.cache_creation_tokens));
      EXPECT_EQ(theirs.aborted, 0u);
      const std::string labels = "{account=\"account-" + std::to_string(i) + "\",kind=\"input\"}";
      EXPECT_EQ(world_.metric("baton_tokens_total" + labels).value_or(0), static_cast<double>(theirs.input_tokens));
    }
  }

  World& world_;
  const Plan& plan_;
  const std::vector<Seen>& seen_;
  std::map<std::string, UpstreamReply> replies_;
  std::map<std::string, const model::Outcome*> outcomes_;
  size_t honest_ = 0;
};

// Makes the troubles of an hour come and go: those of connections and of room.
class Troubles {
 public:
  Troubles(World& world, const Plan& plan, uint64_t seed) : world_(world), plan_(plan), random_(seed + 77) {}

  void dialled(StreamPair& pair, size_t account) {
    pipes_.push_back({account, pair.a_to_b});
    pipes_.push_back({account, pair.b_to_a});
    if (!lasts(Trouble::Kind::kCut, account)) return;
    (random_.chance(0.7) ? pair.b_to_a : pair.a_to_b)->cut_at = 1 + random_.below(5000);
  }

  void turn() {
    for (size_t account = 0; account < plan_.options.accounts; ++account) {
      world_.dialers[account]->refuse = lasts(Trouble::Kind::kRefuse, account);
      if (lasts(Trouble::Kind::kKill, account)) kill(account);
    }
    const bool full = lasts(Trouble::Kind::kFull, std::nullopt);
    if (full == taken_.has_value()) return;
    taken_.reset();
    if (!full) return;
    taken_.emplace(world_);
  }

  void end() { taken_.reset(); }

 private:
  // What others hold of the room.
  struct Taken {
    explicit Taken(World& world) : requests(world.request_bytes), replies(world.reply_bytes) {
      (void)requests.resize(world.request_bytes.limit() / 16 * 15 - world.request_bytes.taken());
      (void)replies.resize(world.reply_bytes.limit() / 16 * 15 - world.reply_bytes.taken());
    }
    BudgetShare requests, replies;
  };
  struct Open {
    size_t account;
    std::weak_ptr<Pipe> pipe;
  };

  bool lasts(Trouble::Kind kind, std::optional<size_t> account) const {
    const Duration now = world_.clock.now() - began_;
    return std::ranges::any_of(plan_.troubles, [&](const Trouble& trouble) {
      return trouble.kind == kind && (!account || trouble.account == *account) && now >= trouble.from &&
             now <= trouble.to;
    });
  }

  void kill(size_t account) {
    std::erase_if(pipes_, [&](const Open& open) {
      const auto pipe = open.pipe.lock();
      if (!pipe) return true;
      if (open.account != account) return false;
      pipe->broken = true;
      if (pipe->reader != nullptr) pipe->reader->refresh();
      if (pipe->writer != nullptr) pipe->writer->refresh();
      return true;
    });
  }

  World& world_;
  const Plan& plan_;
  runtime::Random random_;
  const Instant began_ = world_.clock.now();
  std::vector<Open> pipes_;
  std::optional<Taken> taken_;
};

void run(uint64_t seed) {
  Plan plan = Planner(seed, Lasting::kSeconds).plan();
  World world(plan.options);
  runtime::Random faults(seed + 77);
  world.on_dial = [&](StreamPair& pair, size_t) {
    if (!faults.chance(plan.cut_share)) return;
    (faults.chance(0.7) ? pair.b_to_a : pair.a_to_b)->cut_at = 1 + faults.below(5000);
  };
  for (size_t account : plan.refusing) world.dialers[account]->refuse = true;
  const std::vector<Seen> seen = world.play(plan.scripts);
  Checker(world, plan, seen).check();
}

struct Hour {
  Duration lasted{0};
  size_t calls = 0;
  size_t honest = 0;
};

Hour run_hour(uint64_t seed) {
  Plan plan = Planner(seed, Lasting::kHour).plan();
  auth::StoredKeys stored;
  stored.keys.push_back({.id = "key_1",
                         .name = "ci",
                         .team = {},
                         .tags = {},
                         .shown = {},
                         .rights = {.budget = {.day_nanodollars = 1'000'000'000'000}},
                         .created = {},
                         .expires = {},
                         .revoked = {}});
  stored.secrets.push_back({.digest = auth::keyed_digest(stored.secret, kKey), .key_id = "key_1", .until = {}});
  auth::KeyRing ring;
  ring.replace(stored);
  ledger::Budgets budgets({}, std::make_shared<ledger::PriceTable>());
  if (plan.keyed) {
    plan.options.keys = &ring;
    plan.options.budgets = &budgets;
  }
  World world(plan.options);
  Troubles troubles(world, plan, seed);
  world.on_dial = [&](StreamPair& pair, size_t account) { troubles.dialled(pair, account); };
  world.on_turn = [&] { troubles.turn(); };
  const Instant began = world.clock.now();
  const std::vector<Seen> seen = world.play(plan.scripts);
  troubles.end();
  Checker checker(world, plan, seen);
  checker.check();
  if (plan.keyed) {
    if (const auto standing = budgets.standing("key:key_1", ledger::Span::kDay)) EXPECT_EQ(standing->reserved, 0);
  }
  return {.lasted = world.clock.now() - began, .calls = world.outcomes.size(), .honest = checker.honest()};
}

TEST(RandomSimulation, worlds_from_seeds_keep_what_must_always_hold) { play_seeds(60, run); }

TEST(RandomSimulation, between_the_troubles_of_an_hour_every_honest_call_is_served) {
  const auto first = environment_number("BATON_SIM_SEED");
  const uint64_t seeds = environment_number("BATON_SIM_HOURS").value_or(first ? 1 : 100);
  Hour all;
  for (uint64_t seed = first.value_or(1); seed < first.value_or(1) + seeds; ++seed) {
    const Hour one = run_hour(seed);
    all = {.lasted = all.lasted + one.lasted, .calls = all.calls + one.calls, .honest = all.honest + one.honest};
    if (!HasFailure()) continue;
    std::fprintf(stderr, "replay: ./dev sim %llu\n", static_cast<unsigned long long>(seed));
    return;
  }
  std::printf("%.0f hours simulated, %zu calls, %zu of them honest and in quiet times\n",
              baton::seconds(all.lasted) / 3600, all.calls, all.honest);
  if (seeds >= 20) EXPECT_GT(all.honest, seeds);  // else nothing of it was looked at
}

}  // namespace
}  // namespace baton::simulation
