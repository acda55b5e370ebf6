"""A TCP proxy that spoils what passes: pieces of a few bytes, delays, a cut after so many bytes, a reset, silence."""

import asyncio
import socket
import threading


class Toxic:
    """Between a relay and a port. `piece` bytes at a time (0: as they come) with `pause` seconds between, in both directions; after
    `cut_after` bytes of answers `cut()` is done with the connection: "close", "reset" or "silence"."""

    def __init__(self, port, piece=0, pause=0.0, cut_after=None, cut="reset"):
        self.target, self.piece, self.pause, self.cut_after, self.cut = port, piece, pause, cut_after, cut
        self.connections = 0
        self.loop = asyncio.new_event_loop()
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(256)
        self.port = self.listener.getsockname()[1]
        self.started = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        self.started.wait()
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

    def _run(self):
        asyncio.set_event_loop(self.loop)
        self.server = self.loop.run_until_complete(asyncio.start_server(self._serve, sock=self.listener))
        self.started.set()
        self.loop.run_forever()

    async def _serve(self, reader, writer):
        self.connections += 1
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        for one in (writer, up_writer):
            one.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        there = asyncio.ensure_future(self._pass(reader, up_writer, None))
        try:
            await self._pass(up_reader, writer, self.cut_after)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            there.cancel()
            up_writer.close()
            writer.close()

    async def _pass(self, reader, writer, left):
        while data := await reader.read(65536):
            cut = left is not None and len(data) >= left
            data = data[:left] if left is not None else data
            step = self.piece or max(1, len(data))
            for at in range(0, len(data), step):
                writer.write(data[at:at + step])
                await writer.drain()
                if self.pause:
                    await asyncio.sleep(self.pause)
            if left is not None:
                left -= len(data)
            if cut:
                await self._cut(writer)
                return
        writer.close()

    async def _cut(self, writer):
        if self.cut == "silence":
            await asyncio.sleep(3600)
        if self.cut == "reset":
            await asyncio.sleep(0.05)  # what was written first
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            writer.transport.abort()
