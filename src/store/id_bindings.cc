#include "store/id_bindings.h"

#include <map>
#include <mutex>
#include <vector>

#include "store/bindings_file.h"
#include "store/checkpointer.h"
#include "store/recent_bindings.h"

namespace baton::store {
namespace {

constexpr size_t kUnsavedMax = 16'384;
// After a failure the file is left alone for this long, so that a store that is stuck costs one call in a while and not
// each.
constexpr Duration kRest = std::chrono::seconds(1);
// A binding that is used is written again when it was last written this long ago.
constexpr auto kTouchAfter = std::chrono::hours(24);
// A save writes a handful of pages of 4 KB: the write-ahead log grows to about 20 MB. The first save after a checkpoint
// waits for the disk once (SQLite makes sure of the log's new header), so checkpoints should be rare.
constexpr size_t kSavesPerCheckpoint = 1000;
constexpr std::string_view kTopic = "store";

bool fits(std::string_view text) { return !text.empty() && text.size() <= IdBindings::kTextBytesMax; }

}  // namespace

class IdBindings::State {
 public:
  State(const Config& config, const runtime::Clock& clock, metrics::Log& log)
      : config_(config), clock_(clock), log_(log), recent_(config.object_ids_cached_max) {
    if (!durable()) return;
    checkpointer_ = std::make_unique<Checkpointer>(path());
    (void)open_if_needed();
  }
  ~State() {
    resting_until_ = Instant{0};
    if (!unsaved_.empty()) (void)save_unsaved();
  }

  Expected<void> bind(Binding binding) {
    std::lock_guard lock(mutex_);
    binding.used = clock_.wall();
    recent_.put(binding);
    return keep(std::move(binding));
  }

  Expected<std::optional<std::string>> account_of(std::string_view object_id) {
    std::lock_guard lock(mutex_);
    if (!unsaved_.empty() && clock_.now() >= resting_until_) (void)save_unsaved();
    std::optional<Binding> found;
    if (const Binding* recent = recent_.find(object_id)) {
      found = *recent;
    } else if (auto unsaved = unsaved_.find(object_id); unsaved != unsaved_.end()) {
      found = unsaved->second;
    } else if (durable()) {
      Expected<std::optional<Binding>> stored = find_stored(object_id);
      if (!stored) return std::unexpected(std::move(stored.error()));
      found = std::move(*stored);
    }
    if (!found || found->used < oldest()) return std::nullopt;
    std::string account = found->account;
    if (clock_.wall() - found->used >= kTouchAfter) {
      found->used = clock_.wall();
      recent_.put(*found);
      // It is known; that its use could not be noted is not this caller's trouble, and tried again.
      (void)keep(std::move(*found));
    } else {
      recent_.put(std::move(*found));
    }
    return account;
  }

  Expected<void> forget(std::string_view object_id) {
    std::lock_guard lock(mutex_);
    recent_.remove(object_id);
    if (auto unsaved = unsaved_.find(object_id); unsaved != unsaved_.end()) unsaved_.erase(unsaved);
    if (!durable()) return {};
    return with_file([&](BindingsFile& file) { return file.forget(object_id); });
  }

  std::string trouble() const {
    std::lock_guard lock(mutex_);
    return trouble_;
  }

 private:
  bool durable() const { return !config_.folder.empty(); }
  std::string path() const { return config_.folder + "/baton.db"; }
  WallTime oldest() const {
    return clock_.wall() - std::chrono::duration_cast<std::chrono::milliseconds>(config_.object_age_max);
  }

  // Saves the binding, with all that could not be saved before.
  Expected<void> keep(Binding binding) {
    if (!durable()) return {};
    auto known = unsaved_.find(binding.object_id);
    if (known == unsaved_.end() && unsaved_.size() >= kUnsavedMax) return resting_failure();
    std::string id = binding.object_id;
    unsaved_.insert_or_assign(std::move(id), std::move(binding));
    return save_unsaved();
  }

  Expected<void> save_unsaved() {
    Expected<void> saved = with_file([this](BindingsFile& file) {
      std::vector<const Binding*> rows;
      rows.reserve(unsaved_.size());
      for (const auto& [id, binding] : unsaved_) rows.push_back(&binding);
      return file.save(rows, oldest(), config_.object_ids_max);
    });
    if (saved) {
      if (++saves_ % kSavesPerCheckpoint == 0 && checkpointer_) checkpointer_->request();
      unsaved_.clear();
      recovered();
    }
    return saved;
  }

  Expected<std::optional<Binding>> find_stored(std::string_view object_id) {
    std::optional<Binding> found;
    Expected<void> done = with_file([&](BindingsFile& file) -> Result<void> {
      Result<std::optional<Binding>> row = file.find(object_id);
      if (!row) return std::unexpected(std::move(row.error()));
      found = std::move(*row);
      return {};
    });
    if (!done) return std::unexpected(std::move(done.error()));
    return found;
  }

  // Does `what` on the file; once more on a new file when the old one turned out to be corrupt.
  template <class What>
  Expected<void> with_file(What what) {
    if (Expected<void> opened = open_if_needed(); !opened) return opened;
    Result<void> done = what(*file_);
    if (!done && done.error().corrupt) {
      file_.reset();
      if (Expected<void> replaced = replace_corrupt(done.error().error.detail); !replaced) return replaced;
      done = what(*file_);
    }
    if (!done) return failed(done.error().error);
    recovered();
    return {};
  }

  Expected<void> open_if_needed() {
    if (clock_.now() < resting_until_) return resting_failure();
    if (file_) return {};
    Result<BindingsFile> opened = open_file();
    if (!opened && opened.error().corrupt) return replace_corrupt(opened.error().error.detail);
    if (!opened) return failed(opened.error().error);
    file_ = std::make_unique<BindingsFile>(std::move(*opened));
    recovered();
    return {};
  }

  Result<BindingsFile> open_file() const {
    return BindingsFile::open({.path = path(), .busy_timeout = config_.busy_timeout, .checkpoints_on_commit = false},
                              oldest());
  }

  Expected<void> replace_corrupt(const std::string& what) {
    std::string suffix = std::to_string(clock_.wall().time_since_epoch().count());
    std::unique_lock<std::mutex> held = checkpointer_->hold();
    Expected<std::string> aside = move_aside(path(), suffix);
    if (!aside) return failed(aside.error());
    log_.trouble(kTopic, "store: " + path() + " is corrupt (" + what + "); it is kept as " + *aside +
                             " and a new one begins; batches and files used long ago are not known any more");
    recent_.for_each([this](const Binding& binding) { unsaved_.insert_or_assign(binding.object_id, binding); });
    Result<BindingsFile> opened = open_file();
    if (!opened) return failed(opened.error().error);
    file_ = std::make_unique<BindingsFile>(std::move(*opened));
    recovered();
    return {};
  }

  std::unexpected<Error> failed(const Error& error) {
    trouble_ = error.detail;
    resting_until_ = clock_.now() + kRest;
    log_.trouble(kTopic, "store: " + path() + ": " + error.detail +
                             "; bindings of batches and files are kept in memory until it works again");
    return std::unexpected(Error{ErrorCode::kStore, Fault::kUs, Retry::kLater, error.detail});
  }

  std::unexpected<Error> resting_failure() const {
    return fail(ErrorCode::kStore, Fault::kUs, trouble_.empty() ? "the store is resting" : trouble_, Retry::kLater);
  }

  void recovered() {
    if (trouble_.empty() || !unsaved_.empty()) return;
    trouble_.clear();
    log_.trouble("store recovered", "store: " + path() + " works again");
  }

  const Config config_;
  const runtime::Clock& clock_;
  metrics::Log& log_;
  mutable std::mutex mutex_;
  RecentBindings recent_;
  std::map<std::string, Binding, std::less<>> unsaved_;
  std::unique_ptr<BindingsFile> file_;
  std::unique_ptr<Checkpointer> checkpointer_;  // when durable()
  size_t saves_ = 0;
  std::string trouble_;
  Instant resting_until_{0};
};

IdBindings::IdBindings(const Config& config, const runtime::Clock& clock, metrics::Log& log)
    : state_(std::make_unique<State>(config, clock, log)) {}

IdBindings::~IdBindings() = default;

Expected<void> IdBindings::bind(std::string_view object_id, std::string_view account, ObjectKind kind) {
  if (!fits(object_id) || !fits(account)) {
    return fail(ErrorCode::kBadReply, Fault::kUpstream, "an object id or account name is empty or too long");
  }
  return state_->bind({.object_id = std::string(object_id), .account = std::string(account), .kind = kind, .used = {}});
}

Expected<std::optional<std::string>> IdBindings::account_of(std::string_view object_id) {
  if (!fits(object_id)) return std::nullopt;
  return state_->account_of(object_id);
}

Expected<void> IdBindings::forget(std::string_view object_id) {
  if (!fits(object_id)) return {};
  return state_->forget(object_id);
}

std::string IdBindings::trouble() const { return state_->trouble(); }

}  // namespace baton::store
