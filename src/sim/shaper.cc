#include "sim/shaper.h"

#include <algorithm>

#include "sim/answer_stream.h"
#include "sim/api_error.h"

namespace baton::sim {

namespace {

bool strikes_at_a_byte(Fault fault) {
  return fault == Fault::kReset || fault == Fault::kClose || fault == Fault::kStall || fault == Fault::kGarbageChunk;
}

}  // namespace

Shaper::Shaper(Parts parts) : parts_(std::move(parts)), encoder_(parts_.control.coding) {
  const Control& control = parts_.control;
  byte_fault_ = strikes_at_a_byte(control.fault);
  bool anywhere = byte_fault_ || control.fault == Fault::kErrorEvent;
  at_ = control.at.value_or(anywhere ? kFaultAtDefault : 0);
}

Shaper::Step Shaper::last_step() const {
  switch (parts_.control.fault) {
    case Fault::kReset: return {What::kReset, due_ + lag_};
    case Fault::kClose: return {What::kClose, due_ + lag_};
    case Fault::kStall: return {What::kStall, due_ + lag_};
    case Fault::kGarbageChunk: return {What::kGarbage, due_ + lag_};
    default: return {What::kEnd, due_ + lag_};
  }
}

Shaper::Step Shaper::next(std::string& out) {
  out.clear();
  if (byte_fault_ && given_ >= at_) return last_step();
  while (taken_ == piece_.size()) {
    if (!refill()) return last_step();
  }
  const Control& control = parts_.control;
  bool slow = control.fault == Fault::kSlow && given_ >= at_;
  size_t size = piece_.size() - taken_;
  size_t piece_max = control.chunk > 0 ? control.chunk : slow ? 1 : size;
  size = std::min(size, piece_max);
  if (byte_fault_) size = static_cast<size_t>(std::min<uint64_t>(size, at_ - given_));
  if (control.fault == Fault::kSlow && !slow) size = static_cast<size_t>(std::min<uint64_t>(size, at_ - given_));
  out.assign(piece_, taken_, size);
  taken_ += size;
  given_ += size;
  Step step{What::kWrite, due_ + lag_};
  if (slow) {
    lag_ += control.gap > Duration{0} ? control.gap : kSlowGapDefault;
  } else if (control.chunk > 0) {
    lag_ += control.gap;
  }
  return step;
}

bool Shaper::refill() {
  piece_.clear();
  taken_ = 0;
  if (over_) return false;
  auto due = parts_.source.due();
  std::string raw;
  if (due) {
    due_ = std::max(due_, *due);
    parts_.source.append(raw);
    ++events_;
    if (parts_.stream) {
      piece_.swap(raw);
      event_fault();
      raw.swap(piece_);
      frame(raw);
    }
  } else {
    over_ = true;
  }
  if (parts_.control.coding == ReplyCoding::kIdentity) {
    piece_ = std::move(raw);
    return !piece_.empty() || !over_;
  }
  encoder_.encode(raw, piece_);
  if (over_) encoder_.finish(piece_);
  return true;
}

// Replaces the event in piece_ when this is the place of an event fault.
void Shaper::event_fault() {
  switch (parts_.control.fault) {
    case Fault::kErrorEvent:
      if (given_ < at_ && !piece_.starts_with("event: message_stop")) return;
      break;
    case Fault::kEarlyError:
      if (events_ == 1) {
        append_ping(piece_);
        return;
      }
      break;
    case Fault::kNoStop:
      if (piece_.starts_with("event: message_stop") || (parts_.control.at && given_ >= at_)) {
        piece_.clear();
        over_ = true;
      }
      return;
    default: return;
  }
  piece_.clear();
  append_event(piece_, "error", error_body(error_of_status(529), parts_.request_id));
  over_ = true;
}

void Shaper::frame(std::string& event) {
  std::string_view line_end = "\n";
  if (parts_.control.framing == SseFraming::kCrlf) line_end = "\r\n";
  if (parts_.control.framing == SseFraming::kCr) line_end = "\r";
  if (parts_.control.framing == SseFraming::kLf || event.empty()) return;
  std::string framed;
  framed.reserve(event.size() + 32);
  if (parts_.control.framing == SseFraming::kComments)
    framed += events_ % 2 == 0 ? ": comment\n" : ":\nid: 1\nretry: 1000\n";
  std::string_view rest = event;
  while (!rest.empty()) {
    size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    size_t colon = line.find(": ");
    if (parts_.control.framing == SseFraming::kNoSpace && colon != std::string_view::npos) {
      framed += line.substr(0, colon + 1);
      line.remove_prefix(colon + 2);
    }
    framed += line;
    framed += line_end;
  }
  event.swap(framed);
}

}  // namespace baton::sim
