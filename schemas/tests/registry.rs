//! The schema registry's answers, each from a small server of our own, and Confluent's framing.

#![allow(clippy::unwrap_used)]

mod samples;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use samples::{Sampled, for_each_record};
use schemas::registry::{Client, Error};
use schemas::{Codec, Kind, LineProfile, SchemaId};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

const BASIC: &str = "Basic a2l6dW5hOnMzY3JldA==";

/// What a registration looked like: subject, `Authorization`, body.
type Call = (String, Option<String>, serde_json::Value);

/// A registry that gives each new schema the next ID, from 1,000 on, or always answers `refusal`.
async fn registry(refusal: Option<(StatusCode, &'static str)>) -> (String, Arc<Mutex<Vec<Call>>>) {
    let calls = Arc::new(Mutex::new(Vec::<Call>::new()));
    let seen = Arc::clone(&calls);
    let register = async move |Path(subject): Path<String>, headers: HeaderMap, body: Bytes| {
        let authorization = headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
        let mut calls = seen.lock().unwrap();
        calls.push((subject, authorization, serde_json::from_slice(&body).unwrap()));
        match refusal {
            Some((status, body)) => (status, body.to_owned()),
            None => (StatusCode::OK, format!(r#"{{"id":{}}}"#, 999 + calls.len())),
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new().route("/registry/subjects/{subject}/versions", post(register));
    tokio::spawn(async move { axum::serve(listener, app).await });
    (format!("http://kizuna:s3cret@{address}/registry"), calls)
}

async fn refused(status: u16, body: &'static str) -> Error {
    let (url, _) = registry(Some((StatusCode::from_u16(status).unwrap(), body))).await;
    Codec::with_registry(&Client::new(&url).unwrap()).await.unwrap_err()
}

#[tokio::test]
async fn every_version_is_registered_at_start_under_its_topics_subject() {
    let (url, calls) = registry(None).await;
    Codec::with_registry(&Client::new(&url).unwrap()).await.unwrap();
    let calls = calls.lock().unwrap();
    let expected: Vec<_> = Kind::ALL
        .into_iter()
        .flat_map(|kind| kind.versions().iter().map(move |json| (kind.subject(), *json)))
        .collect();
    assert_eq!(calls.len(), expected.len());
    for ((subject, authorization, body), (expected_subject, json)) in calls.iter().zip(expected) {
        assert_eq!(subject, expected_subject);
        assert_eq!(authorization.as_deref(), Some(BASIC));
        assert_eq!(body["schemaType"], "AVRO");
        let schema: serde_json::Value = serde_json::from_str(body["schema"].as_str().unwrap()).unwrap();
        assert_eq!(schema, serde_json::from_str::<serde_json::Value>(json).unwrap());
    }
}

#[tokio::test]
async fn a_registered_codec_writes_confluents_framing_and_reads_both() {
    let (url, _) = registry(None).await;
    let registered = Codec::with_registry(&Client::new(&url).unwrap()).await.unwrap();
    for_each_record!(both_framings in registered);

    fn both_framings<T: Sampled>(registered: &Codec) {
        // The registry counts schemas as they come: all versions of each kind, of which the last is written.
        let place = Kind::ALL.iter().position(|kind| *kind == T::KIND).unwrap();
        let id = 999 + Kind::ALL[..=place].iter().map(|kind| kind.versions().len()).sum::<usize>() as u32;
        for (name, record) in T::samples() {
            let confluent = registered.encode(&record);
            let plain = Codec::default().encode(&record);
            assert_eq!(confluent, [&[0], &id.to_be_bytes()[..], &plain[10..]].concat(), "{name}");
            assert_eq!(T::read(registered, &confluent).as_ref(), Ok(&record), "{name}");
            assert_eq!(T::read(registered, &plain).as_ref(), Ok(&record), "{name}");
            for end in 0..confluent.len() {
                let cut = T::read(registered, &confluent[..end]);
                assert_eq!(cut, Err(schemas::Error::Malformed(T::KIND.name())), "{name} cut at {end}");
            }
        }
    }
}

#[tokio::test]
async fn an_id_that_the_registry_did_not_give_us_is_unknown() {
    let (url, _) = registry(None).await;
    let codec = Codec::with_registry(&Client::new(&url).unwrap()).await.unwrap();
    let error = codec.decode::<LineProfile>(&[0, 0, 0, 0, 7, 0]).unwrap_err();
    assert_eq!(error, schemas::Error::UnknownSchema(SchemaId::Registered(7)));
}

#[tokio::test]
async fn status_401_and_403_ask_for_other_credentials() {
    assert!(matches!(refused(401, "").await, Error::Unauthorized));
    assert!(matches!(refused(403, "").await, Error::Unauthorized));
}

#[tokio::test]
async fn status_409_names_the_incompatible_subject() {
    let error = refused(409, r#"{"error_code":409,"message":"incompatible"}"#).await;
    assert!(matches!(error, Error::Incompatible { subject } if subject == "line.events-value"));
}

#[tokio::test]
async fn status_422_is_final() {
    let error = refused(422, r#"{"error_code":42201,"message":"invalid schema"}"#).await;
    assert!(matches!(error, Error::Refused { status: 422, .. }));
}

#[tokio::test]
async fn a_busy_or_broken_registry_is_to_be_tried_again() {
    for status in [408, 429, 500, 502, 503] {
        assert!(matches!(refused(status, "<html>").await, Error::Unavailable(_)), "{status}");
    }
}

#[tokio::test]
async fn an_answer_without_an_id_is_to_be_tried_again() {
    for body in ["", "<html>", "{}", r#"{"id":"7"}"#, r#"{"id":-1}"#] {
        assert!(matches!(refused(200, body).await, Error::Unavailable(_)), "{body}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    assert!(matches!(refused(302, "").await, Error::Refused { status: 302, .. }));
}

#[tokio::test]
async fn a_registry_that_is_not_there_is_to_be_tried_again_and_its_password_stays_secret() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://kizuna:s3cret@{}", listener.local_addr().unwrap());
    drop(listener);
    let error = Codec::with_registry(&Client::new(&url).unwrap()).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)));
    assert!(!format!("{error} {error:?}").contains("s3cret"));
}

#[test]
fn only_http_addresses_are_taken() {
    for bad in ["", "registry", "registry:8081", "ftp://registry", "mailto:a@example.com"] {
        assert!(matches!(Client::new(bad), Err(Error::Address)), "{bad}");
    }
}
