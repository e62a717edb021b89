"""The seven-field fold as a Quix Streams application: the same records of the same topic, one process, state in RocksDB.

    python fold.py BROKERS TOPIC SCHEMA RECORDS STATE_DIRECTORY

Folds that many records, prints what it cost from the first one on as a line of JSON, and ends. The start of Python is not
counted, and nothing is written back to Kafka: the topic is kept for ever, so that the store can be made from it again.
"""

import io
import json
import os
import sys
import time

import fastavro
import orjson
from quixstreams import Application
from quixstreams.models import BytesDeserializer, Deserializer

BROKERS, TOPIC, SCHEMA, RECORDS, STATE_DIRECTORY = sys.argv[1:]
MESSAGES_MAX = 8
# Magic and fingerprint of Avro's single-object encoding.
HEAD_BYTES = 10
NEVER = [0, ""]

schema = fastavro.parse_schema(json.load(open(SCHEMA)))


class FriendKey(Deserializer):
    """State is kept by message key: of ours, user and connection."""

    def __call__(self, value, ctx):
        return value.rsplit(b"/", 1)[0].decode()


def fold(value, state):
    meter.begin()
    event = fastavro.schemaless_reader(io.BytesIO(value[HEAD_BYTES:]), schema, None)
    if event["user_id"] is not None:
        friend = state.get("friend") or {"follow": NEVER, "follows": True, "sync_date": None, "messages": []}
        apply(friend, event, orjson.loads(event["raw"]))
        state.set("friend", friend)
    meter.folded()


def apply(friend, event, raw):
    at, kind = [event["occurred_at_ms"], event["webhook_event_id"]], event["event_type"]
    if kind in ("follow", "unfollow") and at > friend["follow"]:
        friend["follow"], friend["follows"] = at, kind == "follow"
    elif kind == "message" and all(at != known["at"] for known in friend["messages"]):
        message = raw["message"]
        text = message["text"] if message["type"] == "text" else f"[{message['type']}]"
        friend["messages"].append({"at": at, "id": message["id"], "text": text})
        friend["messages"].sort(key=lambda known: known["at"], reverse=True)
        del friend["messages"][MESSAGES_MAX:]
    elif kind == "unsend":
        unsent = raw["unsend"]["messageId"]
        friend["messages"] = [known for known in friend["messages"] if known["id"] != unsent]
    if kind in ("follow", "message", "postback"):
        friend["sync_date"] = min(friend["sync_date"] or at[0], at[0])


class Meter:
    """Processor time and time from the first record to the last."""

    def __init__(self, records):
        self.records, self.count = records, 0

    def begin(self):
        if self.count == 0:
            self.cpu_began, self.began = time.process_time(), time.monotonic()

    def folded(self):
        self.count += 1
        if self.count == self.records:
            cpu, wall = time.process_time() - self.cpu_began, time.monotonic() - self.began
            print(json.dumps({"records": self.records, "cpu_seconds": cpu, "wall_seconds": wall}), flush=True)


meter = Meter(int(RECORDS))
app = Application(
    broker_address=BROKERS,
    consumer_group=f"fold-{os.getpid()}-{time.time_ns()}",
    auto_offset_reset="earliest",
    auto_create_topics=False,
    use_changelog_topics=False,
    commit_interval=30.0,
    state_dir=STATE_DIRECTORY,
    loglevel="WARNING",
)
events = app.topic(TOPIC, key_deserializer=FriendKey(), value_deserializer=BytesDeserializer())
app.dataframe(events).update(fold, stateful=True)
app.run(count=meter.records)
