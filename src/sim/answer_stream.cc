#include "sim/answer_stream.h"

#include <algorithm>

#include "http/json.h"
#include "sim/mix.h"
#include "sim/words.h"

namespace baton::sim {

namespace {

constexpr std::string_view kDeltaHead =
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":";
constexpr std::string_view kStartHead =
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":";

// The end of a slice of `bytes` or so that does not cut a character.
size_t slice_end(std::string_view text, size_t from, size_t bytes) {
  size_t end = std::min(text.size(), from + std::max<size_t>(bytes, 1));
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) ++end;
  return end;
}

}  // namespace

void append_event(std::string& out, std::string_view name, std::string_view data) {
  out += "event: ";
  out += name;
  out += "\ndata: ";
  out += data;
  out += "\n\n";
}

void append_ping(std::string& out) { out += "event: ping\ndata: {\"type\":\"ping\"}\n\n"; }

Duration AnswerStream::step_due() const {
  switch (step_) {
    case Step::kMessageStart:
    case Step::kFirstPing: return Duration{0};
    case Step::kBlockStart: return part_ == 0 ? Duration{0} : last_;
    case Step::kWord: return answer_.first_token + answer_.per_token * (before_ + word_);
    case Step::kRest: {
      // A rest's tokens are spread over its bytes.
      size_t all = std::max<size_t>(part().rest.size(), 1);
      auto share = (part().tokens - part().words) * rest_at_ / all;
      return answer_.first_token + answer_.per_token * static_cast<int64_t>(before_ + part().words + share);
    }
    case Step::kSignature: return answer_.first_token + answer_.per_token * (before_ + part().tokens);
    case Step::kBlockStop: return last_;
    case Step::kMessageDelta: return answer_.parts.empty() ? answer_.first_token : last_;
    case Step::kMessageStop:
    case Step::kEnd: return last_;
  }
  return last_;
}

std::optional<Duration> AnswerStream::due() {
  if (step_ == Step::kEnd) return std::nullopt;
  Duration at = std::max(step_due(), last_);
  silent_ = at > last_ + kPingInterval;
  return silent_ ? last_ + kPingInterval : at;
}

void AnswerStream::append(std::string& out) {
  if (silent_) {
    last_ += kPingInterval;
    silent_ = false;
    append_ping(out);
    return;
  }
  last_ = std::max(step_due(), last_);
  append_step(out);
}

void AnswerStream::append_step(std::string& out) {
  switch (step_) {
    case Step::kMessageStart:
      message_start(out);
      step_ = answer_.parts.empty() ? Step::kMessageDelta : Step::kBlockStart;
      break;
    case Step::kBlockStart:
      block_start(out);
      if (!pinged_) {
        pinged_ = true;
        step_ = Step::kFirstPing;
      } else {
        enter_block();
      }
      break;
    case Step::kFirstPing:
      append_ping(out);
      enter_block();
      break;
    case Step::kWord: word_delta(out); break;
    case Step::kRest: rest_delta(out); break;
    case Step::kSignature:
      out += kDeltaHead;
      out += std::to_string(part_);
      out += ",\"delta\":{\"type\":\"signature_delta\",\"signature\":\"";
      out += make_signature(part().key);
      out += "\"}}\n\n";
      tokens_ = before_ + part().tokens;
      step_ = Step::kBlockStop;
      break;
    case Step::kBlockStop:
      out += "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":";
      out += std::to_string(part_);
      out += "}\n\n";
      leave_block();
      break;
    case Step::kMessageDelta:
      message_delta(out);
      step_ = Step::kMessageStop;
      break;
    case Step::kMessageStop:
      append_event(out, "message_stop", R"({"type":"message_stop"})");
      step_ = Step::kEnd;
      break;
    case Step::kEnd: break;
  }
}

void AnswerStream::enter_block() {
  word_ = 0;
  rest_at_ = 0;
  rest_begun_ = false;
  if (part().kind == PartKind::kRedactedThinking) {
    step_ = Step::kBlockStop;
  } else if (part().words > 0) {
    step_ = Step::kWord;
  } else if (part().kind == PartKind::kThinking) {
    step_ = Step::kSignature;
  } else if (part().kind == PartKind::kToolUse || !part().rest.empty()) {
    step_ = Step::kRest;
  } else {
    step_ = Step::kBlockStop;
  }
}

void AnswerStream::leave_block() {
  before_ += part().tokens;
  tokens_ = before_;
  ++part_;
  step_ = part_ < answer_.parts.size() ? Step::kBlockStart : Step::kMessageDelta;
}

void AnswerStream::message_start(std::string& out) const {
  out += "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"";
  out += make_id("msg_01", answer_.key);
  out += R"(","type":"message","role":"assistant","model":")";
  out += answer_.model->id;
  out +=
      R"(","content":[],"stop_reason":null,"stop_sequence":null,"stop_details":null,"container":null,"diagnostics":null,"usage":{)";
  append_usage(out, answer_, std::min<uint32_t>(answer_.output_tokens, 1));
  out += R"(,"service_tier":"standard","inference_geo":null,"speed":null}}})";
  out += "\n\n";
}

void AnswerStream::block_start(std::string& out) const {
  out += kStartHead;
  out += std::to_string(part_);
  out += ",\"content_block\":";
  switch (part().kind) {
    case PartKind::kThinking: out += R"({"type":"thinking","thinking":"","signature":""})"; break;
    case PartKind::kRedactedThinking:
      out += R"({"type":"redacted_thinking","data":")";
      out += make_signature(part().key);
      out += "\"}";
      break;
    case PartKind::kText: out += R"({"type":"text","text":"","citations":null})"; break;
    case PartKind::kToolUse:
      out += R"({"type":"tool_use","id":")";
      out += make_id("toolu_01", part().key);
      out += R"(","name":")";
      out += part().tool;
      out += R"(","input":{},"caller":{"type":"direct"}})";
      break;
  }
  out += "}\n\n";
}

void AnswerStream::word_delta(std::string& out) {
  out += kDeltaHead;
  out += std::to_string(part_);
  out += part().kind == PartKind::kThinking ? ",\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\""
                                            : ",\"delta\":{\"type\":\"text_delta\",\"text\":\"";
  out += word(part().key, word_).json;
  out += "\"}}\n\n";
  ++word_;
  tokens_ = before_ + word_;
  if (word_ < part().words) return;
  if (part().kind == PartKind::kThinking) {
    step_ = Step::kSignature;
  } else {
    step_ = part().rest.empty() ? Step::kBlockStop : Step::kRest;
  }
}

void AnswerStream::rest_delta(std::string& out) {
  bool tool = part().kind == PartKind::kToolUse;
  size_t end = rest_at_;
  // The first delta of a tool's input is empty; the others are cut anywhere, also inside names and numbers.
  if (!tool || rest_begun_) end = slice_end(part().rest, rest_at_, 3 + mix(part().key, rest_at_) % 14);
  rest_begun_ = true;
  out += kDeltaHead;
  out += std::to_string(part_);
  out += tool ? ",\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":"
              : ",\"delta\":{\"type\":\"text_delta\",\"text\":";
  http::append_json_string(out, std::string_view(part().rest).substr(rest_at_, end - rest_at_));
  out += "}}\n\n";
  rest_at_ = end;
  auto spread = (part().tokens - part().words) * rest_at_ / std::max<size_t>(part().rest.size(), 1);
  tokens_ = before_ + part().words + static_cast<uint32_t>(spread);
  if (rest_at_ == part().rest.size()) step_ = Step::kBlockStop;
}

void AnswerStream::message_delta(std::string& out) const {
  out += "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"";
  out += name(answer_.stop);
  out += "\",\"stop_sequence\":";
  if (answer_.stop == StopReason::kStopSequence) {
    http::append_json_string(out, answer_.stop_sequence);
  } else {
    out += "null";
  }
  out += answer_.stop == StopReason::kRefusal
             ? R"(,"stop_details":{"type":"refusal","category":null,"explanation":"A simulated refusal."})"
             : R"(,"stop_details":null)";
  out += R"(,"container":null},"usage":{)";
  append_usage(out, answer_, answer_.output_tokens);
  out += "}}\n\n";
}

}  // namespace baton::sim
