//! Every setting of the program, and the rules that tie several of them together.

use contact::plan::PlanError;
use contact::{Names, Plan};
use eventlog::kafka::Objection;
use runtime::logging::{Filter, Format};
use runtime::secret::Secret;
use runtime::settings::{BaseUrl, Family, File, Invalid, Reader, Source, Value, WebOrigin, Whole};
use std::net::SocketAddr;
use std::path::PathBuf;

runtime::settings! {
    /// All settings, each with the variable that gives it.
    pub struct Settings {
        /// Directory of the embedded log (`log/`), the projector's state (`state/`, may be deleted while nothing runs), the
        /// webhook spool (`spool/`), and the master key where none is set.
        data_dir: PathBuf = "KIZUNA_DATA_DIR" default "./data",
        /// Kafka's brokers. Without them everything is kept in the data directory, which is all that one machine needs.
        kafka_brokers: Option<Brokers> = "KIZUNA_KAFKA_BROKERS",
        /// Partitions of every topic that is keyed by user. `kizuna topics create` makes them; the number cannot change later.
        kafka_partitions: Whole<1, 1000> = "KIZUNA_KAFKA_PARTITIONS" default "12",
        /// Copies of every partition: 3 with three brokers or more, 1 with one.
        kafka_replication: Whole<1, 9> = "KIZUNA_KAFKA_REPLICATION" default "3",
        /// Copies that must have a record before it counts: 2 with three copies, 1 with one.
        kafka_min_isr: Whole<1, 9> = "KIZUNA_KAFKA_MIN_ISR" default "2",
        /// What brokers call this process in their logs and quotas.
        kafka_client_id: String = "KIZUNA_KAFKA_CLIENT_ID" default "kizuna",
        /// Keeps this process's partitions through a short restart. Different for each process.
        kafka_group_instance_id: Option<String> = "KIZUNA_KAFKA_GROUP_INSTANCE_ID",
        /// Start of the names of topics and groups, for several installations on one cluster.
        kafka_topic_prefix: Option<String> = "KIZUNA_KAFKA_TOPIC_PREFIX",
        /// What is made sure of at the start: `full` also reads the topics' and brokers' settings, `layout` does not, for
        /// clusters that do not let it.
        kafka_self_check: SelfCheck = "KIZUNA_KAFKA_SELF_CHECK" default "full",
        /// Any other setting of librdkafka, with underscores for dots: `KIZUNA_KAFKA_SECURITY_PROTOCOL` is
        /// `security.protocol`. What Kizuna's guarantees rest on cannot be set.
        kafka: Family = "KIZUNA_KAFKA_*",
        /// Most MiB of events that wait in the spool while Kafka is away. When it is full, webhooks get 503.
        spool_mib: Whole<1, 1_000_000> = "KIZUNA_SPOOL_MIB" default "1024",
        /// Most MiB that people's states take in memory while the log is read again, at a first start or by `kizuna replay`.
        /// Where not all fit (about 1 KiB each), a replay reads the log once for each part of them.
        restore_mib: Whole<16, 1_000_000> = "KIZUNA_RESTORE_MIB" default "320",
        /// Where webhooks are taken in. Put a proxy that speaks TLS before it.
        listen: SocketAddr = "KIZUNA_LISTEN" default "127.0.0.1:8080",
        /// Where `/metrics`, `/live` and `/ready` are. Keep it from the internet.
        admin_listen: SocketAddr = "KIZUNA_ADMIN_LISTEN" default "127.0.0.1:9464",
        /// Where the web console is. Without it: 127.0.0.1:8090, if that is free; with `off`, nowhere.
        console_listen: Option<ConsoleListen> = "KIZUNA_CONSOLE_LISTEN",
        /// Address under which people reach the console through a proxy that speaks TLS. Needed for any other name than
        /// localhost.
        console_url: Option<WebOrigin> = "KIZUNA_CONSOLE_URL",
        /// Address under which LINE and HubSpot reach the webhook listener. With https, `connection add` sets and tests the
        /// account's webhook.
        public_url: Option<BaseUrl> = "KIZUNA_PUBLIC_URL",
        /// LINE's API.
        line_api_url: BaseUrl = "KIZUNA_LINE_API_URL" default "https://api.line.me",
        /// HubSpot's API.
        hubspot_api_url: BaseUrl = "KIZUNA_HUBSPOT_API_URL" default "https://api.hubapi.com",
        /// HubSpot access token of a service key, private app or project app. Without it events are taken in and kept, and
        /// nothing is sent.
        hubspot_token: Option<Secret> = "KIZUNA_HUBSPOT_TOKEN",
        /// How many accounts may be connected at a time: trial and starter 2, professional 10, enterprise 50.
        plan: PlanName = "KIZUNA_PLAN" default "trial",
        /// The number of accounts that the plan `custom` allows; only with that plan.
        max_connections: Option<Count> = "KIZUNA_MAX_CONNECTIONS",
        /// Key that seals channel secrets and access tokens in the log. Unless it is set, a key file is made in the data
        /// directory at the first start: keep a copy elsewhere, for nothing starts without the key that a log was begun with.
        master_key: Option<MasterKey> = "KIZUNA_MASTER_KEY",
        /// Confluent schema registry, for other readers of the topics.
        schema_registry_url: Option<RegistryUrl> = "KIZUNA_SCHEMA_REGISTRY_URL",
        /// What the internal names of the HubSpot properties begin with. Set it before the first connection and never after.
        property_prefix: Prefix = "KIZUNA_PROPERTY_PREFIX" default "line_",
        /// Last Response for a sticker without text of its own.
        label_sticker: String = "KIZUNA_LABELS_STICKER" default "[スタンプ]",
        /// Last Response for an image.
        label_image: String = "KIZUNA_LABELS_IMAGE" default "[画像]",
        /// Last Response for a video.
        label_video: String = "KIZUNA_LABELS_VIDEO" default "[動画]",
        /// Last Response for a voice or sound message.
        label_audio: String = "KIZUNA_LABELS_AUDIO" default "[音声]",
        /// Last Response for a file; its name follows.
        label_file: String = "KIZUNA_LABELS_FILE" default "[ファイル]",
        /// Last Response for a location; its title, address or coordinates follow.
        label_location: String = "KIZUNA_LABELS_LOCATION" default "[位置情報]",
        /// Last Response for a message of which LINE does not say what it is.
        label_unnamed: String = "KIZUNA_LABELS_UNNAMED" default "[メッセージ]",
        /// What is logged, on standard error. Without it: `info` while serving, `warn` in the other commands.
        log: Option<Filter> = "KIZUNA_LOG",
        /// How log lines look; `auto` is human on a terminal and JSON elsewhere.
        log_format: Format = "KIZUNA_LOG_FORMAT" default "auto",
    }
}

/// Any number of connections.
pub type Count = Whole<1, 100_000>;

impl Settings {
    /// Reads everything: variables over the file.
    ///
    /// # Errors
    /// All that is wrong, together.
    pub fn load(reader: &dyn Reader, file: Option<File<'_>>) -> Result<Self, Invalid> {
        Self::load_for(None, reader, file)
    }

    /// As [`Self::load`], for a command that cannot do without Kafka, for this reason.
    ///
    /// # Errors
    /// All that is wrong, together.
    pub fn load_for(kafka_because: Option<&str>, reader: &dyn Reader, file: Option<File<'_>>) -> Result<Self, Invalid> {
        let mut source = Source::new(reader, file);
        check_plan(&mut source);
        check_kafka(&mut source, kafka_because);
        let settings = Self::read(&mut source);
        source.finish()?;
        Ok(settings.expect("settings without a problem have all been read"))
    }

    /// The plan.
    pub fn plan(&self) -> Plan {
        let plan = Plan::new(&self.plan.0, self.max_connections.map(Count::get));
        plan.expect("plan and number were checked together when the settings were read")
    }

    /// What Last Response shows for messages that are not text.
    pub fn labels(&self) -> line::event::Labels {
        line::event::Labels {
            sticker: self.label_sticker.clone(),
            image: self.label_image.clone(),
            video: self.label_video.clone(),
            audio: self.label_audio.clone(),
            file: self.label_file.clone(),
            location: self.label_location.clone(),
            unnamed: self.label_unnamed.clone(),
        }
    }

    /// How to reach Kafka; `None` when the embedded log is used.
    pub fn kafka_log(&self) -> Option<eventlog::kafka::Settings> {
        let brokers = self.kafka_brokers.as_ref()?;
        Some(eventlog::kafka::Settings {
            librdkafka: self.kafka.0.clone(),
            partitions: self.kafka_partitions.get(),
            replication: self.kafka_replication.get(),
            min_isr: self.kafka_min_isr.get(),
            client_id: self.kafka_client_id.clone(),
            group_instance_id: self.kafka_group_instance_id.clone(),
            topic_prefix: self.kafka_topic_prefix.clone().unwrap_or_default(),
            self_check: match self.kafka_self_check {
                SelfCheck::Full => eventlog::kafka::SelfCheck::Full,
                SelfCheck::Layout => eventlog::kafka::SelfCheck::Layout,
            },
            ..eventlog::kafka::Settings::new(&brokers.0)
        })
    }

    /// The address under which a path of the webhook listener is reached; without a public one, the listener's own.
    pub fn webhook_url(&self, path: &str) -> String {
        self.public_url.as_ref().map_or_else(|| format!("http://{}{path}", self.listen), |url| url.join(path))
    }
}

/// The rule over plan and number, applied to what was given whether or not each for itself is good.
fn check_plan(source: &mut Source<'_>) {
    let plan = source.peek("KIZUNA_PLAN").unwrap_or("trial").to_owned();
    let number = source.peek("KIZUNA_MAX_CONNECTIONS").map(|number| number.parse().unwrap_or(1));
    match Plan::new(&plan, number) {
        Err(error @ PlanError::NumberMissing) => source.refuse_given("KIZUNA_MAX_CONNECTIONS", "nothing", &rule(error)),
        Err(error @ PlanError::NumberUnasked) => {
            source.refuse_given("KIZUNA_MAX_CONNECTIONS", "a number", &rule(error))
        }
        Ok(_) | Err(PlanError::Unknown) => {}
    }
}

/// What Kafka's settings must be together, and for the log to keep its promises.
fn check_kafka(source: &mut Source<'_>, needed_because: Option<&str>) {
    let given = source.begun("KIZUNA_KAFKA_");
    if source.peek("KIZUNA_KAFKA_BROKERS").is_none() {
        let places: Vec<_> = given.iter().map(|(_, place)| place.as_str()).collect();
        let set = (!places.is_empty()).then(|| format!("{} is set", places.join(", ")));
        if let Some(because) = needed_because.map(str::to_owned).or(set) {
            source.refuse("KIZUNA_KAFKA_BROKERS", "nothing", &format!("brokers, because {because}"));
        }
    }
    let number = |name, default: u32| source.peek(name).map_or(Some(default), |text| text.parse().ok());
    let (replication, min_isr) = (number("KIZUNA_KAFKA_REPLICATION", 3), number("KIZUNA_KAFKA_MIN_ISR", 2));
    if let (Some(replication), Some(min_isr)) = (replication, min_isr)
        && min_isr > replication
    {
        let expected = format!("at most KIZUNA_KAFKA_REPLICATION, which is {replication}");
        source.refuse_given("KIZUNA_KAFKA_MIN_ISR", &min_isr.to_string(), &expected);
    }
    for (variable, _) in given {
        let Some(name) = eventlog::kafka::Settings::librdkafka_name(&variable) else { continue };
        let value = Secret::new(source.peek(&variable).unwrap_or_default());
        if let Some(Objection { found, expected }) = eventlog::kafka::objection(&name, &value) {
            source.refuse_given(&variable, found, &expected);
        }
    }
}

fn rule(error: PlanError) -> String {
    format!("a number if the plan is custom and none otherwise: {error}")
}

/// Where the console listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsoleListen {
    /// There.
    At(SocketAddr),
    /// Nowhere.
    Off,
}

impl Value for ConsoleListen {
    fn expected() -> String {
        "an address and a port, as 127.0.0.1:8090, or off".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        if text == "off" { Some(Self::Off) } else { text.parse().ok().map(Self::At) }
    }
}

/// Brokers, comma-separated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brokers(pub String);

impl Value for Brokers {
    fn expected() -> String {
        "hosts with ports, separated by commas, as kafka-1:9092,kafka-2:9092".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        let is_broker = |broker: &str| {
            let (host, port) = broker.rsplit_once(':')?;
            (!host.is_empty() && !host.contains(char::is_whitespace) && port.parse::<u16>().is_ok()).then_some(())
        };
        let brokers: Vec<&str> = text.split(',').map(str::trim).collect();
        brokers.iter().all(|broker| is_broker(broker).is_some()).then(|| Self(brokers.join(",")))
    }
}

/// How much is made sure of when Kafka is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelfCheck {
    /// Topics, their settings and the brokers' settings.
    Full,
    /// Topics with their partitions and copies.
    Layout,
}

impl Value for SelfCheck {
    fn expected() -> String {
        "full or layout".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        match text {
            "full" => Some(Self::Full),
            "layout" => Some(Self::Layout),
            _ => None,
        }
    }
}

/// The key that seals secrets.
#[derive(Clone, Debug)]
pub struct MasterKey(pub Secret);

impl Value for MasterKey {
    const SECRET: bool = true;

    fn expected() -> String {
        "32 random bytes, as 64 hexadecimal digits or in base64 (`openssl rand -hex 32`)".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        let key = Secret::new(text);
        connection::Sealer::from_master_key(&key).is_ok().then_some(Self(key))
    }
}

/// The address of a schema registry, which may carry credentials.
#[derive(Clone, Debug)]
pub struct RegistryUrl(pub Secret);

impl Value for RegistryUrl {
    const SECRET: bool = true;

    fn expected() -> String {
        "an http or https address, which may carry a user and a password".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        let is_web = text.starts_with("https://") || text.starts_with("http://");
        is_web.then(|| Self(Secret::new(text)))
    }
}

/// The name of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanName(String);

impl Value for PlanName {
    fn expected() -> String {
        "trial, starter, professional, enterprise or custom".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        let is_plan = text == "custom" || Plan::new(text, None).is_ok();
        is_plan.then(|| Self(text.to_owned()))
    }
}

/// What property names begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix(pub Names);

impl Value for Prefix {
    fn expected() -> String {
        "lower-case letters, digits and underscores, a letter first, at most 60".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        Names::with_prefix(text).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::fmt::Write;

    fn load(variables: &[(&str, &str)]) -> Result<Settings, Invalid> {
        let given: BTreeMap<_, _> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Settings::load(&given, None)
    }

    fn problems(variables: &[(&str, &str)]) -> Vec<String> {
        load(variables).expect_err("something is wrong").0.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn it_starts_with_nothing_set() {
        let settings = load(&[]).expect("the defaults are good");
        assert_eq!(settings.plan(), Plan::Trial);
        assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(settings.webhook_url("/x"), "http://127.0.0.1:8080/x");
        assert!(settings.kafka_brokers.is_none() && settings.hubspot_token.is_none());
    }

    #[test]
    fn custom_needs_its_number_and_no_other_plan_has_one() {
        let custom = load(&[("KIZUNA_PLAN", "custom"), ("KIZUNA_MAX_CONNECTIONS", "120")]).expect("good");
        assert_eq!(custom.plan(), Plan::Custom(120));
        assert!(problems(&[("KIZUNA_PLAN", "custom")])[0].contains("the plan custom needs KIZUNA_MAX_CONNECTIONS"));
        assert!(problems(&[("KIZUNA_MAX_CONNECTIONS", "3")])[0].contains("goes only with the plan custom"));
        assert!(problems(&[("KIZUNA_PLAN", "gold")])[0].contains("trial, starter, professional, enterprise or custom"));
    }

    #[test]
    fn kafka_settings_without_brokers_are_a_mistake() {
        assert!(
            problems(&[("KIZUNA_KAFKA_SECURITY_PROTOCOL", "ssl")])[0]
                .contains("because KIZUNA_KAFKA_SECURITY_PROTOCOL is set")
        );
        load(&[("KIZUNA_KAFKA_BROKERS", "a:1, b:2"), ("KIZUNA_KAFKA_SECURITY_PROTOCOL", "ssl")]).expect("good");
        problems(&[("KIZUNA_KAFKA_BROKERS", "a")]);
    }

    #[test]
    fn kafka_settings_that_would_lose_records_are_all_refused() {
        let found = problems(&[
            ("KIZUNA_KAFKA_BROKERS", "a:1"),
            ("KIZUNA_KAFKA_ACKS", "1"),
            ("KIZUNA_KAFKA_GROUP_ID", "mine"),
            ("KIZUNA_KAFKA_REPLICATION", "1"),
        ]);
        assert_eq!(found.len(), 3, "{found:?}");
        for place in ["KIZUNA_KAFKA_ACKS", "KIZUNA_KAFKA_GROUP_ID", "KIZUNA_KAFKA_MIN_ISR"] {
            assert!(found.iter().any(|problem| problem.contains(place)), "{place}: {found:?}");
        }
    }

    #[test]
    fn rules_over_several_settings_are_reported_beside_single_bad_values() {
        let given =
            [("KIZUNA_LISTEN", "x"), ("KIZUNA_PLAN", "custom"), ("KIZUNA_KAFKA_ACKS", "all"), ("KIZUNA_PLAM", "x")];
        assert_eq!(problems(&given).len(), 4);
    }

    #[test]
    fn all_that_is_wrong_with_kafka_is_told_at_once_in_the_words_of_the_file() {
        let text = "plan = \"gold\"\n[labels]\nimgae = \"x\"\n[kafka]\nbrokers = \"a:1\"\nacks = \"0\"\nnosuch.setting = 1\n\
                    linger.ms = \"abc\"\nmin_isr = 3\nreplication = 2\ngroup.id = \"x\"\n";
        let file = File { name: "kizuna.toml", text };
        let Invalid(found) = Settings::load(&BTreeMap::new(), Some(file)).expect_err("much is wrong");
        let found: Vec<_> = found.iter().map(ToString::to_string).collect();
        for begin in [
            "plan in kizuna.toml: found \"gold\"",
            "kafka.acks in kizuna.toml: found another value, expected all: without it records could be lost",
            "kafka.nosuch.setting in kizuna.toml: found an unknown setting",
            "kafka.linger.ms in kizuna.toml: found a value that is not shown",
            "kafka.min_isr in kizuna.toml: found 3, expected at most KIZUNA_KAFKA_REPLICATION, which is 2",
            "kafka.group.id in kizuna.toml: found a setting that cannot be set",
            "labels.imgae in kizuna.toml: found an unknown setting, expected a setting that exists; did you mean labels.image?",
        ] {
            assert!(found.iter().any(|problem| problem.starts_with(begin)), "{begin}: {found:#?}");
        }
        assert_eq!(found.len(), 7, "{found:#?}");
    }

    #[test]
    fn debug_output_shows_no_secret() {
        let given = [
            ("KIZUNA_HUBSPOT_TOKEN", "hunter2"),
            ("KIZUNA_SCHEMA_REGISTRY_URL", "https://kizuna:hunter2@registry.example"),
            ("KIZUNA_KAFKA_BROKERS", "a:1"),
            ("KIZUNA_KAFKA_SASL_PASSWORD", "hunter2"),
        ];
        let shown = format!("{:?}", load(&given).expect("good"));
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn labels_are_japanese_unless_set() {
        assert_eq!(load(&[]).expect("good").labels(), line::event::Labels::default());
        let english = load(&[("KIZUNA_LABELS_IMAGE", "[image]")]).expect("good").labels();
        assert_eq!(english.image, "[image]");
    }

    #[test]
    fn a_master_key_is_32_bytes_and_is_not_shown_when_it_is_not() {
        load(&[("KIZUNA_MASTER_KEY", &"0123456789abcdef".repeat(4))]).expect("good");
        let found = problems(&[("KIZUNA_MASTER_KEY", "hunter2")]);
        assert!(found[0].contains("64 hexadecimal digits") && !found[0].contains("hunter2"), "{found:?}");
    }

    #[test]
    fn kafka_gets_its_settings_only_with_brokers() {
        assert!(load(&[]).expect("good").kafka_log().is_none());
        let given =
            [("KIZUNA_KAFKA_BROKERS", "a:1"), ("KIZUNA_KAFKA_PARTITIONS", "3"), ("KIZUNA_KAFKA_LINGER_MS", "7")];
        let kafka = load(&given).expect("good").kafka_log().expect("brokers are set");
        assert_eq!((kafka.brokers.as_str(), kafka.partitions), ("a:1", 3));
        assert_eq!(kafka.librdkafka.get("linger.ms").map(Secret::expose), Some("7"));
    }

    #[test]
    fn what_is_not_set_of_kafka_is_as_the_log_has_it_by_itself() {
        let kafka = load(&[("KIZUNA_KAFKA_BROKERS", "a:1")]).expect("good").kafka_log().expect("brokers are set");
        assert_eq!(format!("{kafka:?}"), format!("{:?}", eventlog::kafka::Settings::new("a:1")));
    }

    /// The rows of the table in docs/configuration.md.
    fn table() -> String {
        let mut table = String::new();
        for setting in Settings::DECLARED {
            let default = setting.default.map_or_else(|| "none".to_owned(), |default| format!("`{default}`"));
            let secret =
                if setting.secret { " Secret: may lie in a file named by the variable with `_FILE`." } else { "" };
            let (variable, help, expected) = (setting.variable, setting.help, (setting.expected)());
            writeln!(table, "| `{variable}` | {help}{secret} | {expected} | {default} |").expect("a String takes all");
        }
        table
    }

    /// The settings as .env.example lists them.
    fn example() -> String {
        let mut example = String::new();
        for setting in Settings::DECLARED {
            let (variable, default, expected) = (setting.variable, setting.default.unwrap_or(""), (setting.expected)());
            writeln!(example, "\n# {}\n# Expected: {expected}.", setting.help).expect("a String takes all");
            writeln!(example, "# {variable}={default}").expect("a String takes all");
        }
        example
    }

    #[test]
    fn the_configuration_page_lists_exactly_the_settings_that_exist() {
        let page = include_str!("../../docs/configuration.md");
        assert!(page.contains(&table()), "docs/configuration.md should have these rows:\n{}", table());
        let named = page.lines().filter(|line| line.starts_with("| `KIZUNA_")).count();
        assert_eq!(named, Settings::DECLARED.len(), "rows of settings that do not exist");
    }

    #[test]
    fn the_example_environment_lists_exactly_the_settings_that_exist() {
        let file = include_str!("../../.env.example");
        assert!(file.ends_with(&example()), ".env.example should end with:\n{}", example());
    }
}
