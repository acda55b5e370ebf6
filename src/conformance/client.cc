#include "conformance/client.h"

#include <algorithm>

#include "conformance/config.h"
#include "http/http1.h"
#include "net/body_reader.h"
#include "runtime/wait.h"

namespace baton::conformance {

using runtime::ByteStream;
using runtime::IoStatus;
using runtime::Task;

namespace {

class Call {
 public:
  Call(runtime::Loop& loop, ByteStream& stream, const Sending& sending, Reply& reply, Instant began)
      : loop_(loop), stream_(stream), sending_(sending), reply_(reply), until_(began + sending.limit), began_(began) {}

  Task<End> run() {
    std::string_view left = sending_.bytes;
    while (true) {
      while (!left.empty() && stream_.can_write()) {
        const iovec part{const_cast<char*>(left.data()), left.size()};
        const auto wrote = stream_.try_write({&part, 1});
        // Who answers early and closes may still be read.
        if (wrote.status == IoStatus::kReset || wrote.status == IoStatus::kEof) left = {};
        left.remove_prefix(std::min(left.size(), wrote.bytes));
      }
      while (stream_.can_read()) {
        if (const auto end = read_some()) co_return *end;
        if (sending_.leave_at_body_bytes && reply_.status != 0 && reply_.body_bytes >= *sending_.leave_at_body_bytes)
          co_return End::kLeft;
      }
      const uint8_t why = co_await runtime::wait(
          loop_,
          {.read = &stream_, .write = left.empty() ? nullptr : &stream_, .cancel = sending_.leave, .until = until_});
      if (why & runtime::kCancelled) co_return End::kLeft;
      if ((why & runtime::kTimedOut) && !stream_.can_read()) co_return End::kTimeout;
    }
  }

 private:
  // How the reply ended, if it has.
  std::optional<End> read_some() {
    const auto scratch = net::read_scratch();
    if (in_body_) return take(body_.try_read(stream_, scratch));
    const auto got = stream_.try_read(scratch);
    if (got.status == IoStatus::kBlocked) return std::nullopt;
    if (got.status == IoStatus::kReset) return End::kReset;
    if (got.status == IoStatus::kEof) return End::kCut;
    kept_.append(scratch.data(), got.bytes);
    return take_head();
  }

  std::optional<End> take_head() {
    while (true) {
      http::ResponseHead head;
      http::HeadError error{};
      const http::HeadLimits limits{.total_bytes_max = kMiB, .field_bytes_max = 512 * kKiB, .fields_max = 500};
      const auto status = http::parse_response(kept_, scanned_, limits, sending_.to_head, head, error);
      if (status == http::ParseStatus::kNeedMore) return std::nullopt;
      if (status == http::ParseStatus::kError) return End::kMalformed;
      scanned_ = 0;
      if (head.status < 200) {
        kept_.erase(0, head.bytes);
        continue;
      }
      reply_.status = head.status;
      for (const auto& field : head.fields) reply_.fields.emplace_back(field.name, field.value);
      reply_.head_after = loop_.now() - began_;
      in_body_ = true;
      body_ = net::BodyReader(head.framing, head.content_length);
      kept_.erase(0, head.bytes);
      notify();
      if (body_.done()) return End::kComplete;
      if (kept_.empty()) return std::nullopt;
      return take(body_.decode(kept_));
    }
  }

  std::optional<End> take(const net::BodyReader::Result& got) {
    using Status = net::BodyReader::Status;
    reply_.body_bytes += got.data.size();
    reply_.body.append(got.data.substr(0, kReplyBytesMax - std::min(kReplyBytesMax, reply_.body.size())));
    if (!got.data.empty()) notify();
    switch (got.status) {
      case Status::kMore: break;
      case Status::kBlocked: break;
      case Status::kEnd: return End::kComplete;
      case Status::kTruncated: return End::kCut;
      case Status::kReset: return End::kReset;
      case Status::kMalformed: return End::kMalformed;
    }
    return std::nullopt;
  }

  void notify() {
    if (sending_.changed != nullptr) sending_.changed->notify();
  }

  runtime::Loop& loop_;
  ByteStream& stream_;
  const Sending& sending_;
  Reply& reply_;
  Instant until_;
  Instant began_;
  std::string kept_;
  size_t scanned_ = 0;
  bool in_body_ = false;
  net::BodyReader body_;
};

}  // namespace

Task<void> call(runtime::Loop& loop, runtime::Dialer& dialer, Sending sending, Reply& reply) {
  const Instant began = loop.now();
  runtime::Cancellation never;
  auto stream = co_await dialer.dial(sending.leave != nullptr ? *sending.leave : never);
  if (!stream) {
    reply.problem = stream.error().detail;
    co_return;
  }
  Call one(loop, **stream, sending, reply, began);
  reply.end = co_await one.run();
  reply.ended_after = loop.now() - began;
  (*stream)->close(/*reset=*/false);
}

}  // namespace baton::conformance
