// What closing a call costs its loop, with and without the book; what a row costs the writer's thread; what looking a
// key up costs.
#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <filesystem>

#include "auth/key_ring.h"
#include "ledger/budgets.h"
#include "ledger/ledger.h"
#include "ledger/rows_file.h"

namespace baton {
namespace {

class NoPoller final : public runtime::Poller {
 public:
  void poll(Instant) override {}
  void interrupt() override {}
};

std::string fresh_folder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "baton-bench-XXXXXX").string();
  return ::mkdtemp(pattern.data());
}

// As a streamed call leaves it.
model::Outcome outcome() {
  model::Outcome o;
  o.request_id = "brq_k4fs0sfarr45oa5e6uo67rgh";
  o.upstream_request_id = "req_011CQBn5fnHsTd7wZZc87KVZp5";
  o.client = "web-ci";
  o.client_address = "203.0.113.9";
  o.key_id = "key_e69d7d374f76a68b";
  o.team = "web";
  o.tags = "env=ci,search";
  o.session_id = "0b0e6a0e-4a3e-4f0c-8f0c-6f1b8f5e2d11";
  o.operation = model::Operation::kMessages;
  o.method = "POST";
  o.path = "/v1/messages";
  o.model = "claude-sonnet-5-5";
  o.stream = true;
  o.status = 200;
  o.usage = {.known = true, .input_tokens = 1'000, .output_tokens = 400, .cache_read_input_tokens = 20'000};
  o.attempts.push_back({.account = "org-a", .model = "claude-sonnet-5-5", .status = 200, .usage = o.usage});
  o.started = WallTime(std::chrono::milliseconds(1'790'000'000'000));
  return o;
}

// Argument: 1 with a book.
void close(benchmark::State& state) {
  runtime::SystemClock clock;
  NoPoller poller;
  runtime::Loop loop(clock, poller);
  metrics::RelayMetrics metrics({.accounts = {"org-a"}, .loops = 1, .version = "bench"});
  metrics::Log log(clock, -1);
  auto access_log = std::move(*ledger::AccessLog::open({.access_log = "off"}, metrics, log));
  const std::string folder = fresh_folder();
  std::unique_ptr<ledger::Book> book;
  if (state.range(0) == 1) {
    book = std::make_unique<ledger::Book>(ledger::Config{.queue_rows_max = 10'000'000}, folder,
                                          std::make_shared<ledger::PriceTable>(), clock, log);
  }
  {
    ledger::Ledger ledger(loop, metrics.shard(0), *access_log, book.get());
    for (auto _ : state) {
      state.PauseTiming();
      model::Outcome one = outcome();
      state.ResumeTiming();
      ledger.close(std::move(one));
    }
  }
  book.reset();
  std::filesystem::remove_all(folder);
}
BENCHMARK(close)->Arg(0)->Arg(1)->Iterations(200'000);

// What the journal adds to a call on its loop: an intent and an end.
void journal_a_call(benchmark::State& state) {
  runtime::SystemClock clock;
  NoPoller poller;
  runtime::Loop loop(clock, poller);
  metrics::RelayMetrics metrics({.accounts = {"org-a"}, .loops = 1, .version = "bench"});
  metrics::Log log(clock, -1);
  auto access_log = std::move(*ledger::AccessLog::open({.access_log = "off"}, metrics, log));
  const std::string folder = fresh_folder();
  {
    auto journal = std::move(*store::Journal::open(folder));
    ledger::Book book({.queue_rows_max = 10'000'000}, folder, std::make_shared<ledger::PriceTable>(), clock, log);
    ledger::Ledger ledger(loop, metrics.shard(0), *access_log, &book, journal.get());
    model::Outcome one = outcome();
    for (auto _ : state) {
      if (!ledger.intend(one, std::nullopt)) state.SkipWithError("no journal");
      ledger.seal(one);
      one.journal = {};
    }
  }
  std::filesystem::remove_all(folder);
}
BENCHMARK(journal_a_call);

// A call with a budget of its key and of its team: reserved and settled.
void reserve_and_settle(benchmark::State& state) {
  runtime::SystemClock clock;
  NoPoller poller;
  runtime::Loop loop(clock, poller);
  const model::Budget budget{.day_nanodollars = 1'000'000'000'000'000};
  ledger::Budgets budgets({.teams = {{"web", budget}}, .clients = {}, .contact = {}},
                          std::make_shared<ledger::PriceTable>());
  runtime::Cancellation cancel;
  runtime::TaskGroup tasks;
  struct Run {
    static runtime::Task<void> once(ledger::Budgets& budgets, runtime::Loop& loop, runtime::Cancellation& cancel,
                                    const model::Budget& budget) {
      auto hold = co_await budgets.reserve(
          loop, cancel, {.key_id = "key_e69d7d374f76a68b", .name = "web-ci", .team = "web", .own = &budget},
          {.attempt = 50'000'000, .call = 200'000'000}, loop.now());
      if (hold) hold->settle(1'000'000, loop.wall());
    }
  };
  for (auto _ : state) tasks.spawn(Run::once(budgets, loop, cancel, budget));
}
BENCHMARK(reserve_and_settle);

void save_a_row(benchmark::State& state) {
  const std::string folder = fresh_folder();
  {
    auto file = ledger::RowsFile::open(folder + "/ledger.db");
    const ledger::PriceTable prices;
    const std::vector<std::vector<model::Outcome>> batches(8, std::vector<model::Outcome>(128, outcome()));
    for (auto _ : state) {
      if (!file->save(batches, prices, WallTime{})) state.SkipWithError("cannot save");
    }
  }
  state.SetItemsProcessed(state.iterations() * 8 * 128);
  std::filesystem::remove_all(folder);
}
BENCHMARK(save_a_row);

// Argument: how many keys there are.
void look_a_key_up(benchmark::State& state) {
  auth::StoredKeys stored;
  for (int64_t i = 0; i < state.range(0); ++i) {
    const std::string id = "key_" + std::to_string(i);
    stored.keys.push_back({.id = id,
                           .name = id,
                           .team = {},
                           .tags = {},
                           .shown = {},
                           .rights = {},
                           .created = {},
                           .expires = {},
                           .revoked = {}});
    stored.secrets.push_back({.digest = auth::keyed_digest(stored.secret, "bk-" + id), .key_id = id, .until = {}});
  }
  auth::KeyRing ring;
  ring.replace(stored);
  auth::KeyRing::View view;
  for (auto _ : state) benchmark::DoNotOptimize(view.of(ring).find("bk-key_0"));
}
BENCHMARK(look_a_key_up)->Arg(1)->Arg(10'000);

}  // namespace
}  // namespace baton
