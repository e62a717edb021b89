//! The README, taken at its word: every example works, and every endpoint has one.

use crate::control::Running;
use http::Method;
use std::collections::BTreeMap;

const README: &str = include_str!("../../README.md");

/// One `curl` line.
struct Example {
    line: &'static str,
    method: Method,
    url: String,
    header: Option<(String, String)>,
    body: Option<String>,
}

fn lines() -> impl Iterator<Item = &'static str> {
    README.lines().filter(|line| line.starts_with("curl "))
}

/// Splits as a shell does: blanks outside of quotes separate, variables stand for their values except in single quotes.
fn words(line: &str, variables: &BTreeMap<&str, String>) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    let mut rest = line.chars().peekable();
    while let Some(character) = rest.next() {
        match (character, quote) {
            (mark, Some(open)) if mark == open => quote = None,
            ('\'' | '"', None) => quote = Some(character),
            (' ', None) => words.push(std::mem::take(&mut word)),
            ('$', None | Some('"')) => {
                let mut name = String::new();
                while let Some(part) = rest.next_if(|next| next.is_ascii_uppercase() || *next == '_') {
                    name.push(part);
                }
                word.push_str(variables.get(&*name).unwrap_or_else(|| panic!("{line}: ${name} is not explained")));
            }
            (other, _) => word.push(other),
        }
    }
    words.push(word);
    words
}

impl Example {
    fn read(line: &'static str, variables: &BTreeMap<&str, String>) -> Self {
        let mut words = words(line, variables).into_iter().skip(1);
        let mut example = Self { line, method: Method::GET, url: String::new(), header: None, body: None };
        while let Some(word) = words.next() {
            let mut value = || words.next().unwrap();
            match &*word {
                "-X" => example.method = value().parse().unwrap(),
                "-d" => example.body = Some(value()),
                "-H" => {
                    example.header = value().split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()))
                }
                url => url.clone_into(&mut example.url),
            }
        }
        example
    }
}

#[tokio::test]
async fn every_example_of_the_readme_works() {
    let running = Running::start().await;
    let first = running.contact("first@example.com");
    let second = running.contact("second@example.com");
    let sandbox = &running.sandbox;
    let variables = BTreeMap::from([
        ("CONTROL", sandbox.control_url.clone()),
        ("HUBSPOT", sandbox.hubspot_api_url.clone()),
        ("TOKEN", sandbox.hubspot_token.clone()),
        ("CHANNEL", sandbox.line_channels()[0].id.clone()),
        ("FIRST", first),
        ("SECOND", second),
    ]);
    let client = reqwest::Client::new();
    for example in lines().map(|line| Example::read(line, &variables)) {
        // What curl says about a body unless told otherwise.
        let (name, value) =
            example.header.unwrap_or(("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned()));
        let request = client.request(example.method, &example.url).header(name, value);
        let answer = request.body(example.body.unwrap_or_default()).send().await.unwrap();
        let status = answer.status();
        assert!(status.is_success(), "{}: {status} {}", example.line, answer.text().await.unwrap());
    }
}

#[test]
fn every_endpoint_of_the_readme_has_an_example() {
    let examples: Vec<(String, Vec<String>)> = lines()
        .filter_map(|line| {
            let method = line.split_once("-X ").map_or("GET", |(_, rest)| rest.split(' ').next().unwrap());
            let (_, path) = line.split_once("$CONTROL")?;
            let path = path.split(['"', '?']).next().unwrap();
            Some((method.to_owned(), path.split('/').map(str::to_owned).collect()))
        })
        .collect();
    let endpoints = README.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()?.split_once(" /"));
    let mut known = 0;
    for (method, path) in endpoints {
        let path: Vec<&str> = std::iter::once("").chain(path.split('/')).collect();
        let fits = |example: &[String]| {
            example.len() == path.len()
                && example.iter().zip(&path).all(|(given, part)| part.starts_with('{') || given == part)
        };
        assert!(examples.iter().any(|(used, example)| used == method && fits(example)), "{method} {}", path.join("/"));
        known += 1;
    }
    assert!(known > 30, "{known} endpoints were found");
}
