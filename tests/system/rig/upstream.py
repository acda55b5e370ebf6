"""An upstream that follows a script: records what it was sent, byte for byte, and answers as the test says.

    with Upstream(script) as upstream: …
    async def script(call): await call.reply(200, {"content-type": "application/json"}, b"{}")

The script runs once per request on the upstream's own event loop. When it returns without having answered, the connection closes.
"""

import asyncio
import socket
import threading


class Call:
    """One request that arrived, and the means to answer it."""

    def __init__(self, head, body, reader, writer, connection):
        lines = head.split(b"\r\n")
        self.head = head
        self.method, self.target, self.version = lines[0].decode("latin-1").split(" ")
        self.path = self.target.split("?")[0]
        self.fields = [tuple(part.strip() for part in line.decode("latin-1").split(":", 1)) for line in lines[1:] if line]
        self.body = body
        self.connection = connection  # a number: requests of one connection share it
        self.reader, self.writer = reader, writer
        self.answered = False
        self.closed = False  # set when the peer went away while the script ran
        self.keep = True

    def all(self, name):
        return [v for n, v in self.fields if n.lower() == name]

    def one(self, name, default=None):
        values = self.all(name)
        if len(values) > 1:
            raise AssertionError(f"{name} was sent {len(values)} times")
        return values[0] if values else default

    async def send(self, data):
        self.answered = True
        self.writer.write(data)
        await self.writer.drain()

    async def reply(self, status, fields, body):
        """A whole reply with its length."""
        await self.send(reply_bytes(status, fields, body))

    async def begin_stream(self, fields=(), status=200):
        """The head of a chunked event stream."""
        await self.send(reply_head(status, [("content-type", "text/event-stream; charset=utf-8"), ("request-id", "req_up"), *fields,
                                            ("transfer-encoding", "chunked")]))

    async def chunk(self, data):
        await self.send(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    async def end_stream(self):
        await self.send(b"0\r\n\r\n")

    async def stream(self, *pieces, fields=()):
        await self.begin_stream(fields)
        for piece in pieces:
            await self.chunk(piece)
        await self.end_stream()

    def end(self):
        """Closes the connection after the script."""
        self.keep = False

    def reset(self):
        self.keep = False
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.writer.transport.abort()

    async def gone(self):
        """Waits until the peer closes its side."""
        try:
            data = await self.reader.read(1)
        except ConnectionError:
            data = b""
        if data:
            raise AssertionError("the relay sent bytes after its request")
        self.closed = True
        self.keep = False


def reply_head(status, fields):
    return (f"HTTP/1.1 {status} Whatever\r\n" + "".join(f"{n}: {v}\r\n" for n, v in fields) + "\r\n").encode("latin-1")


def reply_bytes(status, fields, body):
    fields = list(fields.items()) if isinstance(fields, dict) else list(fields)
    return reply_head(status, [*fields, ("content-length", str(len(body)))]) + body


class Upstream:
    def __init__(self, script, backlog=1024):
        self.script = script
        self.calls = []
        self.connections = 0
        self.open_connections = 0
        self.errors = []
        self.loop = asyncio.new_event_loop()
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen(backlog)
        self.port = listener.getsockname()[1]
        self.server = None
        started = threading.Event()

        def run():
            asyncio.set_event_loop(self.loop)
            self.server = self.loop.run_until_complete(asyncio.start_server(self._serve, sock=listener, limit=1 << 20))
            started.set()
            self.loop.run_forever()

        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()
        started.wait()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        async def finish():
            self.server.close()
            for task in asyncio.all_tasks():
                if task is not asyncio.current_task():
                    task.cancel()
            await asyncio.sleep(0)

        asyncio.run_coroutine_threadsafe(finish(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        if kind is None and self.errors:
            raise AssertionError(f"the upstream's script failed: {self.errors[0]!r}") from self.errors[0]

    async def _serve(self, reader, writer):
        self.connections += 1
        self.open_connections += 1
        number = self.connections
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while True:
                try:
                    head = await reader.readuntil(b"\r\n\r\n")
                    body = await read_body(head, reader)
                except (asyncio.IncompleteReadError, ConnectionError):
                    break
                call = Call(head[:-4], body, reader, writer, number)
                self.calls.append(call)
                try:
                    await self.script(call)
                except ConnectionError:
                    call.closed = True
                    break
                except asyncio.CancelledError:
                    break
                except Exception as error:  # shown when the test ends
                    self.errors.append(error)
                    break
                if not call.answered or not call.keep:
                    break
        finally:
            self.open_connections -= 1
            writer.close()


async def read_body(head, reader):
    lower = head.lower()
    if b"\r\ntransfer-encoding: chunked\r\n" in lower:
        body = bytearray()
        while True:
            size = int((await reader.readline()).strip(), 16)
            body += await reader.readexactly(size)
            await reader.readexactly(2)
            if size == 0:
                return bytes(body)
    for line in lower.split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return await reader.readexactly(int(line.split(b":")[1]))
    return b""


# ── Replies that most tests want

def event(name, data):
    return f"event: {name}\ndata: {data}\n\n".encode()


MESSAGE_START = event("message_start", '{"type":"message_start","message":{"id":"msg_01","type":"message","role":"assistant",'
                      '"model":"claude-sonnet-5-5","content":[],"stop_reason":null,"stop_sequence":null,'
                      '"usage":{"input_tokens":12,"output_tokens":1}}}')
BLOCK_START = event("content_block_start", '{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}')
BLOCK_STOP = event("content_block_stop", '{"type":"content_block_stop","index":0}')
MESSAGE_DELTA = event("message_delta", '{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},'
                      '"usage":{"output_tokens":3}}')
MESSAGE_STOP = event("message_stop", '{"type":"message_stop"}')


def text_delta(text):
    return event("content_block_delta", '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"%s"}}' % text)


def text_stream(*texts):
    """The events of a whole text reply."""
    return [MESSAGE_START, BLOCK_START, *(text_delta(text) for text in texts), BLOCK_STOP, MESSAGE_DELTA, MESSAGE_STOP]


MESSAGE = (b'{"id":"msg_01","type":"message","role":"assistant","model":"claude-sonnet-5-5","content":[{"type":"text","text":"hi"}],'
           b'"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":12,"output_tokens":3}}')


def error_body(kind, text="as scripted"):
    return ('{"type":"error","error":{"type":"%s","message":"%s"},"request_id":"req_up"}' % (kind, text)).encode()


async def stream_without_end(one):
    """A stream that begins and is open until the relay leaves; a message at once to who asks for no stream."""
    if b'"stream": true' not in one.body:
        await one.reply(200, {"content-type": "application/json"}, MESSAGE)
        return
    await one.begin_stream()
    await one.chunk(MESSAGE_START + BLOCK_START)
    await one.gone()


async def answer_message(call):
    """A script: a whole message, streamed if asked."""
    if b'"stream": true' in call.body or b'"stream":true' in call.body:
        await call.stream(*text_stream("h", "i"))
    else:
        await call.reply(200, {"content-type": "application/json", "request-id": "req_up"}, MESSAGE)
