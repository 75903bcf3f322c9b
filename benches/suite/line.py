"""A slow line before a server: a relay that holds back what it passes on.

Each piece is passed on half a round trip after it came, and no faster than the line carries; the
first goes a round trip later, for the handshake that a real line would have taken.
"""

import asyncio
import multiprocessing

ROUND_TRIP = 0.050  # seconds
RATE = 20_000_000 / 8  # bytes a second, in each direction


class Line:
    """A relay of its own process to one address; it lives until it is closed."""

    def __init__(self, address, port):
        ours, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=relay, args=(address, port, theirs), daemon=True)
        self.process.start()
        self.port = ours.recv()

    def close(self):
        self.process.terminate()
        self.process.join()


def relay(address, port, ready):
    asyncio.run(serve(address, port, ready))


async def serve(address, port, ready):
    async def accepted(reader, writer):
        await asyncio.sleep(ROUND_TRIP)
        far_reader, far_writer = await asyncio.open_connection(address, port)
        await asyncio.gather(carried(reader, far_writer), carried(far_reader, writer))

    server = await asyncio.start_server(accepted, address, 0)
    ready.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


async def carried(reader, writer):
    """Passes on what comes, late and slowly, until the end."""
    loop = asyncio.get_running_loop()
    queue = asyncio.Queue()

    async def deliver():
        while piece := await queue.get():
            due, text = piece
            await asyncio.sleep(due - loop.time())
            writer.write(text)
            await writer.drain()
        writer.close()

    delivering = asyncio.create_task(deliver())
    free = 0.0
    try:
        while text := await reader.read(16384):
            free = max(free, loop.time()) + len(text) / RATE
            queue.put_nowait((free + ROUND_TRIP / 2, text))
            # what the line cannot carry yet waits with the sender
            await asyncio.sleep(free - loop.time())
    except OSError:
        pass
    queue.put_nowait(None)
    try:
        await delivering
    except OSError:
        pass
