"""A mail server of other people's making (aiosmtpd): says its port, then each letter that comes, as a line of JSON."""

import asyncio
import json
import sys

from aiosmtpd.smtp import SMTP


class Keep:
    async def handle_DATA(self, server, session, envelope):
        letter = envelope.content.decode("utf-8", "replace")
        print(json.dumps({"to": envelope.rcpt_tos, "letter": letter}), flush=True)
        return "250 taken"


async def serve():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Keep()), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    # As long as whoever has started it lives.
    await loop.run_in_executor(None, sys.stdin.read)


asyncio.run(serve())
