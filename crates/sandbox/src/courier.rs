//! Posts the webhooks of both platforms.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::delivery::{Delivery, Reaction};
use crate::handle::{Handle, Sender};

/// Posts what `sender` has to deliver, until told to stop.
pub(crate) async fn run(handle: Arc<Handle>, sender: Sender, client: reqwest::Client, mut stop: watch::Receiver<bool>) {
    loop {
        let (due, next_ms) = handle.due(sender);
        for delivery in due {
            let (handle, client) = (handle.clone(), client.clone());
            tokio::spawn(async move {
                let number = delivery.number;
                let reaction = post(&client, delivery).await;
                handle.answered(sender, number, reaction);
            });
        }
        let wait =
            next_ms.map(|at_ms| Duration::from_millis(u64::try_from(at_ms - handle.now_ms()).unwrap_or_default()));
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = handle.stirred[sender as usize].notified() => {}
            () = async { tokio::time::sleep(wait.unwrap_or_default()).await }, if wait.is_some() => {}
        }
    }
}

/// Posts one delivery and classifies what came back. Redirects are not followed: they are an error status.
pub(crate) async fn post(client: &reqwest::Client, delivery: Delivery) -> Reaction {
    let mut request =
        client.post(&delivery.url).timeout(Duration::from_millis(delivery.timeout_ms)).body(delivery.body);
    for (name, value) in delivery.headers {
        request = request.header(name, value);
    }
    match request.send().await {
        Ok(response) => Reaction::Status(response.status().as_u16()),
        Err(error) if error.is_timeout() => Reaction::TimedOut,
        Err(error) if error.is_connect() => Reaction::CouldNotConnect,
        Err(_) => Reaction::Unclassified,
    }
}

/// The client both platforms post with.
pub(crate) fn client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build()
}
