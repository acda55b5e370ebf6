#include "http/content_coding.h"

#include <brotli/decode.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <optional>

#include "base/ascii.h"

namespace baton::http {
namespace {

constexpr int kGzipOnly = 16;           // zlib: added to the window bits
constexpr int kZstdWindowLogMax = 23;   // 8 MB
constexpr size_t kStretchBytes = 4096;  // first room for a piece's output

std::unexpected<Error> bad(std::string_view why) {
  return fail(ErrorCode::kBadRequest, Fault::kClient, "the encoded content " + std::string(why));
}

// Where decoded bytes go: the end of `out`, which grows as they come but never by more than the room. Once that is used
// up, a single spare byte: whether the decoder wants to fill it tells apart what fits exactly from what does not.
class Sink {
 public:
  Sink(std::string& out, size_t room, size_t input_bytes)
      : out_(out), size_(out.size()), limit_(room > out.max_size() - size_ ? out.max_size() : size_ + room) {
    stretch_ = std::max(kStretchBytes, std::min(input_bytes, kStretchBytes * 16) * 4);
  }
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  ~Sink() { out_.resize(size_); }

  char* begin() {
    if (full()) return &spare_;
    if (size_ == out_.size()) {
      out_.resize(size_ + std::min(limit_ - size_, stretch_));
      stretch_ *= 2;
    }
    return out_.data() + size_;
  }
  size_t size() const { return full() ? 1 : out_.size() - size_; }
  // False when there was no room for them.
  bool take(size_t bytes) {
    if (full()) return bytes == 0;
    size_ += bytes;
    return true;
  }

 private:
  bool full() const { return size_ == limit_; }

  std::string& out_;
  size_t size_;
  size_t limit_;
  size_t stretch_;
  char spare_ = 0;
};

struct Input {
  const char* at;
  size_t size;
};
struct Output {
  char* at;
  size_t size;
};

// What the three have in common: pieces, bound, the end and what follows it. A library does the step: it takes of the
// input and fills of the output what it can.
class SteppedDecoder : public Decoder {
 public:
  Expected<void> decode(std::string_view bytes, std::string& out, size_t room) final {
    if (failed_) return std::unexpected(*failed_);
    auto done = pump(bytes, out, room);
    if (!done) failed_ = done.error();
    return done;
  }
  bool finished() const final { return finished_ && !failed_; }

 protected:
  enum class Step : uint8_t { kMore, kEnd, kBad, kNoMemory };
  virtual Step step(Input& input, Output& output) = 0;

 private:
  Expected<void> pump(std::string_view bytes, std::string& out, size_t room) {
    if (bytes.empty()) return {};
    if (finished_) return bad("is followed by other data");
    Sink sink(out, room, bytes.size());
    Input input{bytes.data(), bytes.size()};
    while (true) {
      Output output{sink.begin(), sink.size()};
      size_t before = output.size;
      Step result = step(input, output);
      if (result == Step::kNoMemory)
        return fail(ErrorCode::kOverloaded, Fault::kUs, "no memory to decode", Retry::kLater);
      if (result == Step::kBad) return bad("is damaged");
      if (!sink.take(before - output.size)) {
        return fail(ErrorCode::kBodyTooLarge, Fault::kClient, "the decoded content is too large");
      }
      if (result == Step::kEnd) {
        finished_ = true;
        if (input.size > 0) return bad("is followed by other data");
        return {};
      }
      // Room is left, so the library holds nothing back and asks for input.
      if (input.size == 0 && output.size > 0) return {};
    }
  }

  bool finished_ = false;
  std::optional<Error> failed_;
};

class GzipDecoder final : public SteppedDecoder {
 public:
  GzipDecoder() { ready_ = inflateInit2(&stream_, MAX_WBITS + kGzipOnly) == Z_OK; }
  ~GzipDecoder() override {
    if (ready_) inflateEnd(&stream_);
  }

 private:
  Step step(Input& input, Output& output) override {
    if (!ready_) return Step::kNoMemory;
    auto in = static_cast<uInt>(std::min<size_t>(input.size, UINT32_MAX));
    auto out = static_cast<uInt>(std::min<size_t>(output.size, UINT32_MAX));
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.at));
    stream_.avail_in = in;
    stream_.next_out = reinterpret_cast<Bytef*>(output.at);
    stream_.avail_out = out;
    int result = inflate(&stream_, Z_NO_FLUSH);
    input = {input.at + (in - stream_.avail_in), input.size - (in - stream_.avail_in)};
    output = {output.at + (out - stream_.avail_out), output.size - (out - stream_.avail_out)};
    switch (result) {
      case Z_OK:
      case Z_BUF_ERROR: return Step::kMore;
      case Z_STREAM_END: return Step::kEnd;
      case Z_MEM_ERROR: return Step::kNoMemory;
      default: return Step::kBad;
    }
  }

  z_stream stream_{};
  bool ready_ = false;
};

class BrotliDecoder final : public SteppedDecoder {
 public:
  BrotliDecoder() : state_(BrotliDecoderCreateInstance(nullptr, nullptr, nullptr), BrotliDecoderDestroyInstance) {}

 private:
  Step step(Input& input, Output& output) override {
    if (state_ == nullptr) return Step::kNoMemory;
    auto* in = reinterpret_cast<const uint8_t*>(input.at);
    auto* out = reinterpret_cast<uint8_t*>(output.at);
    auto result = BrotliDecoderDecompressStream(state_.get(), &input.size, &in, &output.size, &out, nullptr);
    input.at = reinterpret_cast<const char*>(in);
    output.at = reinterpret_cast<char*>(out);
    if (result == BROTLI_DECODER_RESULT_SUCCESS) return Step::kEnd;
    return result == BROTLI_DECODER_RESULT_ERROR ? Step::kBad : Step::kMore;
  }

  std::unique_ptr<BrotliDecoderState, decltype(&BrotliDecoderDestroyInstance)> state_;
};

class ZstdDecoder final : public SteppedDecoder {
 public:
  ZstdDecoder() : stream_(ZSTD_createDStream(), ZSTD_freeDStream) {
    if (stream_ != nullptr) ZSTD_DCtx_setParameter(stream_.get(), ZSTD_d_windowLogMax, kZstdWindowLogMax);
  }

 private:
  Step step(Input& input, Output& output) override {
    if (stream_ == nullptr) return Step::kNoMemory;
    ZSTD_inBuffer in{input.at, input.size, 0};
    ZSTD_outBuffer out{output.at, output.size, 0};
    size_t result = ZSTD_decompressStream(stream_.get(), &out, &in);
    input = {input.at + in.pos, input.size - in.pos};
    output = {output.at + out.pos, output.size - out.pos};
    if (ZSTD_isError(result) != 0) return Step::kBad;
    return result == 0 ? Step::kEnd : Step::kMore;
  }

  std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> stream_;
};

}  // namespace

Coding parse_coding(std::string_view value) {
  value = ascii::trim(value);
  if (value.empty() || ascii::equal_ignoring_case(value, "identity")) return Coding::kIdentity;
  if (ascii::equal_ignoring_case(value, "gzip") || ascii::equal_ignoring_case(value, "x-gzip")) return Coding::kGzip;
  if (ascii::equal_ignoring_case(value, "br")) return Coding::kBrotli;
  if (ascii::equal_ignoring_case(value, "zstd")) return Coding::kZstd;
  return Coding::kUnknown;
}

std::unique_ptr<Decoder> make_decoder(Coding coding) {
  switch (coding) {
    case Coding::kGzip: return std::make_unique<GzipDecoder>();
    case Coding::kBrotli: return std::make_unique<BrotliDecoder>();
    case Coding::kZstd: return std::make_unique<ZstdDecoder>();
    case Coding::kIdentity:
    case Coding::kUnknown: return nullptr;
  }
  return nullptr;
}

Expected<std::string> decode_whole(Coding coding, std::string_view bytes, const DecodeLimits& limits) {
  if (coding == Coding::kUnknown) {
    return fail(ErrorCode::kUnsupported, Fault::kClient, "the content coding is not supported");
  }
  size_t room = limits.output_bytes_max;
  if (coding == Coding::kIdentity) {
    if (bytes.size() > room) return fail(ErrorCode::kBodyTooLarge, Fault::kClient, "the content is too large");
    return std::string(bytes);
  }
  if (limits.ratio_max == 0 || bytes.size() <= SIZE_MAX / limits.ratio_max) {
    room = std::min(room, std::max(limits.ratio_from_bytes, bytes.size() * limits.ratio_max));
  }
  auto decoder = make_decoder(coding);
  std::string out;
  if (auto done = decoder->decode(bytes, out, room); !done) return std::unexpected(std::move(done.error()));
  if (!decoder->finished()) return bad("ends too early");
  return out;
}

}  // namespace baton::http
