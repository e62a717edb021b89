//! Kizuna as processes, on either log, with two connected accounts of the sandbox.

use crate::place::{PATIENCE, Place, eventually};
use sandbox::line::{Act, Channel, Manner};
use sandbox::{Options, Sandbox};
use serde_json::Value;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;
use tokio::time::timeout;

/// One process that serves. It is killed when dropped.
struct Server {
    child: Child,
    facts: Value,
}

/// Everything that runs.
pub struct Deployment {
    pub sandbox: Sandbox,
    place: Place,
    servers: Vec<Server>,
}

impl Deployment {
    /// One process on the embedded log.
    pub async fn embedded() -> Self {
        let sandbox = sandbox().await;
        let place = Place::beside(&sandbox);
        let up = serve(&place, "up", "data").await;
        Self { sandbox, place, servers: vec![up] }.with_connections().await
    }

    /// An ingest and two projectors on the brokers of the rig, with topics of their own.
    pub async fn kafka(name: &str) -> Self {
        let sandbox = sandbox().await;
        let brokers = std::env::var("KIZUNA_TEST_KAFKA_BROKERS").expect("run me with tests/kafka/rig.sh");
        let run = std::process::id();
        let place = Place::beside(&sandbox)
            .with("KIZUNA_KAFKA_BROKERS", &brokers)
            .with("KIZUNA_KAFKA_TOPIC_PREFIX", &format!("{name}-{run}."))
            .with("KIZUNA_KAFKA_PARTITIONS", "4")
            .with("KIZUNA_MASTER_KEY", &"5e".repeat(32));
        let made = place.run(&["topics", "create"]).await;
        assert_eq!(made.status, 0, "{made:?}");
        let ingest = serve(&place, "ingest", "ingest").await;
        let mut deployment = Self { sandbox, place, servers: vec![ingest] }.with_connections().await;
        deployment.start_a_projector("first").await;
        deployment.start_a_projector("second").await;
        deployment
    }

    async fn with_connections(self) -> Self {
        for channel in self.sandbox.line_channels() {
            let flags = ["--channel-id", &channel.id, "--channel-secret", &channel.secret];
            let added = self.place.json(&[&["connection", "add"], &flags[..]].concat()).await;
            let base = self.servers[0].facts["webhook_base_url"].as_str().unwrap();
            let endpoint = format!("{base}{}", added["webhook_path"].as_str().unwrap());
            let channel = Channel { endpoint: Some(endpoint), ..channel };
            self.sandbox.handle().line(|platform, _| platform.put_channel(channel));
        }
        self
    }

    /// One more projector, with a state directory of its own.
    pub async fn start_a_projector(&mut self, name: &str) {
        self.servers.push(serve(&self.place, "projector", name).await);
    }

    /// As the kernel does it when memory runs out.
    pub async fn kill_a_projector(&mut self) {
        let mut killed = self.servers.pop().unwrap();
        killed.child.kill().await.unwrap();
    }

    /// Lets a person do something at the account of this connection number; Kizuna must take every webhook of it.
    pub async fn play(&self, connection: usize, person: &str, act: &Act) {
        let channel = self.sandbox.line_channels().swap_remove(connection - 1);
        let told = self.sandbox.handle().play(&channel.id, person, act, &Manner::default()).await.unwrap();
        assert!(!told.reactions.is_empty());
        for reaction in told.reactions {
            assert!(reaction.is_some_and(|reaction| reaction.accepted()), "{}: {reaction:?}", act.name());
        }
    }
}

async fn sandbox() -> Sandbox {
    sandbox::start(Options::default()).await.unwrap()
}

/// Starts a serving command on free ports and waits until it is ready.
async fn serve(place: &Place, role: &str, data: &str) -> Server {
    let mut command = place.program(&[role, "--json"]);
    command.env("KIZUNA_LISTEN", "127.0.0.1:0").env("KIZUNA_ADMIN_LISTEN", "127.0.0.1:0").env("KIZUNA_DATA_DIR", data);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().expect("it says where it is");
    let facts: Value = serde_json::from_str(&line).unwrap();
    let live = format!("{}/live", facts["admin_url"].as_str().unwrap());
    let answers = async || reqwest::get(&live).await.ok().filter(|answer| answer.status().is_success());
    eventually(&format!("`kizuna {role}` answers"), answers).await;
    Server { child, facts }
}
