"""A webhook receiver with LINE's SDK: FastAPI, the SDK's parser, which checks the signature; one record for each event,
acknowledged by all replicas before LINE gets its 200.

    python receiver.py BROKERS TOPIC CHANNEL_SECRET
"""

import asyncio
import contextlib
import socket
import sys

import aiokafka
import fastapi
import uvicorn
from linebot.v3 import WebhookParser
from linebot.v3.exceptions import InvalidSignatureError

BROKERS, TOPIC, CHANNEL_SECRET = sys.argv[1:]
parser = WebhookParser(CHANNEL_SECRET)


@contextlib.asynccontextmanager
async def lifespan(app):
    app.state.producer = aiokafka.AIOKafkaProducer(bootstrap_servers=BROKERS, acks="all", enable_idempotence=True)
    await app.state.producer.start()
    yield
    await app.state.producer.stop()


app = fastapi.FastAPI(lifespan=lifespan)


@app.post("/webhook")
async def webhook(request: fastapi.Request):
    signature = request.headers.get("x-line-signature", "")
    body = (await request.body()).decode()
    try:
        events = parser.parse(body, signature)
    except InvalidSignatureError as error:
        raise fastapi.HTTPException(status_code=401) from error
    sent = [request.app.state.producer.send_and_wait(TOPIC, event.to_json().encode(), key(event)) for event in events]
    await asyncio.gather(*sent)
    return fastapi.Response()


def key(event):
    user = getattr(event.source, "user_id", None)
    return (user or event.webhook_event_id).encode()


def main():
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print(f"http://127.0.0.1:{listener.getsockname()[1]}/webhook", flush=True)
    config = uvicorn.Config(app, loop="uvloop", http="httptools", access_log=False, log_level="warning")
    uvicorn.Server(config).run(sockets=[listener])


main()
