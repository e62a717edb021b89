//! The brokers of `tests/kafka/rig.sh`, which makes them fail when it is told to.

use tokio::process::Command;

/// How many there are.
pub const BROKERS: u64 = 3;

/// Lets the rig do something with a broker; returns when it is done.
pub async fn broker(action: &str, node: u64) {
    let rig = std::env::var("KIZUNA_TEST_KAFKA_RIG").expect("run me with tests/kafka/rig.sh --networks");
    let status = Command::new(rig).args(["broker", action, &node.to_string()]).status().await.unwrap();
    assert!(status.success(), "broker {action} {node}: {status}");
}
