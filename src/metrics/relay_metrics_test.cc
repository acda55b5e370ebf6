#include "metrics/relay_metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <regex>
#include <set>
#include <thread>

namespace baton::metrics {
namespace {

// ---- A strict reader of the text format 0.0.4. A series is its name with its labels in order, e.g. `x_total{a="b"}`.
struct Parsed {
  std::map<std::string, double> series;
  std::map<std::string, std::string> types;
  std::string error;
};

class Reader {
 public:
  Parsed read(std::string_view text) {
    if (text.empty() || text.back() != '\n') return failed("the last line is not ended");
    while (!text.empty() && out_.error.empty()) {
      size_t end = text.find('\n');
      line(text.substr(0, end));
      text.remove_prefix(end + 1);
    }
    end_family();
    return out_;
  }

 private:
  Parsed& failed(std::string what) {
    if (out_.error.empty()) out_.error = std::move(what);
    return out_;
  }

  void line(std::string_view l) {
    std::string text(l);
    static const std::regex kHelp("# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)");
    static const std::regex kType("# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram)");
    std::smatch m;
    if (std::regex_match(text, m, kHelp)) {
      end_family();
      family_ = m[1];
      if (!families_.insert(family_).second) failed("family twice: " + family_);
      type_.clear();
    } else if (std::regex_match(text, m, kType)) {
      if (m[1] != family_ || !type_.empty()) failed("TYPE out of place: " + text);
      type_ = m[2];
      out_.types[family_] = type_;
    } else {
      sample(text);
    }
  }

  void sample(const std::string& text) {
    size_t at = 0;
    while (at < text.size() && (std::isalnum(static_cast<unsigned char>(text[at])) || text[at] == '_')) ++at;
    std::string name = text.substr(0, at);
    std::map<std::string, std::string> labels;
    if (at < text.size() && text[at] == '{') {
      ++at;
      while (at < text.size() && text[at] != '}') {
        size_t equals = text.find("=\"", at);
        if (equals == std::string::npos) return (void)failed("label: " + text);
        std::string label = text.substr(at, equals - at);
        static const std::regex kLabel("[a-zA-Z_][a-zA-Z0-9_]*");
        if (!std::regex_match(label, kLabel)) failed("label name: " + text);
        at = equals + 2;
        std::string value;
        for (; at < text.size() && text[at] != '"'; ++at) {
          value += text[at];
          if (text[at] != '\\') continue;
          if (++at >= text.size() || std::string("\\\"n").find(text[at]) == std::string::npos)
            failed("escape: " + text);
          value += text[at];
        }
        if (!labels.emplace(label, value).second) failed("label twice: " + text);
        if (++at < text.size() && text[at] == ',') ++at;
      }
      ++at;
    }
    if (at >= text.size() || text[at] != ' ') return (void)failed("no value: " + text);
    std::string number = text.substr(at + 1);
    double value = NAN;
    if (number == "+Inf") {
      value = INFINITY;
    } else {
      char* end = nullptr;
      value = std::strtod(number.c_str(), &end);
      if (number.empty() || *end != '\0' || !std::isdigit(static_cast<unsigned char>(number.back()))) {
        failed("number: " + text);
      }
    }
    bool belongs = name == family_;
    if (type_ == "histogram") {
      belongs = name == family_ + "_bucket" || name == family_ + "_sum" || name == family_ + "_count";
      if (name == family_ + "_bucket") {
        if (labels["le"].empty()) failed("no le: " + text);
        buckets_.emplace_back(labels["le"] == "+Inf" ? INFINITY : std::strtod(labels["le"].c_str(), nullptr), value);
      }
      if (name == family_ + "_count") count_ = value;
      if (name == family_ + "_sum") sum_seen_ = true;
    }
    if (!belongs || type_.empty()) failed("outside of its family: " + text);
    if (type_ == "counter" && !(value >= 0 && std::isfinite(value))) failed("counter: " + text);
    std::string key = name;
    if (!labels.empty()) {
      key += '{';
      for (const auto& [label, v] : labels) {
        if (key.back() != '{') key += ',';
        key.append(label).append("=\"").append(v).append("\"");
      }
      key += '}';
    }
    if (!out_.series.emplace(key, value).second) failed("series twice: " + key);
  }

  void end_family() {
    if (!family_.empty() && type_.empty()) failed("no TYPE: " + family_);
    if (type_ == "histogram") {
      for (size_t i = 1; i < buckets_.size(); ++i) {
        if (buckets_[i].first <= buckets_[i - 1].first) failed("le does not grow: " + family_);
        if (buckets_[i].second < buckets_[i - 1].second) failed("not cumulative: " + family_);
      }
      if (buckets_.empty() || buckets_.back().first != INFINITY) failed("no +Inf: " + family_);
      if (!sum_seen_ || buckets_.empty() || buckets_.back().second != count_) failed("count or sum: " + family_);
    }
    buckets_.clear();
    count_ = -1;
    sum_seen_ = false;
    type_.clear();
    family_.clear();
  }

  Parsed out_;
  std::set<std::string> families_;
  std::string family_, type_;
  std::vector<std::pair<double, double>> buckets_;
  double count_ = -1;
  bool sum_seen_ = false;
};

Parsed parse(std::string_view text) { return Reader().read(text); }

TEST(PrometheusReader, RefusesWhatPrometheusWouldRefuseOrMisread) {
  struct {
    const char* name;
    const char* text;
    bool good;
  } const cases[] = {
      {"a counter", "# HELP a b\n# TYPE a counter\na 1\n", true},
      {"a labelled gauge", "# HELP a b\n# TYPE a gauge\na{x=\"y\\\"\\\\\\n\"} -1.5e-05\n", true},
      {"no newline at the end", "# HELP a b\n# TYPE a counter\na 1", false},
      {"no type", "# HELP a b\na 1\n", false},
      {"a family twice", "# HELP a b\n# TYPE a counter\na 1\n# HELP a b\n# TYPE a counter\na 2\n", false},
      {"a series twice", "# HELP a b\n# TYPE a counter\na{x=\"1\"} 1\na{x=\"1\"} 2\n", false},
      {"another family's sample", "# HELP a b\n# TYPE a counter\nc 1\n", false},
      {"an unknown escape", "# HELP a b\n# TYPE a counter\na{x=\"\\t\"} 1\n", false},
      {"a negative counter", "# HELP a b\n# TYPE a counter\na -1\n", false},
      {"not a number", "# HELP a b\n# TYPE a counter\na one\n", false},
      {"a histogram",
       "# HELP a b\n# TYPE a histogram\na_bucket{le=\"1\"} 1\na_bucket{le=\"+Inf\"} 2\na_sum 3\na_count 2\n", true},
      {"no +Inf", "# HELP a b\n# TYPE a histogram\na_bucket{le=\"1\"} 1\na_sum 3\na_count 1\n", false},
      {"not cumulative",
       "# HELP a b\n# TYPE a histogram\na_bucket{le=\"1\"} 3\na_bucket{le=\"+Inf\"} 2\na_sum 3\na_count 2\n", false},
      {"another count",
       "# HELP a b\n# TYPE a histogram\na_bucket{le=\"1\"} 1\na_bucket{le=\"+Inf\"} 2\na_sum 3\na_count 3\n", false},
  };
  for (const auto& c : cases) EXPECT_EQ(parse(c.text).error.empty(), c.good) << c.name << ": " << parse(c.text).error;
}

Parsed page_of(const RelayMetrics& metrics) {
  std::string text = metrics.text();
  Parsed parsed = parse(text);
  EXPECT_EQ(parsed.error, "") << text;
  return parsed;
}

double value(const Parsed& page, const std::string& series) {
  auto found = page.series.find(series);
  return found == page.series.end() ? 0 : found->second;
}

model::Attempt attempt(std::string account, model::AttemptResult result, model::Usage usage = {}) {
  model::Attempt a;
  a.account = std::move(account);
  a.result = result;
  a.usage = usage;
  return a;
}

TEST(RelayMetrics, ACallCountsInEveryMetricItBelongsTo) {
  RelayMetrics metrics({.accounts = {"b", "a", "a"}, .loops = 2, .version = "9.8.7"});
  model::Outcome outcome;
  outcome.operation = model::Operation::kMessages;
  outcome.status = 200;
  outcome.ending = model::Ending::kClientGone;
  outcome.duration = std::chrono::milliseconds(1500);
  outcome.first_byte = std::chrono::milliseconds(250);
  outcome.added = std::chrono::microseconds(60);
  outcome.events = 7;
  outcome.pings_sent = 2;
  outcome.request_body_bytes = 100;
  outcome.reply_body_bytes = 2000;
  outcome.usage = {.known = true,
                   .input_tokens = 10,
                   .output_tokens = 20,
                   .cache_creation_input_tokens = 60,
                   .cache_read_input_tokens = 30,
                   .cache_creation_5m_input_tokens = 40,
                   .cache_creation_1h_input_tokens = 15,
                   .thinking_tokens = 5,
                   .web_search_requests = 1,
                   .web_fetch_requests = 2};
  model::Usage billed{.known = true, .input_tokens = 3};
  outcome.attempts = {attempt("a", model::AttemptResult::kRateLimited),
                      attempt("nobody's", model::AttemptResult::kReset, billed),
                      attempt("b", model::AttemptResult::kOk, outcome.usage)};
  metrics.shard(1).call_closed(outcome);

  Parsed page = page_of(metrics);
  std::map<std::string, double> want = {
      {"claude_requests_total{status=\"200\"}", 1},
      {"claude_request_duration_count", 1},
      {"claude_request_duration_sum", 1.5},
      {"claude_request_duration_bucket{le=\"1\"}", 0},
      {"claude_request_duration_bucket{le=\"2\"}", 1},
      {"baton_calls_total{ending=\"client_gone\",operation=\"messages\"}", 1},
      {"baton_first_byte_seconds_bucket{le=\"0.1\"}", 0},
      {"baton_first_byte_seconds_bucket{le=\"0.25\"}", 1},
      {"baton_added_seconds_bucket{le=\"5e-05\"}", 0},
      {"baton_added_seconds_bucket{le=\"6e-05\"}", 1},
      {"baton_attempts_total{account=\"a\",verdict=\"rate_limited\"}", 1},
      {"baton_attempts_total{account=\"other\",verdict=\"reset\"}", 1},
      {"baton_attempts_total{account=\"b\",verdict=\"ok\"}", 1},
      {"baton_retries_total{why=\"rate_limited\"}", 1},
      {"baton_retries_total{why=\"reset\"}", 1},
      {"baton_retries_total{why=\"ok\"}", 0},
      {"baton_tokens_total{account=\"other\",kind=\"input\"}", 3},
      {"baton_tokens_total{account=\"b\",kind=\"input\"}", 10},
      {"baton_tokens_total{account=\"b\",kind=\"output\"}", 20},
      {"baton_tokens_total{account=\"b\",kind=\"cache_read\"}", 30},
      {"baton_tokens_total{account=\"b\",kind=\"cache_write_5m\"}", 40},
      {"baton_tokens_total{account=\"b\",kind=\"cache_write_1h\"}", 15},
      {"baton_tokens_total{account=\"b\",kind=\"cache_write\"}", 5},
      {"baton_thinking_tokens_total{account=\"b\"}", 5},
      {"baton_server_tool_requests_total{account=\"b\",tool=\"web_search\"}", 1},
      {"baton_server_tool_requests_total{account=\"b\",tool=\"web_fetch\"}", 2},
      {"baton_stream_events_total", 7},
      {"baton_pings_sent_total", 2},
      {"baton_request_body_bytes_total", 100},
      {"baton_reply_body_bytes_total", 2000},
      {"baton_build_info{version=\"9.8.7\"}", 1},
  };
  for (const auto& [series, count] : want) EXPECT_DOUBLE_EQ(value(page, series), count) << series;
}

TEST(RelayMetrics, TheDurationHasTheAgreedBuckets) {
  RelayMetrics metrics({.accounts = {}, .loops = 1, .version = "1"});
  Parsed page = page_of(metrics);
  EXPECT_EQ(page.types["claude_request_duration"], "histogram");
  EXPECT_EQ(page.types["claude_requests_total"], "counter");
  for (const char* le : {"0.1", "0.5", "1", "2", "5", "10", "30", "60", "120", "300", "600", "900", "+Inf"}) {
    EXPECT_TRUE(page.series.contains("claude_request_duration_bucket{le=\"" + std::string(le) + "\"}")) << le;
  }
  EXPECT_TRUE(page.series.contains("baton_added_seconds_bucket{le=\"2.5e-05\"}"));
  for (const auto& [series, count] : page.series) {
    size_t le = series.find("le=\"");
    if (le != std::string::npos) EXPECT_LT(series.size() - le, sizeof("le=\"0.00015\"}")) << series;
  }
}

TEST(RelayMetrics, TheLastAttemptsUsageIsNotCountedTwiceAndAMissingOneIsFilledIn) {
  model::Usage usage{.known = true, .output_tokens = 4};
  struct {
    const char* name;
    std::vector<model::Attempt> attempts;
    model::Usage delivered;
    const char* account;
    double want;
  } const cases[] = {
      {"stated on both", {attempt("a", model::AttemptResult::kOk, usage)}, usage, "a", 4},
      {"only on the outcome", {attempt("a", model::AttemptResult::kOk)}, usage, "a", 4},
      {"only on the attempt", {attempt("a", model::AttemptResult::kReset, usage)}, {}, "a", 4},
      {"nowhere", {attempt("a", model::AttemptResult::kOk)}, {}, "a", 0},
      {"without an attempt", {}, usage, "other", 4},
  };
  for (const auto& c : cases) {
    RelayMetrics metrics({.accounts = {"a"}, .loops = 1, .version = "1"});
    model::Outcome outcome;
    outcome.attempts = c.attempts;
    outcome.usage = c.delivered;
    metrics.shard(0).call_closed(outcome);
    std::string series = "baton_tokens_total{account=\"" + std::string(c.account) + "\",kind=\"output\"}";
    EXPECT_EQ(value(page_of(metrics), series), c.want) << c.name;
  }
}

TEST(RelayMetrics, StatusesAndErrorsHaveAClosedListOfLabels) {
  RelayMetrics metrics({.accounts = {}, .loops = 1, .version = "1"});
  for (int status : {0, 100, 404, 529, 599, 600, 99, -7, 1'000'000}) {
    model::Outcome outcome;
    outcome.status = status;
    outcome.error = status == 404 ? "not_found" : status == 600 ? "what a client made up" : "";
    outcome.operation = model::Operation::kNone;
    metrics.shard(0).call_closed(outcome);
  }
  metrics.shard(0).error_without_call(ErrorCode::kBadRequest);
  Parsed page = page_of(metrics);
  for (const char* status : {"none", "100", "404", "529", "599"}) {
    EXPECT_EQ(value(page, "claude_requests_total{status=\"" + std::string(status) + "\"}"), 1) << status;
  }
  EXPECT_EQ(value(page, "claude_requests_total{status=\"other\"}"), 4);
  EXPECT_EQ(value(page, "baton_errors_total{code=\"not_found\"}"), 1);
  EXPECT_EQ(value(page, "baton_errors_total{code=\"internal\"}"), 1);
  EXPECT_EQ(value(page, "baton_errors_total{code=\"bad_request\"}"), 1);
}

TEST(RelayMetrics, LabelsAreEscapedWhateverAnAccountIsCalled) {
  RelayMetrics metrics({.accounts = {"a\"b\\c\nd", "other", "équipe"}, .loops = 1, .version = "1\"2"});
  for (const char* name : {"a\"b\\c\nd", "other", "équipe"}) {
    model::Outcome outcome;
    outcome.attempts = {attempt(name, model::AttemptResult::kOk)};
    metrics.shard(0).call_closed(outcome);
  }
  Parsed page = page_of(metrics);
  EXPECT_EQ(value(page, "baton_attempts_total{account=\"a\\\"b\\\\c\\nd\",verdict=\"ok\"}"), 1);
  EXPECT_EQ(value(page, "baton_attempts_total{account=\"other\",verdict=\"ok\"}"), 1);
  EXPECT_EQ(value(page, "baton_attempts_total{account=\"équipe\",verdict=\"ok\"}"), 1);
  EXPECT_EQ(value(page, "baton_build_info{version=\"1\\\"2\"}"), 1);
}

TEST(RelayMetrics, GaugesReturnToZeroHoweverTheirHoldersAreMoved) {
  RelayMetrics metrics({.accounts = {}, .loops = 1, .version = "1"});
  auto& shard = metrics.shard(0);
  const std::string active = "baton_upstream_connections{state=\"active\"}";
  const std::string idle = "baton_upstream_connections{state=\"idle\"}";
  {
    Held call = shard.call_in_flight();
    Held stream = shard.stream_open();
    Held client = shard.client_connection();
    Held connection = shard.upstream_connection_active();
    EXPECT_EQ(value(page_of(metrics), active), 1);
    connection = shard.upstream_connection_idle();
    EXPECT_EQ(value(page_of(metrics), active), 0);
    EXPECT_EQ(value(page_of(metrics), idle), 1);
    Held moved = std::move(connection);
    Held& itself = moved;
    moved = std::move(itself);
    EXPECT_EQ(value(page_of(metrics), idle), 1);
    EXPECT_EQ(value(page_of(metrics), "baton_calls_in_flight"), 1);
    EXPECT_EQ(value(page_of(metrics), "baton_streams_open"), 1);
    EXPECT_EQ(value(page_of(metrics), "baton_client_connections"), 1);
    client.release();
    client.release();
    EXPECT_EQ(value(page_of(metrics), "baton_client_connections"), 0);
    ByteBudget requests(100);
    ByteBudget replies(100);
    metrics.watch_budgets(requests, replies);
    BudgetShare request(requests);
    BudgetShare reply(replies);
    ASSERT_TRUE(request.resize(60));
    ASSERT_TRUE(reply.resize(7));
    EXPECT_EQ(value(page_of(metrics), "baton_request_bytes_held"), 60);
    EXPECT_EQ(value(page_of(metrics), "baton_reply_bytes_held"), 7);
    request.release();
    reply.release();
    EXPECT_EQ(value(page_of(metrics), "baton_request_bytes_held"), 0);
    EXPECT_EQ(value(page_of(metrics), "baton_reply_bytes_held"), 0);
  }
  ByteBudget none(0);
  metrics.watch_budgets(none, none);
  Parsed page = page_of(metrics);
  for (const std::string& gauge : {active, idle, std::string("baton_calls_in_flight"),
                                   std::string("baton_streams_open"), std::string("baton_client_connections"),
                                   std::string("baton_request_bytes_held"), std::string("baton_reply_bytes_held")}) {
    ASSERT_TRUE(page.series.contains(gauge)) << gauge;
    EXPECT_EQ(value(page, gauge), 0) << gauge;
  }
}

TEST(RelayMetrics, WhatBelongsToNoCallIsCounted) {
  RelayMetrics metrics({.accounts = {}, .loops = 3, .version = "1"});
  for (size_t i = 0; i < 3; ++i) {
    auto& shard = metrics.shard(i);
    shard.upstream_connected();
    shard.upstream_connect_failed(ErrorCode::kConnectTimeout);
    shard.body_budget_refused();
    shard.access_log_dropped(5);
    shard.loop_stalled(std::chrono::milliseconds(40));
  }
  metrics.access_log_dropped(2);
  Parsed page = page_of(metrics);
  EXPECT_EQ(value(page, "baton_upstream_connects_total{result=\"ok\"}"), 3);
  EXPECT_EQ(value(page, "baton_upstream_connects_total{result=\"connect_timeout\"}"), 3);
  EXPECT_EQ(value(page, "baton_body_budget_refusals_total"), 3);
  EXPECT_EQ(value(page, "baton_access_log_dropped_total"), 17);
  EXPECT_EQ(value(page, "baton_loop_stall_seconds_bucket{le=\"0.025\"}"), 0);
  EXPECT_EQ(value(page, "baton_loop_stall_seconds_bucket{le=\"0.05\"}"), 3);
}

TEST(RelayMetrics, TheProcessIsDescribed) {
  RelayMetrics metrics({.accounts = {}, .loops = 1, .version = "1"});
  Parsed page = page_of(metrics);
  EXPECT_GT(value(page, "process_resident_memory_bytes"), 1e6);
  EXPECT_GT(value(page, "process_virtual_memory_bytes"), value(page, "process_resident_memory_bytes"));
  EXPECT_GE(value(page, "process_open_fds"), 3);
  EXPECT_GT(value(page, "process_max_fds"), 3);
  EXPECT_GE(value(page, "process_threads"), 1);
  EXPECT_GT(value(page, "process_cpu_seconds_total"), 0);
  auto now = static_cast<double>(std::time(nullptr));
  EXPECT_LT(value(page, "process_start_time_seconds"), now + 60);
  EXPECT_GT(value(page, "process_start_time_seconds"), now - 7 * 86400);
}

TEST(RelayMetrics, AScrapeBesideALoopSeesWholeNumbersAndNothingIsLost) {
  constexpr int kCalls = 20'000;
  RelayMetrics metrics({.accounts = {"a"}, .loops = 2, .version = "1"});
  std::atomic<int> running{2};
  auto count = [&](size_t loop) {
    model::Outcome outcome;
    outcome.status = 200;
    outcome.duration = std::chrono::seconds(1);
    for (int i = 0; i < kCalls; ++i) metrics.shard(loop).call_closed(outcome);
    --running;
  };
  std::thread one(count, 0);
  std::thread two(count, 1);
  double before = 0;
  do {
    double now = value(page_of(metrics), "claude_requests_total{status=\"200\"}");
    EXPECT_GE(now, before);
    before = now;
  } while (running > 0);
  one.join();
  two.join();
  Parsed page = page_of(metrics);
  EXPECT_EQ(value(page, "claude_requests_total{status=\"200\"}"), 2 * kCalls);
  EXPECT_EQ(value(page, "claude_request_duration_sum"), 2 * kCalls);
}

TEST(Histogram, ABoundIsInclusiveAndNegativeTimeIsZero) {
  struct {
    const char* name;
    Duration observed;
    size_t bucket;
  } const cases[] = {
      {"negative", std::chrono::seconds(-5), 0},
      {"zero", Duration{0}, 0},
      {"the first bound", std::chrono::milliseconds(100), 0},
      {"just above it", std::chrono::milliseconds(100) + Duration{1}, 1},
      {"the last bound", std::chrono::seconds(900), 11},
      {"beyond", std::chrono::hours(30), 12},
  };
  for (const auto& c : cases) {
    Histogram histogram(kDurationBounds);
    histogram.observe(c.observed);
    for (size_t i = 0; i <= kDurationBounds.size(); ++i)
      EXPECT_EQ(histogram.count(i), i == c.bucket ? 1u : 0u) << c.name;
    EXPECT_EQ(histogram.sum_ns(), static_cast<uint64_t>(std::max<int64_t>(c.observed.count(), 0))) << c.name;
  }
}

}  // namespace
}  // namespace baton::metrics
