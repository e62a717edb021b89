//! The matrix: deaths one after the other, the verdict over all of them, and the table.

use crate::evidence::Verdict;
use crate::kinds::Kind;
use crate::rig::{Backend, Rig};
use crate::steps::{STEPS, Step};
use tokio::time::Instant;

/// Kills an installation at each of these steps while somebody does each of these things, all at the same time.
pub async fn die_everywhere(
    backend: Backend,
    name: &str,
    kinds: Vec<&'static Kind>,
    steps: &[&'static Step],
) -> Verdict {
    let mut rig = Rig::new(backend, name).await;
    let person = |kind: &Kind, step: &Step| format!("{}, {}", kind.name, step.id);
    rig.start(steps[0]).await;
    for step in steps {
        kinds.iter().for_each(|kind| kind.begin(&rig.sandbox, &person(kind, step)));
    }
    rig.settle().await;
    rig.stop().await;
    for step in steps {
        kinds.iter().for_each(|kind| kind.turn(&rig.sandbox, &person(kind, step)));
    }
    for step in steps {
        let started = Instant::now();
        rig.start(step).await;
        rig.settle().await;
        eprintln!("{}: right again after {:.1} s, dies at {}", kinds[0].name, started.elapsed().as_secs_f64(), step.id);
        rig.die(step, |sandbox| {
            let played = kinds.iter().map(|kind| kind.act(sandbox, &person(kind, step)));
            played.flat_map(|played| played.webhook_event_ids).collect()
        })
        .await;
    }
    rig.start(steps[0]).await;
    rig.settle().await
}

/// Prints what the columns of the table are.
pub fn heading() {
    println!();
    STEPS.iter().for_each(|step| println!("{:<4} {:?}: {}", step.id, step.role, step.what));
    let steps: String = STEPS.iter().map(|step| format!("{:>4}", step.id)).collect();
    let counts = ["accepted", "lost", "doubled", "revived", "wrong"].map(|count| format!("{count:>9}")).concat();
    println!("\n{:<24}{steps}{counts}", "died at");
}

/// Prints a row of the table.
pub fn report(kind: &str, steps: &[&Step], verdict: &Verdict) {
    let Verdict { accepted, lost, doubled, revived, wrong, .. } = verdict;
    let died = |step: &Step| steps.iter().any(|at| at.id == step.id);
    let steps: String = STEPS.iter().map(|step| format!("{:>4}", if died(step) { "x" } else { "" })).collect();
    let counts = [*accepted as usize, lost.len(), doubled.len(), revived.len(), wrong.len()];
    println!("{kind:<24}{steps}{}", counts.map(|count| format!("{count:>9}")).concat());
}
