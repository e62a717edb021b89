// The seven-field fold as a Kafka Streams application: the same records of the same topic, one thread, state in RocksDB.
//
//   java -cp 'JARS/*' Fold.java BROKERS TOPIC SCHEMA RECORDS STATE_DIRECTORY
//
// Folds that many records, prints what it cost from the first one on as a line of JSON, and ends. The start of the JVM is not
// counted, and nothing is written back to Kafka: the topic is kept for ever, so that the store can be made from it again.

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.management.OperatingSystemMXBean;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.message.BinaryMessageDecoder;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

public final class Fold {
    private static final String STORE = "friends";
    private static final int MESSAGES_MAX = 8;

    public static void main(String[] arguments) throws Exception {
        String brokers = arguments[0], topic = arguments[1], states = arguments[4];
        Schema schema = new Schema.Parser().parse(new File(arguments[2]));
        Meter meter = new Meter(Long.parseLong(arguments[3]));

        Topology topology = new Topology();
        var store = Stores.keyValueStoreBuilder(
            Stores.persistentKeyValueStore(STORE), Serdes.String(), Serdes.serdeFrom((t, f) -> f.toBytes(), (t, b) -> Friend.of(b)));
        topology.addSource("events", Serdes.ByteArray().deserializer(), Serdes.ByteArray().deserializer(), topic);
        topology.addProcessor("fold", () -> new Folding(new BinaryMessageDecoder<>(GenericData.get(), schema), meter), "events");
        topology.addStateStore(store.withCachingEnabled().withLoggingDisabled(), "fold");

        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "fold-" + System.nanoTime());
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, brokers);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, states);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 512L << 20);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 30_000);
        settings.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 10_000);
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 10_000);
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG), 8 << 20);
        KafkaStreams streams = new KafkaStreams(topology, settings);
        streams.start();
        meter.done.await();
        System.exit(0);
    }

    /** One record after the other into the state of its friend. */
    private static final class Folding implements Processor<byte[], byte[], Void, Void> {
        private final BinaryMessageDecoder<GenericRecord> decoder;
        private final ObjectMapper json = new ObjectMapper();
        private final Meter meter;
        private KeyValueStore<String, Friend> friends;

        Folding(BinaryMessageDecoder<GenericRecord> decoder, Meter meter) {
            this.decoder = decoder;
            this.meter = meter;
        }

        @Override
        public void init(ProcessorContext<Void, Void> context) {
            friends = context.getStateStore(STORE);
        }

        @Override
        public void process(Record<byte[], byte[]> record) {
            meter.begin();
            try {
                GenericRecord event = decoder.decode(record.value());
                JsonNode raw = json.readTree(((ByteBuffer) event.get("raw")).array());
                if (event.get("user_id") != null) {
                    String key = event.get("user_id") + "/" + event.get("connection");
                    Friend known = friends.get(key);
                    Friend friend = known == null ? new Friend() : known;
                    friend.apply(event, raw);
                    friends.put(key, friend);
                }
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
            meter.folded();
        }
    }

    /** What the seven properties are made of. The user ID is the key; name and picture come from another topic. */
    private static final class Friend {
        private Moment follow = new Moment(Long.MIN_VALUE, "");
        private boolean follows = true;
        private long syncDate = Long.MAX_VALUE;
        private List<Message> messages = new ArrayList<>();

        record Moment(long time, String id) implements Comparable<Moment> {
            @Override
            public int compareTo(Moment other) {
                return Comparator.comparingLong(Moment::time).thenComparing(Moment::id).compare(this, other);
            }
        }

        record Message(Moment at, String id, String text) {}

        void apply(GenericRecord event, JsonNode raw) {
            Moment at = new Moment((Long) event.get("occurred_at_ms"), event.get("webhook_event_id").toString());
            switch (event.get("event_type").toString()) {
                case "follow" -> follows(at, true);
                case "unfollow" -> {
                    follows(at, false);
                    return;
                }
                case "message" -> message(at, raw.get("message"));
                case "unsend" -> {
                    String unsent = raw.get("unsend").get("messageId").asText();
                    messages.removeIf(message -> message.id().equals(unsent));
                    return;
                }
                case "postback" -> { }
                default -> {
                    return;
                }
            }
            syncDate = Math.min(syncDate, at.time());
        }

        private void follows(Moment at, boolean does) {
            if (at.compareTo(follow) > 0) {
                follow = at;
                follows = does;
            }
        }

        private void message(Moment at, JsonNode message) {
            String type = message.get("type").asText();
            String text = type.equals("text") ? message.get("text").asText() : "[" + type + "]";
            Message found = new Message(at, message.get("id").asText(), text);
            if (messages.stream().noneMatch(known -> known.at().equals(at))) {
                messages.add(found);
                messages.sort(Comparator.comparing(Message::at).reversed());
                if (messages.size() > MESSAGES_MAX) {
                    messages.remove(MESSAGES_MAX);
                }
            }
        }

        byte[] toBytes() {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            try (DataOutputStream out = new DataOutputStream(bytes)) {
                out.writeLong(follow.time());
                out.writeUTF(follow.id());
                out.writeBoolean(follows);
                out.writeLong(syncDate);
                out.writeInt(messages.size());
                for (Message message : messages) {
                    out.writeLong(message.at().time());
                    out.writeUTF(message.at().id());
                    out.writeUTF(message.id());
                    out.writeUTF(message.text());
                }
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
            return bytes.toByteArray();
        }

        static Friend of(byte[] bytes) {
            if (bytes == null) {
                return null;
            }
            Friend friend = new Friend();
            try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes))) {
                friend.follow = new Moment(in.readLong(), in.readUTF());
                friend.follows = in.readBoolean();
                friend.syncDate = in.readLong();
                for (int left = in.readInt(); left > 0; left--) {
                    friend.messages.add(new Message(new Moment(in.readLong(), in.readUTF()), in.readUTF(), in.readUTF()));
                }
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
            return friend;
        }
    }

    /** Processor time and time from the first record to the last. */
    private static final class Meter {
        private final OperatingSystemMXBean system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        private final CountDownLatch done = new CountDownLatch(1);
        private final long records;
        private long folded, cpuBegan, began;

        Meter(long records) {
            this.records = records;
        }

        void begin() {
            if (folded == 0) {
                cpuBegan = system.getProcessCpuTime();
                began = System.nanoTime();
            }
        }

        void folded() {
            folded++;
            if (folded == records) {
                double cpu = (system.getProcessCpuTime() - cpuBegan) / 1e9, wall = (System.nanoTime() - began) / 1e9;
                System.out.printf("{\"records\": %d, \"cpu_seconds\": %.3f, \"wall_seconds\": %.3f}%n", records, cpu, wall);
                done.countDown();
            }
        }
    }
}
