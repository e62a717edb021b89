//! The log's SQLite file: created once and whole, recognised when opened, connected to by every reader and the writer.

use super::{table, upgrade};
use crate::{Error, Topic};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, params};
use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// The log's file inside its directory.
const FILE: &str = "log.sqlite3";
/// The file under construction; it gets its name when it is complete, so an empty or half-made `FILE` is always damage.
const UNFINISHED: &str = "log.sqlite3.new";
/// Held while a process creates or opens the log.
const OPENING: &str = "opening.lock";

/// "KZLG": tells SQLite files of this kind from others (`PRAGMA application_id`).
const APPLICATION_ID: i32 = 0x4b5a_4c47;
/// Version of the tables (`PRAGMA user_version`).
pub(super) const FORMAT: i32 = 2;

/// Bytes of a page of a new log. Four times SQLite's own choice: a rebuild reads a quarter of the pages, each at the cost of a
/// call to the system.
const PAGE_BYTES: u32 = 16 << 10;

/// How long a connection waits for another process to finish its write.
const BUSY_LIMIT: Duration = Duration::from_secs(5);
/// How often it tries meanwhile: about as long as a commit takes.
const BUSY_PAUSE: Duration = Duration::from_micros(300);

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Reading only.
    Read,
    /// Reading and writing.
    Write,
}

/// An existing log in a directory.
#[derive(Debug)]
pub(super) struct Database {
    file: PathBuf,
    log_id: String,
    partitions: BTreeMap<Topic, u32>,
}

impl Database {
    /// Opens the log in `dir`, and creates it first if there is none. `partitions` is the count that a new log gets and an
    /// existing one must have.
    pub(super) fn open(dir: &Path, partitions: Option<u32>) -> Result<Self, Error> {
        Self::open_or_create(dir, partitions).map_err(|error| located(&dir.join(FILE), error))
    }

    fn open_or_create(dir: &Path, partitions: Option<u32>) -> Result<Self, Error> {
        if partitions == Some(0) {
            return Err(Error::Unfit("a log needs at least one partition".into()));
        }
        create_dir(dir).map_err(|error| Error::Unfit(format!("cannot create {}: {error}", dir.display())))?;
        let _opening = lock_opening(dir)?;
        let file = dir.join(FILE);
        match fs::metadata(&file) {
            Ok(found) if found.len() == 0 => return Err(Error::Damaged("it is empty".into())),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => create(dir, &file, partitions.unwrap_or(1))?,
            Err(error) => return Err(Error::Unfit(format!("cannot read {}: {error}", file.display()))),
        }
        let mut connection = connect(&file, Access::Write)?;
        if recognise(&connection, dir)? == upgrade::FROM {
            drop(connection);
            tracing::info!(log.dir = %dir.display(), "the log is of an older format: upgrading it");
            upgrade::upgrade(&mut connect_alone(&file, dir)?)?;
            connection = connect(&file, Access::Write)?;
        }
        let mut database = Self { log_id: read_log_id(&connection)?, file, partitions: BTreeMap::new() };
        database.partitions = complete_topics(&mut connection)?;
        if let Some(wanted) = partitions
            && wanted != database.partitions(Topic::LineEvents)
        {
            return Err(Error::Unfit(format!(
                "the log in {} has {} partitions, the settings ask for {wanted}; the count of a log cannot change",
                dir.display(),
                database.partitions(Topic::LineEvents)
            )));
        }
        Ok(database)
    }

    /// The random identity that the log got when it was created.
    pub(super) fn log_id(&self) -> &str {
        &self.log_id
    }

    /// How many partitions a topic has.
    pub(super) fn partitions(&self, topic: Topic) -> u32 {
        self.partitions[&topic]
    }

    /// Refuses a partition that the topic does not have.
    pub(super) fn expect_partition(&self, topic: Topic, partition: u32) -> Result<(), Error> {
        let count = self.partitions(topic);
        if partition < count {
            return Ok(());
        }
        Err(Error::Unfit(format!("{topic} has {count} partitions, there is no partition {partition}")))
    }

    /// A new connection, to this very log.
    fn connect(&self, access: Access) -> Result<Connection, Error> {
        let connection = connect(&self.file, access)?;
        if read_log_id(&connection)? != self.log_id {
            return Err(Error::Unavailable(format!("{} is another log now; restart", self.file.display())));
        }
        Ok(connection)
    }

    /// Is the log's file still where others look for it? A removed file would go on taking records that nobody can find.
    pub(super) fn is_in_place(&self) -> bool {
        self.file.exists()
    }
}

/// A connection that is made when first needed, and again after every failure.
pub(super) struct Session {
    database: Arc<Database>,
    access: Access,
    connection: Option<Connection>,
}

impl Session {
    /// A session that is not connected yet.
    pub(super) fn new(database: Arc<Database>, access: Access) -> Self {
        Self { database, access, connection: None }
    }

    /// Does some work on the connection.
    pub(super) fn run<T>(&mut self, work: impl FnOnce(&mut Connection) -> Result<T, Error>) -> Result<T, Error> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.database.connect(self.access)?,
        };
        let outcome = work(&mut connection).map_err(|error| located(&self.database.file, error));
        if !matches!(outcome, Err(Error::Unavailable(_) | Error::Damaged(_))) {
            self.connection = Some(connection);
        }
        outcome
    }
}

/// What an error of SQLite means to the callers of the log.
pub(super) fn failure(error: rusqlite::Error) -> Error {
    match error {
        rusqlite::Error::SqliteFailure(cause, _) => match cause.code {
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Error::Damaged(error.to_string()),
            ErrorCode::TooBig => Error::Refused(error.to_string()),
            _ => Error::Unavailable(error.to_string()),
        },
        // Columns of a wrong type, a missing row or table: the file is not what this program wrote.
        _ => Error::Damaged(error.to_string()),
    }
}

/// Damage with the file that has it and what can be done. SQLite does not tell which file it means.
fn located(file: &Path, error: Error) -> Error {
    match error {
        Error::Damaged(what) => Error::Damaged(format!(
            "{}: {what}; restore {} from a copy, see docs/operations.md",
            file.display(),
            file.parent().unwrap_or(file).display()
        )),
        other => other,
    }
}

/// Is there a log in this directory?
pub(super) fn exists(dir: &Path) -> bool {
    dir.join(FILE).exists()
}

fn create_dir(dir: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = dir.ancestors().take_while(|dir| !dir.is_dir() && *dir != Path::new("")).collect();
    fs::create_dir_all(dir)?;
    missing.iter().filter_map(|dir| dir.parent()).try_for_each(sync_dir)
}

/// Makes the names in a directory durable.
fn sync_dir(dir: &Path) -> io::Result<()> {
    let dir = if dir == Path::new("") { Path::new(".") } else { dir };
    if cfg!(unix) { File::open(dir)?.sync_all() } else { Ok(()) }
}

/// Waits, for a bounded time, until no other process is creating or opening the log.
fn lock_opening(dir: &Path) -> Result<File, Error> {
    let path = dir.join(OPENING);
    let unusable = |error| Error::Unfit(format!("cannot use {}: {error}", path.display()));
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(unusable)?;
    let since = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
            Err(TryLockError::WouldBlock) if since.elapsed() < BUSY_LIMIT => pause(),
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Unavailable(format!("another process has {} locked", path.display())));
            }
        }
    }
}

/// Between two tries to get a lock of another process.
#[expect(clippy::disallowed_methods, reason = "a lock that is waited for without a limit could stop us for ever")]
fn pause() {
    thread::sleep(BUSY_PAUSE);
}

/// Builds a new log under another name and moves it to its place.
fn create(dir: &Path, file: &Path, partitions: u32) -> Result<(), Error> {
    if sibling(file, "-wal").exists() {
        return Err(Error::Damaged("it is missing, but its journal is there".into()));
    }
    let unfinished = dir.join(UNFINISHED);
    let cannot = |error: io::Error| Error::Unfit(format!("cannot create {}: {error}", file.display()));
    for leftover in [unfinished.clone(), sibling(&unfinished, "-wal"), sibling(&unfinished, "-shm")] {
        match fs::remove_file(leftover) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(cannot(error)),
            _ => {}
        }
    }
    File::create_new(&unfinished).map_err(cannot)?;
    fill(&mut connect(&unfinished, Access::Write)?, partitions).map_err(failure)?;
    File::open(&unfinished).and_then(|file| file.sync_all()).map_err(cannot)?;
    fs::rename(&unfinished, file).and_then(|()| sync_dir(dir)).map_err(cannot)
}

fn sibling(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Writes format, identity and the tables of every topic into an empty file.
fn fill(connection: &mut Connection, partitions: u32) -> Result<(), rusqlite::Error> {
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(
        "CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
         CREATE TABLE partitions (
             topic TEXT NOT NULL,
             partition INTEGER NOT NULL,
             compacted_to INTEGER NOT NULL DEFAULT 0,
             PRIMARY KEY (topic, partition)
         ) STRICT, WITHOUT ROWID;
         INSERT INTO meta VALUES ('probes', 0);",
    )?;
    let log_id = uuid::Uuid::new_v4().to_string();
    transaction.execute("INSERT INTO meta VALUES ('log_id', ?1), ('partitions', ?2)", params![log_id, partitions])?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", FORMAT)?;
    transaction.commit()
}

/// A connection with the settings that the log's promises rest on.
fn connect(file: &Path, access: Access) -> Result<Connection, Error> {
    let configured = || {
        let mut connection = open_file(file)?;
        let mut since = Instant::now();
        connection.busy_handler(Some(move |tries| {
            if tries == 0 {
                since = Instant::now();
            }
            pause();
            since.elapsed() < BUSY_LIMIT
        }))?;
        configure(&connection, access)?;
        Ok(connection)
    };
    configured().map_err(failure)
}

/// A connection beside which there is no other, of no process, for as long as it is open.
fn connect_alone(file: &Path, dir: &Path) -> Result<Connection, Error> {
    let configured = || {
        let connection = open_file(file)?;
        connection.busy_timeout(Duration::ZERO)?;
        // Of all settings the first: it counts from the first look into the file on.
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        configure(&connection, Access::Write)?;
        connection.execute_batch("BEGIN EXCLUSIVE; COMMIT")?;
        Ok(connection)
    };
    configured().map_err(|error: rusqlite::Error| match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::Unfit(format!(
            "the log in {} is of an older format, and an older version of Kizuna works with it: stop every process of that \
             directory, then start this version",
            dir.display()
        )),
        _ => failure(error),
    })
}

fn open_file(file: &Path) -> Result<Connection, rusqlite::Error> {
    Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)
}

fn configure(connection: &Connection, access: Access) -> Result<(), rusqlite::Error> {
    // Every commit reaches the disk before it is acknowledged, on macOS too.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    // What a row leaves behind in the file, as it is filled or removed, would outlive the erasure of its people.
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "query_only", access == Access::Read)?;
    connection.set_prepared_statement_cache_capacity(256);
    Ok(())
}

/// Refuses files that are not a log of a known format, and tells which it is.
fn recognise(connection: &Connection, dir: &Path) -> Result<i32, Error> {
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i32>(0)).map_err(failure);
    let (application_id, format) = (number("application_id")?, number("user_version")?);
    if application_id != APPLICATION_ID {
        return Err(Error::Unfit(format!("{FILE} in {} is not a log of Kizuna", dir.display())));
    }
    if ![upgrade::FROM, FORMAT].contains(&format) {
        return Err(Error::Unfit(format!(
            "the log in {} has format {format}, this version of Kizuna reads format {FORMAT}: use the version that wrote it",
            dir.display()
        )));
    }
    Ok(format)
}

fn read_log_id(connection: &Connection) -> Result<String, Error> {
    connection.query_row("SELECT value FROM meta WHERE name = 'log_id'", [], |row| row.get(0)).map_err(failure)
}

/// Creates the tables of topics that the log does not have yet, and returns every topic's partition count.
fn complete_topics(connection: &mut Connection) -> Result<BTreeMap<Topic, u32>, Error> {
    let mut complete = || {
        let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let wanted: u32 =
            transaction.query_row("SELECT value FROM meta WHERE name = 'partitions'", [], |row| row.get(0))?;
        let mut counts = BTreeMap::new();
        for topic in Topic::ALL {
            let count: Option<u32> = transaction
                .query_row("SELECT max(partition) + 1 FROM partitions WHERE topic = ?1", [topic.name()], |row| {
                    row.get(0)
                })
                .optional()?
                .flatten();
            let expected = if topic.is_single() { 1 } else { wanted };
            for partition in count.unwrap_or(0)..expected {
                table::create(&transaction, topic, partition)?;
            }
            counts.insert(topic, expected);
        }
        transaction.commit()?;
        Ok(counts)
    };
    complete().map_err(failure)
}
