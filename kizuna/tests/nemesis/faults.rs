//! What goes wrong: three schedules beside each other, each from the seed.

use crate::brokers::{BROKERS, broker};
use crate::install::{Installation, SESSION_MS, Service};
use crate::tally::Tally;
use sandbox::dice::Dice;
use sandbox::hubspot::{Actor, Fact, Fault, FaultKind, Portal, RecordId};
use sandbox::line;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// Endpoints of HubSpot that fail.
const ENDPOINTS: [&str; 4] = ["batch/create", "batch/update", "batch/read", "batch/update"];

/// How they fail. Not by refusing an item for good: that is HubSpot's last word.
const HUBSPOT: [FaultKind; 14] = [
    FaultKind::Burst,
    FaultKind::Burst,
    FaultKind::Internal,
    FaultKind::Internal,
    FaultKind::InternalAfterWrite,
    FaultKind::TimeoutAfterWrite,
    FaultKind::TimeoutAnswerAfterWrite,
    FaultKind::CutAfterWrite,
    FaultKind::Timeout,
    FaultKind::BadGateway,
    FaultKind::Locked,
    FaultKind::Empty,
    FaultKind::ItemSkipped,
    FaultKind::ItemUnmentioned,
];

/// How LINE's profiles fail.
const LINE: [line::FaultKind; 3] = [line::FaultKind::Internal, line::FaultKind::RateLimited, line::FaultKind::Timeout];

/// Cards that are drawn one by one, and shuffled again when all were drawn: in a short run too, each has its share.
struct Deck {
    cards: u64,
    left: Vec<u64>,
}

impl Deck {
    /// The cards 0 to `cards` - 1.
    fn of(cards: u64) -> Self {
        Self { cards, left: Vec::new() }
    }

    fn draw(&mut self, dice: &mut Dice) -> u64 {
        if self.left.is_empty() {
            self.left.extend(0..self.cards);
            dice.shuffle(&mut self.left);
        }
        self.left.pop().unwrap()
    }
}

/// Brokers stop, die, freeze and lose their network, one at a time; now and then two freeze, which leaves too few for a write.
pub async fn of_brokers(tally: &Tally, seed: u64, until: Instant) {
    let (mut dice, mut deck) = (Dice::new(seed, "brokers"), Deck::of(6));
    while pause(&mut dice, 1_000, 4_000, until).await {
        let node = 1 + dice.below(BROKERS);
        let (fault, action, cure) = match deck.draw(&mut dice) {
            0 => ("broker stopped", "stop", "start"),
            1 => ("broker killed", "kill", "start"),
            2 | 3 => ("broker paused", "pause", "resume"),
            4 => ("broker cut off the network", "cut", "join"),
            _ => ("broker cut off from the other brokers", "split", "join"),
        };
        tally.count(fault);
        broker(action, node).await;
        let other = 1 + node % BROKERS;
        let two = action == "pause" && dice.chance(30);
        if two {
            tally.count("broker paused, the second at a time");
            broker("pause", other).await;
        }
        pause(&mut dice, 2_000, 8_000, until).await;
        if two {
            broker("resume", other).await;
        }
        broker(cure, node).await;
    }
}

/// Processes are killed, stopped, and frozen: a projector for longer than the group waits for it.
pub async fn of_processes(installation: &Installation, seed: u64, until: Instant) {
    let (mut dice, mut deck) = (Dice::new(seed, "processes"), Deck::of(6));
    while pause(&mut dice, 5_000, 25_000, until).await {
        let victim = &installation.projectors[usize::from(dice.chance(50))];
        let ingest = &installation.ingests[usize::from(dice.chance(50))];
        match deck.draw(&mut dice) {
            0 => kill(installation, victim, &mut dice, until).await,
            1 | 2 => {
                installation.tally.count("projector frozen past its session");
                freeze(victim, SESSION_MS + 1_000 + dice.below(15_000)).await;
            }
            3 => {
                installation.tally.count("projector stopped");
                victim.stop().await;
            }
            4 => kill(installation, ingest, &mut dice, until).await,
            _ => {
                installation.tally.count("ingest frozen");
                freeze(ingest, 500 + dice.below(5_000)).await;
            }
        }
        for service in installation.services() {
            installation.ensure(service).await;
        }
    }
}

async fn kill(installation: &Installation, service: &Service, dice: &mut Dice, until: Instant) {
    installation.tally.count(format!("{} killed", service.command()));
    service.kill().await;
    pause(dice, 0, 3_000, until).await;
}

async fn freeze(service: &Service, ms: u64) {
    service.signal("STOP").await;
    sleep(Duration::from_millis(ms)).await;
    service.signal("CONT").await;
}

/// HubSpot and LINE answer badly, and people in HubSpot delete and merge contacts.
pub async fn of_platforms(installation: &Installation, seed: u64, until: Instant) {
    let (mut dice, mut deck) = (Dice::new(seed, "platforms"), Deck::of(10));
    let handle = installation.sandbox.handle();
    while pause(&mut dice, 100, 900, until).await {
        match deck.draw(&mut dice) {
            0..4 => {
                let (kind, endpoint) = (any(&HUBSPOT, &mut dice), any(&ENDPOINTS, &mut dice));
                handle.hubspot(|portal, _| portal.inject(Fault::next(kind).at(endpoint)));
            }
            4 => {
                let kind = any(&LINE, &mut dice);
                handle.line(|platform, _| platform.inject(line::Fault::next(kind).at("profile")));
            }
            5..8 => {
                let merges = dice.chance(30);
                let done = handle.hubspot(|portal, now_ms| disturb(portal, now_ms, &mut dice, merges));
                done.into_iter().for_each(|what| installation.tally.count(what));
            }
            _ => {}
        }
    }
}

fn any<T: Copy>(of: &[T], dice: &mut Dice) -> T {
    of[dice.below(of.len() as u64) as usize]
}

/// Somebody deletes a contact, or merges it into one made by hand. Only one that Kizuna has updated by its ID, so that it is
/// certain to know it: of a contact whose creation was never answered it cannot know that it was deleted.
fn disturb(portal: &mut Portal, now_ms: i64, dice: &mut Dice, merge: bool) -> Option<&'static str> {
    let written = portal.history().entries().filter_map(|entry| match &entry.fact {
        Fact::Written { id, by: Actor::Api, .. } => Some(*id),
        _ => None,
    });
    let written: BTreeSet<RecordId> = written.collect();
    let known: Vec<RecordId> = written.into_iter().filter(|id| portal.contacts().live(*id).is_some()).collect();
    let id = *known.get(dice.below(known.len().max(1) as u64) as usize)?;
    if merge {
        let by_hand = BTreeMap::from([("email".to_owned(), format!("{id}@example.com"))]);
        let primary = portal.add(now_ms, &by_hand).unwrap();
        portal.merge(now_ms, primary, id).unwrap();
        Some("contact merged by a person")
    } else {
        portal.delete(now_ms, id).unwrap();
        Some("contact deleted by a person")
    }
}

/// Waits between `least_ms` and `most_ms`, but not beyond the end; is there time left?
async fn pause(dice: &mut Dice, least_ms: u64, most_ms: u64, until: Instant) -> bool {
    let wait = Duration::from_millis(least_ms + dice.below(most_ms - least_ms));
    sleep_until((Instant::now() + wait).min(until)).await;
    Instant::now() < until
}
