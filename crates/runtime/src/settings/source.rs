//! What was given: environment variables over a settings file, and the list of what is wrong with it.

use super::PREFIX;
use super::problem::{Invalid, Problem};
use super::reader::Reader;
use super::value::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A settings file: its name, for messages, and its text.
#[derive(Clone, Copy)]
pub struct File<'a> {
    /// The name, as `kizuna.toml`.
    pub name: &'a str,
    /// The content, TOML.
    pub text: &'a str,
}

/// What was given and not yet asked for. Each setting is taken out when it is read; what is left at the end is unknown.
pub struct Source<'a> {
    reader: &'a dyn Reader,
    given: BTreeMap<String, Given>,
    asked: BTreeSet<&'static str>,
    problems: Vec<Problem>,
}

struct Given {
    text: String,
    place: String,
    /// The tables of the file that it stands in, as `labels`; `None` for a variable.
    table: Option<String>,
}

impl<'a> Source<'a> {
    /// Reads the variables, and the file for what no variable says. A variable that is set but empty says nothing.
    pub fn new(reader: &'a dyn Reader, file: Option<File<'_>>) -> Self {
        let mut source = Self { reader, given: BTreeMap::new(), asked: BTreeSet::new(), problems: Vec::new() };
        if let Some(file) = file {
            source.add_file(file);
        }
        for (name, value) in reader.variables() {
            match value.into_string() {
                Ok(text) if text.trim().is_empty() => {}
                Ok(text) => {
                    source.given.insert(name.clone(), Given { text, place: name, table: None });
                }
                Err(_) => source.refuse(&name, "bytes that are not UTF-8", "text"),
            }
        }
        source
    }

    fn add_file(&mut self, file: File<'_>) {
        match file.text.parse::<toml::Table>() {
            Ok(table) => self.add_table(file.name, &[], &table),
            Err(error) => {
                let line = error.span().map_or(1, |span| 1 + file.text[..span.start].matches('\n').count());
                self.refuse(&format!("{} line {line}", file.name), error.message(), "TOML");
            }
        }
    }

    fn add_table(&mut self, file: &str, tables: &[&str], table: &toml::Table) {
        for (key, value) in table {
            let path: Vec<&str> = tables.iter().copied().chain([key.as_str()]).collect();
            let place = format!("{} in {file}", path.join("."));
            let text = match value {
                toml::Value::Table(table) => {
                    self.add_table(file, &path, table);
                    continue;
                }
                toml::Value::Array(items) => {
                    items.iter().map(scalar).collect::<Option<Vec<_>>>().map(|items| items.join(","))
                }
                single => scalar(single),
            };
            let variable = format!("{PREFIX}{}", path.join("_").replace(['.', '-'], "_").to_ascii_uppercase());
            match text {
                Some(text) if text.trim().is_empty() => {}
                Some(text) => {
                    let table = Some(tables.join("."));
                    let before = self.given.insert(variable, Given { text, place: place.clone(), table });
                    if let Some(Given { place: same, .. }) = before {
                        self.refuse(&place, &format!("the same setting as {same}"), "it once");
                    }
                }
                None => self.refuse(&place, "a list of lists", "a single value"),
            }
        }
    }

    /// Takes a value out. `None`: there was one that cannot be used, and the problem is recorded.
    pub fn value<V: Value>(&mut self, variable: &'static str) -> Option<Option<V>> {
        self.asked.insert(variable);
        let direct = self.given.remove(variable);
        let given = if V::SECRET { self.or_from_file(variable, direct)? } else { direct };
        let Some(Given { text, place, .. }) = given else { return Some(None) };
        let value = V::parse(text.trim());
        if value.is_none() {
            let found = if V::SECRET { "a value that is not shown".to_owned() } else { format!("{text:?}") };
            self.refuse(&place, &found, &V::expected());
        }
        value.map(Some)
    }

    /// What was given for a setting that was not read yet, for a rule over several settings.
    pub fn peek(&self, variable: &str) -> Option<&str> {
        self.given.get(variable).map(|given| given.text.trim())
    }

    /// A secret may lie in a file, whose name the variable with `_FILE` at its end gives.
    fn or_from_file(&mut self, variable: &str, direct: Option<Given>) -> Option<Option<Given>> {
        let Some(named) = self.given.remove(&format!("{variable}_FILE")) else { return Some(direct) };
        if direct.is_some() {
            self.refuse(&named.place, &format!("{variable} as well"), "one of the two");
            return None;
        }
        match self.reader.read_file(Path::new(named.text.trim())) {
            Ok(text) if text.trim().is_empty() => {
                self.refuse(&named.place, "an empty file", "a file with the secret in it");
                None
            }
            Ok(text) => Some(Some(Given { text, place: format!("the file in {}", named.place), table: None })),
            Err(error) => {
                self.refuse(&named.place, &format!("{:?}: {error}", named.text), "a file with the secret in it");
                None
            }
        }
    }

    /// Which settings that begin alike were given and not read yet: their variables, and where each stands.
    pub fn begun(&self, prefix: &str) -> Vec<(String, String)> {
        let begun = self.given.iter().filter(|(name, _)| name.starts_with(prefix));
        begun.map(|(name, given)| (name.clone(), given.place.clone())).collect()
    }

    /// Takes out everything that begins alike; the rest of each name in lower case, with dots for underscores.
    pub fn family(&mut self, prefix: &'static str) -> BTreeMap<String, String> {
        let members = self.begun(prefix);
        let take = |(name, _): (String, String)| {
            let Given { text, .. } = self.given.remove(&name)?;
            Some((name[prefix.len()..].to_ascii_lowercase().replace('_', "."), text))
        };
        members.into_iter().filter_map(take).collect()
    }

    /// Records that a setting which was not read yet cannot be used, under the name that whoever gave it knows.
    pub fn refuse_given(&mut self, variable: &str, found: &str, expected: &str) {
        let place = self.given.get(variable).map_or_else(|| variable.to_owned(), |given| given.place.clone());
        self.refuse(&place, found, expected);
    }

    /// Records a value that cannot be used.
    pub fn refuse(&mut self, place: &str, found: &str, expected: &str) {
        let (place, found, expected) = (place.to_owned(), found.to_owned(), expected.to_owned());
        self.problems.push(Problem { place, found, expected });
    }

    /// Ends the reading: what nobody asked for is unknown.
    ///
    /// # Errors
    /// Everything that was wrong.
    pub fn finish(mut self) -> Result<(), Invalid> {
        for (name, given) in std::mem::take(&mut self.given) {
            let expected = match nearest(&name, &self.asked) {
                Some(near) => format!("a setting that exists; did you mean {}?", spelt(near, given.table.as_deref())),
                None => "a setting that exists: see docs/configuration.md".to_owned(),
            };
            self.refuse(&given.place, "an unknown setting", &expected);
        }
        if self.problems.is_empty() { Ok(()) } else { Err(Invalid(self.problems)) }
    }
}

fn scalar(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Array(_) | toml::Value::Table(_) => None,
        other => Some(other.to_string()),
    }
}

/// The known name that is spelt most like it, if one is near enough to be meant.
fn nearest(name: &str, known: &BTreeSet<&'static str>) -> Option<&'static str> {
    let near = known.iter().map(|known| (edits(name, known), *known)).min()?;
    (near.0 <= 3.min(name.len() / 3)).then_some(near.1)
}

/// A variable as it would be written in a table of the file; as itself where it was no file.
fn spelt(variable: &str, table: Option<&str>) -> String {
    let Some(table) = table else { return variable.to_owned() };
    let key = variable.strip_prefix(PREFIX).unwrap_or(variable).to_ascii_lowercase();
    let in_table = key.strip_prefix(&table.replace(['.', '-'], "_")).and_then(|rest| rest.strip_prefix('_'));
    match in_table {
        Some(rest) if !table.is_empty() => format!("{table}.{rest}"),
        _ => key,
    }
}

/// How many characters must be put in, left out or replaced to make one of the other.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (above, from) in from.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], above + 1);
        for (column, to) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use crate::settings::{Family, Whole};
    use std::net::SocketAddr;

    crate::settings! {
        /// A sample.
        struct Sample {
            /// Where.
            listen: SocketAddr = "KIZUNA_LISTEN" default "127.0.0.1:8080",
            /// How many.
            partitions: Whole<1, 64> = "KIZUNA_PARTITIONS" default "8",
            /// A token.
            token: Option<Secret> = "KIZUNA_HUBSPOT_TOKEN",
            /// Brokers.
            brokers: Option<String> = "KIZUNA_KAFKA_BROKERS",
            /// The rest of Kafka's.
            kafka: Family = "KIZUNA_KAFKA_*",
        }
    }

    fn read(variables: &[(&str, &str)], file: Option<&str>) -> Result<Sample, Invalid> {
        let given: BTreeMap<_, _> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut source = Source::new(&given, file.map(|text| File { name: "kizuna.toml", text }));
        let sample = Sample::read(&mut source);
        source.finish().map(|()| sample.expect("no problem, so all are read"))
    }

    fn problems(variables: &[(&str, &str)], file: Option<&str>) -> Vec<String> {
        let Invalid(problems) = read(variables, file).expect_err("something is wrong");
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_declaration_names_variable_key_default_and_whether_it_is_secret() {
        let declared = Sample::DECLARED[2];
        assert_eq!((declared.variable, declared.key().as_str()), ("KIZUNA_HUBSPOT_TOKEN", "hubspot_token"));
        assert_eq!((declared.default, declared.secret), (None, true));
        assert_eq!((Sample::DECLARED[1].default, Sample::DECLARED[1].secret), (Some("8"), false));
    }

    #[test]
    fn nothing_given_gives_the_defaults() {
        let sample = read(&[], None).expect("good");
        assert_eq!(sample.listen, SocketAddr::from(([127, 0, 0, 1], 8080)));
        assert_eq!((sample.partitions.get(), sample.token, sample.brokers), (8, None, None));
        assert_eq!(sample.kafka, Family::default());
    }

    #[test]
    fn a_variable_goes_over_the_file_and_the_file_over_the_default() {
        let file = "listen = \"127.0.0.1:1\"\npartitions = 3";
        let sample = read(&[("KIZUNA_LISTEN", "127.0.0.1:2")], Some(file)).expect("good");
        assert_eq!((sample.listen.port(), sample.partitions.get()), (2, 3));
    }

    #[test]
    fn an_empty_variable_says_nothing() {
        let sample = read(&[("KIZUNA_LISTEN", ""), ("KIZUNA_KAFKA_BROKERS", " ")], None).expect("good");
        assert_eq!((sample.listen.port(), sample.brokers), (8080, None));
    }

    #[test]
    fn kafka_settings_are_collected_in_librdkafkas_spelling_from_both_places() {
        let file = "[kafka]\nbrokers = [\"a:1\", \"b:2\"]\nsecurity.protocol = \"ssl\"\n\"linger.ms\" = 5";
        let sample = read(&[("KIZUNA_KAFKA_SASL_USERNAME", "kizuna")], Some(file)).expect("good");
        assert_eq!(sample.brokers.as_deref(), Some("a:1,b:2"));
        let expected = [("linger.ms", "5"), ("sasl.username", "kizuna"), ("security.protocol", "ssl")];
        let kafka: Vec<_> = sample.kafka.0.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
        assert_eq!(kafka, expected);
    }

    #[test]
    fn a_setting_that_stands_twice_in_the_file_is_a_problem_and_no_value_is_shown() {
        let found = problems(&[], Some("kafka_brokers = \"old:1\"\n[kafka]\nbrokers = \"new:1\""));
        assert_eq!(
            found,
            ["kafka_brokers in kizuna.toml: found the same setting as kafka.brokers in kizuna.toml, expected it once"]
        );
    }

    #[test]
    fn every_problem_is_reported_at_once_with_place_found_and_expected() {
        let variables = [
            ("KIZUNA_LISTEN", "8080"),
            ("KIZUNA_HUBSPOT_TOKEN", "pat na1"),
            ("KIZUNA_LISTN", "x"),
            ("KIZUNA_COLOUR", "x"),
        ];
        assert_eq!(
            problems(&variables, Some("partitions = 65\nlisen = 1")),
            [
                "KIZUNA_LISTEN: found \"8080\", expected an address and a port, as 127.0.0.1:8080",
                "partitions in kizuna.toml: found \"65\", expected a whole number from 1 to 64",
                "KIZUNA_HUBSPOT_TOKEN: found a value that is not shown, expected a secret text of printable ASCII characters, \
             without spaces",
                "KIZUNA_COLOUR: found an unknown setting, expected a setting that exists: see docs/configuration.md",
                "lisen in kizuna.toml: found an unknown setting, expected a setting that exists; did you mean listen?",
                "KIZUNA_LISTN: found an unknown setting, expected a setting that exists; did you mean KIZUNA_LISTEN?",
            ]
        );
    }

    #[test]
    fn a_file_that_is_no_toml_is_named_with_its_line_and_not_quoted() {
        let found = problems(&[], Some("partitions = 2\nhubspot_token = pat-secret"));
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("kizuna.toml line 2: found "), "{found:?}");
        assert!(!found[0].contains("pat-secret"), "{found:?}");
    }

    #[test]
    fn a_secret_may_lie_in_a_file_that_its_variable_names() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("token");
        std::fs::write(&path, "pat-na1-0123\n").expect("written");
        let path = path.to_str().expect("UTF-8");
        let sample = read(&[("KIZUNA_HUBSPOT_TOKEN_FILE", path)], None).expect("good");
        assert_eq!(sample.token, Some(Secret::new("pat-na1-0123")));

        let both = problems(&[("KIZUNA_HUBSPOT_TOKEN_FILE", path), ("KIZUNA_HUBSPOT_TOKEN", "x")], None);
        assert_eq!(both, ["KIZUNA_HUBSPOT_TOKEN_FILE: found KIZUNA_HUBSPOT_TOKEN as well, expected one of the two"]);
        let missing = problems(&[("KIZUNA_HUBSPOT_TOKEN_FILE", "/nowhere/at/all")], None);
        assert!(missing[0].contains("expected a file with the secret in it"), "{missing:?}");
    }

    #[test]
    fn a_name_is_suggested_in_the_spelling_of_the_place_where_the_wrong_one_stands() {
        assert_eq!(spelt("KIZUNA_LABELS_IMAGE", None), "KIZUNA_LABELS_IMAGE");
        assert_eq!(spelt("KIZUNA_LABELS_IMAGE", Some("")), "labels_image");
        assert_eq!(spelt("KIZUNA_LABELS_IMAGE", Some("labels")), "labels.image");
        assert_eq!(spelt("KIZUNA_LISTEN", Some("labels")), "listen");
    }

    #[test]
    fn only_a_name_that_is_near_is_suggested() {
        let known = BTreeSet::from(["KIZUNA_LISTEN", "KIZUNA_DATA_DIR"]);
        assert_eq!(nearest("KIZUNA_LISTENS", &known), Some("KIZUNA_LISTEN"));
        assert_eq!(nearest("KIZUNA_DATADIR", &known), Some("KIZUNA_DATA_DIR"));
        assert_eq!(nearest("KIZUNA_ANYTHING", &known), None);
        assert_eq!(edits("kitten", "sitting"), 3);
    }
}
