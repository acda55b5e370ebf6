#include "upstream/fetch.h"

#include "runtime/wait.h"

namespace baton::upstream {

runtime::Task<Expected<int>> fetch(runtime::Loop& loop, ConnectionPool& pool, SendOptions options,
                                   runtime::Cancellation& cancel, const FetchSinks& sinks) {
  auto sent = co_await send(loop, pool, options, cancel);
  if (!sent) co_return std::unexpected(std::move(sent.error()));
  Reply reply = std::move(*sent);
  const int status = reply.status();
  if (sinks.head) sinks.head(*reply.head);
  bool wanted = reply.early.empty() || sinks.piece(reply.early);
  bool ended = reply.ended || reply.body.done();
  const Instant until = options.until;
  while (wanted && !ended) {
    runtime::ByteStream& stream = reply.connection->stream();
    const auto got = reply.body.try_read(stream, net::read_scratch());
    using Status = net::BodyReader::Status;
    if (got.status == Status::kBlocked) {
      const Instant silent_until = std::min(until, loop.now() + sinks.idle);
      const auto ready = co_await runtime::wait(loop, {.read = &stream, .cancel = &cancel, .until = silent_until});
      if ((ready & runtime::kCancelled) != 0) co_return fail(ErrorCode::kCancelled, Fault::kClient, "It was given up.");
      if ((ready & runtime::kReadable) == 0)
        co_return fail(ErrorCode::kTimeout, Fault::kUpstream, "The answer stopped in its middle.");
      continue;
    }
    if (got.status != Status::kMore && got.status != Status::kEnd)
      co_return fail(ErrorCode::kReset, Fault::kUpstream, "The answer broke off in its middle.");
    ended = got.status == Status::kEnd;
    if (!got.data.empty()) wanted = sinks.piece(got.data);
  }
  reply.finish(pool, ended && wanted);
  co_return status;
}

}  // namespace baton::upstream
