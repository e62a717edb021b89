//! The state stores in memory: what survives a crash, older copies, and writes that fail.

use super::life::Life;
use super::wrong::Wrong;
use projector::store::{Checkpoint, Error, MadeRows, Row, Rows, Store, Stores, Which};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Copies kept.
const COPIES_MAX: usize = 8;

/// The disk that all lives share.
#[derive(Default)]
pub struct Disk(Mutex<Contents>);

#[derive(Default)]
struct Contents {
    now: Images,
    copies: Vec<Images>,
}

type Images = BTreeMap<u32, Image>;

#[derive(Clone, Default)]
struct Image {
    rows: BTreeMap<i64, (Vec<u8>, bool)>,
    /// Rows that the deliberately wrong store loses in a crash, although the place in the log moved past them.
    unwritten: BTreeMap<i64, (Vec<u8>, bool)>,
    checkpoint: Checkpoint,
}

impl Disk {
    /// All stores are gone.
    pub fn clear(&self) {
        self.lock().now.clear();
    }

    /// An older copy of all stores takes their place.
    pub fn go_back(&self, choice: u64) {
        let mut contents = self.lock();
        let count = contents.copies.len().max(1) as u64;
        if let Some(copy) = contents.copies.get(usize::try_from(choice % count).unwrap_or(0)).cloned() {
            contents.now = copy;
        }
    }

    /// The process died.
    pub fn crash(&self) {
        self.lock().now.values_mut().for_each(|image| image.unwritten.clear());
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stores for Life {
    fn open(&self, partition: u32) -> Result<Store, Error> {
        let checkpoint = self.world.disk.lock().now.entry(partition).or_default().checkpoint.clone();
        Ok(Store::over(Box::new(Shelf { life: self.clone(), partition }), checkpoint))
    }
}

/// The rows of one partition as one life uses them.
struct Shelf {
    life: Life,
    partition: u32,
}

impl Shelf {
    fn fails(&self) -> Result<(), Error> {
        let (hazards, plan) = (&self.life.world.hazards, &self.life.world.plan);
        let number = self.life.number;
        if hazards.is_dead(number) || hazards.kills(number, plan.crash) || hazards.strikes("flush", plan.flush_faults) {
            return Err(Error::Directory(std::io::Error::other("a fault of the simulation")));
        }
        Ok(())
    }
}

impl Rows for Shelf {
    fn read(&self, key: i64) -> Result<Option<Vec<u8>>, Error> {
        let contents = self.life.world.disk.lock();
        let image = contents.now.get(&self.partition);
        let row = image.and_then(|image| image.unwritten.get(&key).or_else(|| image.rows.get(&key)));
        Ok(row.map(|(row, _)| row.clone()))
    }

    fn write(&mut self, rows: &mut MadeRows<'_>, checkpoint: &Checkpoint) -> Result<(), Error> {
        let world = &self.life.world;
        self.fails()?;
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        let mut contents = world.disk.lock();
        let image = contents.now.entry(self.partition).or_default();
        image.checkpoint = checkpoint.clone();
        let forgets = world.plan.is(Wrong::PendingForgotten);
        let rows = rows.into_iter().map(|Row { key, sealed, pending }| (key, (sealed, pending && !forgets)));
        image.unwritten.extend(rows);
        if !world.plan.is(Wrong::PlaceBeforeState) || world.hazards.between(0, 9) == 0 {
            let written = std::mem::take(&mut image.unwritten);
            image.rows.extend(written);
        }
        if world.hazards.between(0, 29) == 0 && world.plan.stores_older > 0 {
            let copy = contents.now.clone();
            contents.copies.push(copy);
            if contents.copies.len() > COPIES_MAX {
                contents.copies.remove(0);
            }
        }
        drop(contents);
        self.fails()
    }

    fn page(&self, which: Which, after: Option<i64>, rows: usize) -> Result<Vec<(i64, Vec<u8>)>, Error> {
        let contents = self.life.world.disk.lock();
        let Some(image) = contents.now.get(&self.partition) else { return Ok(Vec::new()) };
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let is_wanted = |(_, (_, pending)): &(&i64, &(Vec<u8>, bool))| *pending || which == Which::All;
        let written = image.rows.range((from, Bound::Unbounded)).filter(|(key, _)| !image.unwritten.contains_key(key));
        let mut page: BTreeMap<_, _> = written.filter(is_wanted).take(rows).collect();
        page.extend(image.unwritten.range((from, Bound::Unbounded)).filter(is_wanted).take(rows));
        Ok(page.into_iter().take(rows).map(|(key, (row, _))| (*key, row.clone())).collect())
    }

    fn wipe(&mut self) -> Result<(), Error> {
        self.life.world.disk.lock().now.remove(&self.partition);
        Ok(())
    }
}
