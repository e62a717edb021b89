//! What a `kizuna up` or `kizuna ingest` that runs at KIZUNA_ADMIN_LISTEN tells by its metrics.

use std::io::{self, Error};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Longer pages are not read to their end: 500 connections have less than 1 MiB.
const PAGE_BYTES_MAX: u64 = 8 << 20;

/// The metrics of a process, as text.
pub struct Metrics(String);

impl Metrics {
    /// Fetches them.
    ///
    /// # Errors
    /// When nobody answers there, or not with metrics.
    pub async fn fetch(admin: SocketAddr) -> io::Result<Self> {
        let page = timeout(PATIENCE, get(admin)).await.map_err(|_| Error::from(io::ErrorKind::TimedOut))??;
        let (head, body) = page.split_once("\r\n\r\n").unwrap_or_default();
        let is_good = head.split(' ').nth(1) == Some("200") && body.contains("kizuna_");
        if is_good {
            Ok(Self(body.to_owned()))
        } else {
            Err(Error::other("what answers there has no metrics of Kizuna"))
        }
    }

    /// A counter; `None` where the process does not have it.
    pub fn counter(&self, name: &str, labels: &[(&str, &str)]) -> Option<u64> {
        let is_it = |line: &&str| {
            let labelled = line.strip_prefix(name).and_then(|rest| rest.strip_prefix('{')?.split_once('}'));
            labelled.is_some_and(|(of, _)| {
                labels.iter().all(|(label, value)| of.split(',').any(|pair| pair == format!("{label}=\"{value}\"")))
            })
        };
        self.0.lines().find(is_it)?.rsplit_once(' ')?.1.parse().ok()
    }
}

/// One exchange in HTTP/1.0: the other side closes at the end.
async fn get(admin: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect(admin).await?;
    stream.write_all(format!("GET /metrics HTTP/1.0\r\nhost: {admin}\r\n\r\n").as_bytes()).await?;
    let mut page = String::new();
    stream.take(PAGE_BYTES_MAX).read_to_string(&mut page).await?;
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_found_by_its_labels_in_any_order_and_not_by_a_part_of_them() {
        let metrics = Metrics(
            "a_total{connection=\"12\",reason=\"wrong\"} 7\na_total{connection=\"1\",reason=\"wrong\"} 3".into(),
        );
        assert_eq!(metrics.counter("a_total", &[("reason", "wrong"), ("connection", "1")]), Some(3));
        assert_eq!(metrics.counter("a_total", &[("connection", "2")]), None);
        assert_eq!(metrics.counter("a", &[("connection", "1")]), None);
    }
}
