//! HTTP by hand, so that a test can send what no HTTP library would.

use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// No test waits longer than this for anything.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// One connection to the server.
pub struct Client {
    pub tcp: TcpStream,
    received: Vec<u8>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Names in lower case; without `date`.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }
}

impl Client {
    pub async fn connect(address: SocketAddr) -> Self {
        let tcp = timeout(PATIENCE, TcpStream::connect(address)).await.unwrap().unwrap();
        Self { tcp, received: Vec::new() }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        timeout(PATIENCE, self.tcp.write_all(bytes.as_ref())).await.unwrap().unwrap();
    }

    /// Sends a webhook with these headers beside `host` and `content-length`.
    pub async fn post(&mut self, token: &str, headers: &[(&str, &str)], body: &[u8]) {
        self.send(request(token, headers, body)).await;
    }

    pub async fn answer(&mut self) -> Answer {
        timeout(PATIENCE, self.next_answer()).await.expect("an answer in time").expect("an answer")
    }

    /// The answer, unless the server closes the connection without one.
    pub async fn answer_or_end(&mut self) -> Option<Answer> {
        timeout(PATIENCE, self.next_answer()).await.expect("an answer or the end in time")
    }

    /// Waits until the server closes the connection. What it sent before is returned.
    pub async fn end(&mut self) -> Vec<u8> {
        let all = async {
            while self.receive().await {}
            std::mem::take(&mut self.received)
        };
        timeout(PATIENCE, all).await.expect("the end in time")
    }

    async fn next_answer(&mut self) -> Option<Answer> {
        let head_bytes = loop {
            if let Some(at) = self.received.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            if !self.receive().await {
                return None;
            }
        };
        let head: Vec<u8> = self.received.drain(..head_bytes).collect();
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.map(|line| line.split_once(": ").unwrap());
        let headers: Vec<_> = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        let length =
            headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, length)| length.parse().unwrap());
        while self.received.len() < length {
            assert!(self.receive().await, "the whole body");
        }
        let body = self.received.drain(..length).collect();
        Some(Answer { status, headers: headers.into_iter().filter(|(name, _)| name != "date").collect(), body })
    }

    /// False at the end of the stream, in whatever way it ended.
    async fn receive(&mut self) -> bool {
        self.tcp.read_buf(&mut self.received).await.is_ok_and(|bytes| bytes > 0)
    }
}

/// The bytes of a webhook request.
pub fn request(token: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut bytes = head(token, headers, body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// The head of a webhook request.
pub fn head(token: &str, headers: &[(&str, &str)], content_length: usize) -> String {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("POST /line/webhook/{token} HTTP/1.1\r\nhost: kizuna\r\n{headers}content-length: {content_length}\r\n\r\n")
}
