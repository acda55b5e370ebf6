// `baton_load drive MODE`: the client side of a measurement. One thread; prints one JSON object and exits 0, also when
// there were errors: their number is in it, and whoever reads it must not use the figures then.
#pragma once

#include <span>

namespace baton::load {

// requests: --connections C keep-alive connections send requests for --seconds after --warmup.
//   Closed loop: each sends the next as soon as it has its reply. With --rate R: one request each 1/R s whatever the
//   replies do; latency counts from that intended moment, so a stall shows in every request it delayed.
//   With --tls 1 over TLS, whatever certificate the server has.
//   With --distinct 1 each request asks something else; without, they differ only in whom they are for.
//   With --requests N the closed loop ends after exactly so many, warm-up included, or after --seconds.
//   SIGTERM ends the window: nothing more is asked, what is under way is waited for and judged.
// flags: --port --connections --seconds --warmup --rate --requests --tls --body-bytes --key --bench --expect FILE
// --distinct
// --pids a,b
// --core N
int drive_requests(std::span<char*> arguments);

// streams: --streams M at once, each of as many events as fit, one each --gap-us; counts events and their lag behind
// the moment
//   they were due at the mock. All end by themselves and must have had every event in order.
// flags: --port --streams --gap-us --seconds --warmup --key --pids --core
int drive_streams(std::span<char*> arguments);

// idle: --streams K open streams that got their first delta and then nothing. Prints {"ready":K}, holds them until
// standard input
//   closes, then prints the totals. --sources N spreads them over 127.0.0.1 … 127.0.0.N.
// flags: --port --streams --sources --key
int drive_idle(std::span<char*> arguments);

}  // namespace baton::load
