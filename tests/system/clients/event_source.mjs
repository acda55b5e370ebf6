// event_source.mjs PORT PATH: reads a stream with the runtime's EventSource, through a middlebox that ends the first
// reply too early. Prints {"ids": of the events in order, "connections"}.
import http from 'node:http';

const [port, path] = [Number(process.argv[2]), process.argv[3]];
const CUT_AFTER_BYTES = 3000;
let connections = 0;

const proxy = http.createServer((request, response) => {
  let left = ++connections === 1 ? CUT_AFTER_BYTES : Infinity;
  const ask = http.request({ port, path: request.url, headers: request.headers }, (reply) => {
    response.writeHead(reply.statusCode, { 'content-type': reply.headers['content-type'] ?? 'text/plain' });
    reply.on('data', (bytes) => {
      response.write(bytes.subarray(0, left));
      left -= bytes.length;
      if (left > 0) return;
      response.end();
      ask.destroy();
    });
    reply.on('end', () => response.end());
    reply.on('error', () => {});
  });
  ask.on('error', () => {});
  ask.end();
});

proxy.listen(0, '127.0.0.1', () => {
  const source = new EventSource(`http://127.0.0.1:${proxy.address().port}${path}`);
  source.onerror = () => {
    if (source.readyState !== EventSource.CLOSED) return; // it comes back by itself
    console.error('the EventSource has given up');
    process.exit(1);
  };
  const ids = [];
  const names = ['message_start', 'ping', 'content_block_start', 'content_block_delta', 'content_block_stop', 'message_delta',
    'message_stop'];
  for (const name of names) {
    source.addEventListener(name, (event) => {
      ids.push(event.lastEventId);
      if (name !== 'message_stop') return;
      source.close();
      console.log(JSON.stringify({ ids, connections }));
      process.exit(0);
    });
  }
});
