// AnswerStream: an Answer as server-sent events, one event a piece, each due in its time.
//   message_start block* message_delta message_stop, block := content_block_start content_block_delta*
//   content_block_stop
// A ping follows the first content_block_start, and comes whenever 15 s would pass in silence.
// Life: owned by a Reply. Thread: one loop. Bounds: the state of one event.
// Source: the vendor's streaming page (read 2026-11).
#pragma once

#include <string>

#include "sim/answer.h"
#include "sim/source.h"

namespace baton::sim {

inline constexpr Duration kPingInterval = std::chrono::seconds(15);

class AnswerStream final : public Source {
 public:
  explicit AnswerStream(Answer answer) : answer_(std::move(answer)) {}

  std::optional<Duration> due() override;
  void append(std::string& out) override;
  uint64_t tokens_given() const override { return tokens_; }

 private:
  enum class Step : uint8_t {
    kMessageStart,
    kBlockStart,
    kFirstPing,
    kWord,
    kRest,
    kSignature,
    kBlockStop,
    kMessageDelta,
    kMessageStop,
    kEnd
  };
  // When the step that stands next is due, silence aside.
  Duration step_due() const;
  void append_step(std::string& out);
  void message_start(std::string& out) const;
  void block_start(std::string& out) const;
  void word_delta(std::string& out);
  void rest_delta(std::string& out);
  void message_delta(std::string& out) const;
  void enter_block();
  void leave_block();
  const Part& part() const { return answer_.parts[part_]; }

  Answer answer_;
  Step step_ = Step::kMessageStart;
  size_t part_ = 0;
  uint32_t word_ = 0;
  size_t rest_at_ = 0;
  bool rest_begun_ = false;
  bool pinged_ = false;
  bool silent_ = false;  // the next piece is a ping that breaks a silence
  uint32_t tokens_ = 0;  // given so far
  uint32_t before_ = 0;  // of the parts that are complete
  Duration last_{0};
};

// One event: "event: <name>\ndata: <data>\n\n".
void append_event(std::string& out, std::string_view name, std::string_view data);
void append_ping(std::string& out);

}  // namespace baton::sim
