//! People who follow, write, think better of it, block and come back.

use sandbox::Sandbox;
use sandbox::dice::Dice;
use sandbox::line::{Act, Manner};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};

const TICK: Duration = Duration::from_millis(50);
const TICKS_PER_SECOND: u32 = 20;

/// Of a hundred acts of people who are there, those that bring a new one.
const NEW_PERCENT: u8 = 15;

/// Lets about `rate` things happen a second, until `until`.
pub async fn write(sandbox: &Sandbox, rate: u32, people: u64, seed: u64, until: Instant) {
    let mut dice = Dice::new(seed, "crowd");
    let channels: Vec<String> = sandbox.line_channels().into_iter().map(|channel| channel.id).collect();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut known, mut owed) = (0, 0);
    while Instant::now() < until {
        ticks.tick().await;
        owed += rate;
        for _ in 0..owed / TICKS_PER_SECOND {
            let (person, act) = if known == 0 || (known < people && dice.chance(NEW_PERCENT)) {
                known += 1;
                (known, Act::Follow)
            } else {
                (1 + dice.below(known), act(&mut dice))
            };
            let channel = &channels[usize::from(dice.chance(30))];
            sandbox.handle().line(|platform, now_ms| {
                // Somebody who never wrote has nothing to take back.
                let _ = platform.play(now_ms, channel, &format!("person {person}"), &act, &Manner::default());
            });
        }
        owed %= TICKS_PER_SECOND;
    }
}

fn act(dice: &mut Dice) -> Act {
    match dice.below(100) {
        0..62 => Act::message(&format!("予約 {}", dice.digits(6))),
        62..68 => Act::Sticker { text: None },
        68..70 => Act::Image { total: 2 },
        70..78 => Act::Postback { data: "coupon".to_owned(), params: None },
        78..84 => Act::Unfollow,
        84..90 => Act::Follow,
        90..93 => Act::Unsend { message_id: None },
        93..96 => Act::Edit { text: format!("変更 {}", dice.digits(6)), message_id: None },
        96..98 => Act::Beacon { beacon: "enter".to_owned() },
        _ => Act::GroupMessage { text: "みんなへ".to_owned(), group_id: format!("C{}", dice.hex(32)) },
    }
}
