// A webhook receiver with LINE's SDK: express and the SDK's middleware, which checks the signature and reads the body; one
// record for each event, acknowledged by all replicas before LINE gets its 200.
//
//   node receiver.mjs BROKERS TOPIC CHANNEL_SECRET
import { middleware } from "@line/bot-sdk";
import express from "express";
import { CompressionTypes, Kafka, logLevel } from "kafkajs";

const [brokers, topic, channelSecret] = process.argv.slice(2);
const kafka = new Kafka({ clientId: "receiver", brokers: brokers.split(","), logLevel: logLevel.ERROR });
// Idempotence stays off: kafkajs calls it experimental, and it would allow one request at a time.
const producer = kafka.producer({ allowAutoTopicCreation: false });
await producer.connect();

const app = express();
app.disable("x-powered-by");
app.post("/webhook", middleware({ channelSecret }), async (request, response) => {
  const messages = request.body.events.map((event) => ({
    key: event.source?.userId ?? event.webhookEventId,
    value: JSON.stringify(event),
  }));
  if (messages.length > 0) {
    await producer.send({ topic, acks: -1, compression: CompressionTypes.None, messages });
  }
  response.status(200).end();
});

const server = app.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}/webhook`));
