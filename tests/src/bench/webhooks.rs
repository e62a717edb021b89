//! Signed webhooks, ready to be written to a connection, and what became of them.

use super::history;
use anyhow::{Context, bail};
use line::signature::{HEADER, Key};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Where webhooks are sent.
#[derive(Clone, Debug)]
pub struct Target {
    address: SocketAddr,
    path: String,
}

impl Target {
    /// Takes `http://127.0.0.1:8080/path`.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn parse(url: &str) -> anyhow::Result<Self> {
        let rest = url.strip_prefix("http://").context("an address that begins with http://")?;
        let (address, path) = rest.split_once('/').context("an address with a path")?;
        Ok(Self { address: address.parse()?, path: format!("/{path}") })
    }

    /// A connection that is kept open from webhook to webhook.
    ///
    /// # Errors
    /// When nobody listens.
    pub async fn connect(&self) -> anyhow::Result<Sender> {
        let tcp = TcpStream::connect(self.address).await?;
        tcp.set_nodelay(true)?;
        Ok(Sender { tcp, buffer: [0; 2048] })
    }

    /// The request with this event, signed.
    pub fn request(&self, key: &Key, destination: &str, event: &str) -> Vec<u8> {
        let body = format!(r#"{{"destination":"{destination}","events":[{event}]}}"#);
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json; charset=utf-8\r\n\
            user-agent: LineBotWebhook/2.0\r\n{HEADER}: {}\r\ncontent-length: {}\r\n\r\n",
            self.path,
            key.sign(body.as_bytes()),
            body.len()
        );
        [head.into_bytes(), body.into_bytes()].concat()
    }

    /// What many friends do in a round, each in a webhook of its own.
    pub fn requests(&self, key: &Key, destination: &str, friends: u64, round: u64) -> Vec<Vec<u8>> {
        let request = |friend| self.request(key, destination, &history::event(friend, round).raw);
        (0..friends).map(request).collect()
    }
}

/// One connection.
pub struct Sender {
    tcp: TcpStream,
    buffer: [u8; 2048],
}

impl Sender {
    /// Writes a request and waits for its answer, which must be 200 without a body.
    ///
    /// # Errors
    /// When it is another, or none.
    pub async fn send(&mut self, request: &[u8]) -> anyhow::Result<()> {
        self.tcp.write_all(request).await?;
        let mut received = 0;
        while !self.buffer[..received].ends_with(b"\r\n\r\n") {
            match self.tcp.read(&mut self.buffer[received..]).await? {
                0 => bail!("the connection ended"),
                more => received += more,
            }
        }
        if !self.buffer.starts_with(b"HTTP/1.1 200 ") {
            bail!(
                "{}",
                String::from_utf8_lossy(self.buffer[..received].split(|byte| *byte == b'\r').next().unwrap_or(b""))
            );
        }
        Ok(())
    }
}

/// Times until answers came.
#[derive(Debug, Default)]
pub struct Times(Vec<Duration>);

impl Times {
    /// Adds one.
    pub fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// Adds all of another.
    pub fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The time within which this part of them stayed, from 0 to 1, in milliseconds. None when there are none.
    pub fn quantile_ms(&mut self, part: f64) -> Option<f64> {
        self.0.sort_unstable();
        let place = (self.0.len() as f64 * part).ceil() as usize;
        self.0.get(place.saturating_sub(1)).map(|time| time.as_secs_f64() * 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_the_time_that_this_part_did_not_exceed() {
        let mut times = Times::default();
        assert_eq!(times.quantile_ms(0.5), None);
        (1..=200).rev().for_each(|ms| times.add(Duration::from_millis(ms)));
        assert_eq!([0.0, 0.5, 0.99, 1.0].map(|part| times.quantile_ms(part)), [1.0, 100.0, 198.0, 200.0].map(Some));
    }

    #[test]
    fn an_address_is_taken_apart() {
        let target = Target::parse("http://127.0.0.1:80/line/webhook/x").expect("an address");
        assert_eq!((target.address.port(), &*target.path), (80, "/line/webhook/x"));
        for wrong in ["https://127.0.0.1:80/x", "http://127.0.0.1/x", "http://127.0.0.1:80"] {
            assert!(Target::parse(wrong).is_err(), "{wrong}");
        }
    }
}
