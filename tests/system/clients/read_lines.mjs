// What node's HTTP parser (llhttp) and the npm package eventsource-parser make of bytes; lines in and out as for
// tests/differential/read_lines.cc. A request that node refuses ends its list with null.
import http from "node:http";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { Duplex } from "node:stream";

const require = createRequire(process.argv[2] + "/");
const { createParser } = require("eventsource-parser");

const hex = (text, encoding) => Buffer.from(text, encoding).toString("hex");
const turns = async (n) => { for (let i = 0; i < n; i++) await new Promise(setImmediate); };

async function requests(bytes) {
  const seen = [];
  let refused = false;
  const server = http.createServer({ requireHostHeader: false, maxHeaderSize: 1 << 20, keepAliveTimeout: 0 });
  const take = (request, response) => {
    const pieces = [];
    const one = { method: hex(request.method, "latin1"), target: hex(request.url, "latin1"), fields: [], whole: false };
    for (let i = 0; i < request.rawHeaders.length; i += 2)
      one.fields.push([hex(request.rawHeaders[i], "latin1"), hex(request.rawHeaders[i + 1], "latin1")]);
    seen.push(one);
    request.on("data", (piece) => pieces.push(piece));
    request.on("end", () => { one.body = Buffer.concat(pieces).toString("hex"); one.whole = true; response.end(); });
    request.on("error", () => {});
  };
  server.on("request", take);
  server.on("checkContinue", take);
  server.on("checkExpectation", take);
  server.on("clientError", () => { refused = true; });
  const socket = new Duplex({ read() {}, write(_chunk, _encoding, done) { done(); }, final(done) { done(); } });
  socket.on("error", () => {});
  server.emit("connection", socket);
  socket.push(bytes);
  await turns(4);
  for (let last = -1; last !== seen.length;) { last = seen.length; await turns(3); }
  socket.destroy();
  const list = seen.filter((one) => one.whole);
  if (refused || list.length < seen.length) list.push(null);
  return list;
}

function events(bytes) {
  const seen = [];
  const parser = createParser({ onEvent: (event) => seen.push([hex(event.event ?? "", "utf8"), hex(event.data, "utf8")]) });
  parser.feed(new TextDecoder().decode(bytes));  // as its users do: without a byte order mark
  return seen;
}

for await (const line of createInterface({ input: process.stdin })) {
  const [what, ...rest] = line.split(" ");
  const bytes = Buffer.from(rest.at(-1), "hex");
  console.log(JSON.stringify(what === "requests" ? await requests(bytes) : events(bytes)));
}
