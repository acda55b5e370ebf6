#include "ledger/book.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <span>
#include <utility>

#include "ledger/rows_database.h"
#include "ledger/rows_file.h"

namespace baton::ledger {
namespace {

constexpr std::string_view kTopic = "ledger";
constexpr Duration kRest = std::chrono::seconds(1);  // after a failure; of a server it doubles
constexpr Duration kRestMax = std::chrono::seconds(8);
constexpr size_t kRowsPerCommit = 1024;

}  // namespace

class Book::Writer {
 public:
  using Batch = std::vector<model::Outcome>;

  Writer(const Config& config, std::string folder, std::shared_ptr<const PriceTable> prices,
         const runtime::Clock& clock, metrics::Log& log, store::Journal* journal)
      : config_(config),
        in_file_(config.database.reveal().empty()),
        path_(in_file_ ? std::move(folder) + "/" + std::string(RowsFile::kName) : "PostgreSQL"),
        clock_(clock),
        log_(log),
        journal_(journal),
        prices_(std::move(prices)) {}

  bool has_room() const { return waiting_.load(std::memory_order_relaxed) < config_.queue_rows_max; }
  size_t waiting() const { return waiting_.load(); }
  uint64_t written() const { return written_.load(); }

  void take(std::vector<model::Outcome>& outcomes) {
    if (outcomes.empty()) return;
    waiting_.fetch_add(outcomes.size());
    const size_t room = outcomes.capacity();
    {
      // Nothing is copied or freed in here: a loop never waits for more than a few pointers.
      std::lock_guard lock(mutex_);
      queue_.push_back(std::move(outcomes));
    }
    work_.notify_one();
    outcomes = {};
    outcomes.reserve(room);
  }

  void use(std::shared_ptr<const PriceTable> prices) {
    std::lock_guard lock(mutex_);
    prices_ = std::move(prices);
  }

  std::shared_ptr<const PriceTable> prices() const {
    std::lock_guard lock(mutex_);
    return prices_;
  }

  bool settle(Duration at_most) {
    std::unique_lock lock(mutex_);
    return settled_.wait_for(lock, at_most, [this] { return waiting_.load() == 0; });
  }

  std::string trouble() const {
    std::lock_guard lock(mutex_);
    return trouble_;
  }

  void stop() {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    hurry_ = true;
    give_up_at_ = std::chrono::steady_clock::now() + kExitWait;
    work_.notify_one();
  }

  void run() {
    pthread_setname_np(pthread_self(), "baton-ledger");
    std::unique_lock lock(mutex_);
    Duration rest = kRest;
    while (true) {
      work_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) break;
      std::vector<Batch> batches = std::exchange(queue_, {});
      const std::shared_ptr<const PriceTable> prices = prices_;
      lock.unlock();
      const std::string failure = write(batches, *prices);
      lock.lock();
      if (failure.empty()) {
        rest = kRest;
        recovered();
        settled_.notify_all();
        continue;
      }
      std::move(queue_.begin(), queue_.end(), std::back_inserter(batches));
      queue_ = std::move(batches);
      failed(failure);
      const auto now = std::chrono::steady_clock::now();
      if (stopping_ && now >= give_up_at_) break;
      work_.wait_until(lock, now + (stopping_ ? kRest / 10 : rest), [this] { return stopping_; });
      if (!in_file_) rest = std::min(2 * rest, kRestMax);
    }
    if (!queue_.empty()) {
      if (journal_ != nullptr) journal_->abandon();
      log_.say("ledger: " + std::to_string(waiting_.load()) + " calls could not be written and " +
               (journal_ != nullptr ? "stay in the journal until the next start: " : "are lost: ") + trouble_);
    }
  }

 private:
  // Writes batches from the front, several in one transaction, and takes them away. What went wrong, or empty. Called
  // without the mutex.
  std::string write(std::vector<Batch>& batches, const PriceTable& prices) {
    size_t done = 0;
    std::string failure;
    while (done < batches.size() && failure.empty()) {
      size_t count = 0;
      size_t rows = 0;
      while (done + count < batches.size() && rows < kRowsPerCommit) rows += batches[done + count++].size();
      failure = commit(std::span(batches).subspan(done, count), prices);
      if (!failure.empty()) break;
      done += count;
      written_.fetch_add(rows);
      waiting_.fetch_sub(rows);
    }
    batches.erase(batches.begin(), batches.begin() + static_cast<std::ptrdiff_t>(done));
    return failure;
  }

  std::string commit(std::span<const Batch> batches, const PriceTable& prices) {
    const WallTime oldest = clock_.wall() - std::chrono::duration_cast<std::chrono::milliseconds>(config_.keep);
    for (int tries = 0; tries < 2; ++tries) {
      store::Result<void> done = open();
      if (done && store_) done = store_->save(batches, prices, oldest);
      if (done) return {};
      // Whatever it was, a new connection starts clean.
      store_.reset();
      if (!done.error().corrupt) return done.error().error.detail;
      if (std::string left = move_aside(done.error().error.detail); !left.empty()) return left;
    }
    return "a new file is corrupt too";
  }

  store::Result<void> open() {
    if (store_) return {};
    if (!in_file_) {
      store::Result<std::unique_ptr<RowsDatabase>> opened = RowsDatabase::open(config_.database, &hurry_);
      if (!opened) return std::unexpected(std::move(opened.error()));
      store_ = std::move(*opened);
      return {};
    }
    store::Result<RowsFile> opened = RowsFile::open(path_);
    if (!opened) return std::unexpected(std::move(opened.error()));
    store_ = std::make_unique<RowsFile>(std::move(*opened));
    return {};
  }

  std::string move_aside(const std::string& what) {
    Expected<std::string> aside = store::move_aside(path_, std::to_string(clock_.wall().time_since_epoch().count()));
    if (!aside) return aside.error().detail;
    log_.trouble(kTopic,
                 "ledger: " + path_ + " is corrupt (" + what + "); it is kept as " + *aside + " and a new one begins");
    return {};
  }

  // Both with the mutex.
  void failed(const std::string& why) {
    trouble_ = why;
    log_.trouble(kTopic, "ledger: " + path_ + ": " + why + "; " + std::to_string(waiting_.load()) +
                             " calls wait to be written, at " + std::to_string(config_.queue_rows_max) +
                             " new ones are refused");
  }
  void recovered() {
    if (trouble_.empty()) return;
    trouble_.clear();
    log_.trouble("ledger recovered", "ledger: " + path_ + " works again");
  }

  const Config config_;
  const bool in_file_;
  const std::string path_;  // or what stands in its place, for sentences
  const runtime::Clock& clock_;
  metrics::Log& log_;
  store::Journal* const journal_;

  std::unique_ptr<RowsStore> store_;  // the thread's own

  std::atomic<size_t> waiting_{0};  // queued, or being written
  std::atomic<uint64_t> written_{0};
  mutable std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable settled_;
  std::vector<Batch> queue_;
  std::shared_ptr<const PriceTable> prices_;
  std::string trouble_;
  bool stopping_ = false;
  std::atomic<bool> hurry_{false};
  std::chrono::steady_clock::time_point give_up_at_;
};

Book::Book(const Config& config, std::string folder, std::shared_ptr<const PriceTable> prices,
           const runtime::Clock& clock, metrics::Log& log, store::Journal* journal)
    : writer_(std::make_unique<Writer>(config, std::move(folder), std::move(prices), clock, log, journal)),
      thread_([writer = writer_.get()] { writer->run(); }) {}

Book::~Book() {
  writer_->stop();
  thread_.join();
}

bool Book::has_room() const { return writer_->has_room(); }
void Book::hand_over(std::vector<model::Outcome>& outcomes) { writer_->take(outcomes); }
void Book::use(std::shared_ptr<const PriceTable> prices) { writer_->use(std::move(prices)); }

std::shared_ptr<const PriceTable> Book::prices() const { return writer_->prices(); }
bool Book::settle(Duration at_most) { return writer_->settle(at_most); }
size_t Book::waiting() const { return writer_->waiting(); }
uint64_t Book::written() const { return writer_->written(); }
std::string Book::trouble() const { return writer_->trouble(); }

}  // namespace baton::ledger
