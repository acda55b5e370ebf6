// `baton_load mock`: the upstream that every proxy is measured against. One thread, as cheap as an upstream can be: one
// read and one write per request, nothing parsed that need not be.
//
// Without an `x-bench` field a request gets the same 1,490-byte Message at once. With it, `;`-separated words ask for
// more:
//   body=N                      a Message of N bytes
//   digest                      {"bytes":N,"fnv1a64":"…"} of the request's body: proves that it arrived whole
//   stream;events=N;gap_us=G    N text deltas, one each G microseconds (0: back to back), each stamped with when it was
//   due stream;hold                 the opening events and one delta, then silence until the client leaves stamp=0
//   zeros for stamps, so that two streams are equal byte for byte
// Bounds: bodies are read and dropped; a stream that its reader does not drain waits.
#pragma once

#include <span>

namespace baton::load {

// mock --port P [--cert PEM --key PEM]
int mock(std::span<char*> arguments);

}  // namespace baton::load
