// Flight: one upstream call whose reply many calls read, each at its own speed. The one that makes the call holds the
// Helm and appends what comes; everyone, the maker's own client included, reads from a Seat, from the first byte on.
// What all have read is still held for those who come late, up to FlightLimits.bytes_max; then the oldest goes, nobody
// joins any more, and a reader that still needed it is `lost`. The reply is read no further than ahead_max beyond its
// fastest reader. Without readers it is abandoned, unless it is held open (for a reader that comes back).
// Life: shared by its seats, its helm and the registry. Thread: any; a Seat and a Helm live on one loop each, and what
// concerns them is told there. Bounds: FlightLimits, charged to two budgets; what neither has room for is held while
// one piece is read.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_budget.h"
#include "base/error.h"
#include "model/usage.h"
#include "runtime/cancel.h"
#include "runtime/loop.h"

namespace baton::reuse {

struct FlightLimits {
  size_t bytes_max = 1 * kMiB;
  size_t ahead_max = 256 * kKiB;  // <= bytes_max
};

// Takes from both or from none.
struct FlightBudgets {
  ByteBudget& flights;
  ByteBudget& replies;
};

// After so many makers have failed before their first byte, the next failure is everybody's.
inline constexpr uint32_t kPromotionsMax = 2;

class Flight : public std::enable_shared_from_this<Flight> {
 public:
  enum class Phase : uint8_t {
    kOpening,  // a maker is at it, and nothing has come
    kVacant,   // it failed, and whoever claims the flight makes the call
    kFlowing,  // the head is there, and bytes come
    kEnded,    // all is there, or failure() says why not
    kFailed,   // nothing came, and nothing will: failure()
    kAlone,    // the reply cannot be shared: everyone makes a call of its own
    kGone,     // nobody wanted it any more
  };
  struct Head {
    int status = 200;
    std::string fields;
    int64_t length = -1;
    bool event_stream = false;
    std::string upstream_request_id;
  };
  struct Ending {
    std::optional<Error> failure = {};  // the reply was cut
    bool stream_error = false;          // it ended in an error event of the vendor's
    uint64_t events = 0;
    std::string model = {};   // that was asked
    model::Usage usage = {};  // of a reply that is whole
  };
  // What a reader is given next.
  struct Piece {
    std::shared_ptr<const std::string> holder;
    std::string_view bytes;  // inside holder; empty: nothing there yet, or the end
    bool lost = false;       // what came next is not held any more
    bool ended = false;      // nothing follows these bytes
    bool may_speak = false;  // behind these bytes an event of one's own may stand
  };

  Flight(const FlightLimits& limits, const FlightBudgets& budgets) : limits_(limits), budgets_(budgets) {}
  ~Flight();
  Flight(const Flight&) = delete;
  Flight& operator=(const Flight&) = delete;

  // Counts a reader in, whose Seat is made next; false when it could not have everything.
  bool board();
  // The same for a reader that comes back; it goes on at `from`. False when that is not held any more.
  bool rejoin(uint64_t from);
  Phase phase() const;
  uint64_t base() const;  // the first byte that is held
  uint64_t end() const;   // behind the last that has come
  size_t seats() const;
  // Valid once the phase has been kFlowing.
  const Head& head() const { return head_; }
  // Valid in kEnded and kFailed.
  const Ending& ending() const { return ending_; }
  size_t held_bytes() const;

 private:
  friend class Seat;
  friend class Helm;
  friend class FlightHold;

  struct Listener {
    Listener* next = nullptr;
    Listener* previous = nullptr;
    virtual void told() = 0;

   protected:
    ~Listener() = default;
  };
  // Those of one loop. The list is touched on that loop only, the rest under the lock.
  struct Side {
    runtime::Loop* loop = nullptr;
    Listener* first = nullptr;
    size_t listeners = 0;
    bool posted = false;
    void tell();
  };
  struct Chunk {
    std::shared_ptr<std::string> text;  // never longer than its capacity; what was given out never changes
    size_t charged = 0;
    uint64_t begin = 0;
    bool may_speak = true;  // behind each append in it
  };

  Side& side_of(runtime::Loop& loop);
  void listen(Side& side, Listener& listener);
  void leave(Side& side, Listener& listener);
  // Those of other loops are told by a post; those of `here` when the caller has let the lock go.
  void call_out(const runtime::Loop& here);
  void put(std::string_view bytes, bool may_speak);
  bool charge(size_t bytes);
  void drop_first();
  bool has_room() const;

  const FlightLimits limits_;
  const FlightBudgets budgets_;
  mutable std::mutex mutex_;
  Phase phase_ = Phase::kOpening;
  std::deque<Chunk> chunks_;
  uint64_t base_ = 0;   // of the first byte held
  uint64_t front_ = 0;  // how far the fastest reader is
  uint64_t end_ = 0;
  size_t held_ = 0;     // bytes of chunks, as charged
  bool tight_ = false;  // the budgets had nothing left
  bool may_speak_ = false;
  uint32_t promotions_ = 0;
  size_t seats_ = 0;
  size_t holds_ = 0;
  Head head_;
  Ending ending_;
  std::vector<std::unique_ptr<Side>> sides_;
};

// Seat: one reader. Life: on its call's frame, after board().
class Seat final : private Flight::Listener {
 public:
  // `from`: where to begin.
  Seat(std::shared_ptr<Flight> flight, runtime::Loop& loop, uint64_t from = 0);
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;
  ~Seat() { leave(); }

  Flight& flight() { return *flight_; }
  // The bytes behind those given last. A piece ends where some append() ended.
  Flight::Piece next();
  uint64_t position() const { return position_; }
  // Becomes the maker of a vacant flight; one of all who ask.
  bool claim();
  // Reads no more. The last one out abandons the flight.
  void leave();

  // Notified when there may be something new.
  runtime::Slot slot;

 private:
  void told() override { slot.notify(); }

  std::shared_ptr<Flight> flight_;
  runtime::Loop& loop_;
  Flight::Side* side_;
  uint64_t position_;
  bool seated_ = true;
};

// Helm: the maker. Life: on the maker's frame; must have ended the flight or given it up before it goes.
class Helm final : private Flight::Listener {
 public:
  Helm(std::shared_ptr<Flight> flight, runtime::Loop& loop);
  Helm(const Helm&) = delete;
  Helm& operator=(const Helm&) = delete;
  ~Helm();

  Flight& flight() { return *flight_; }
  void begin(Flight::Head head);
  // Bytes of the reply; `may_speak`: an event of someone else may stand behind them.
  void append(std::string_view bytes, bool may_speak);
  void end(Flight::Ending ending);
  // Before the first byte: the call failed, and a reader may try. False: not again, end() says why.
  bool vacate();
  bool may_vacate() const;
  // Before the first byte: this reply is not one to share.
  void part();
  // Whether more may be read now.
  bool has_room() const;

  // Cancelled when nobody reads any more; and by its owner.
  runtime::Cancellation cancel;
  // Notified when there may be room again.
  runtime::Slot slot;

 private:
  void told() override;
  void publish(std::unique_lock<std::mutex> lock);

  std::shared_ptr<Flight> flight_;
  runtime::Loop& loop_;
  Flight::Side* side_;
};

// FlightHold: keeps a flight from being abandoned while no reader is there.
class FlightHold {
 public:
  FlightHold(std::shared_ptr<Flight> flight, runtime::Loop& loop);
  FlightHold(const FlightHold&) = delete;
  FlightHold& operator=(const FlightHold&) = delete;
  ~FlightHold();

 private:
  std::shared_ptr<Flight> flight_;
  runtime::Loop& loop_;
};

}  // namespace baton::reuse
