//! Creating and updating contacts, whatever HubSpot makes of a batch.

use crate::batch::{self, Input};
use crate::classify::Failure;
use crate::client::Client;
use crate::problem::Problem;
use crate::transport::Request;
use crate::{Error, MaySend, Priority, Refusal, wire};
use serde_json::Value;
use std::collections::VecDeque;

impl Client {
    /// Writes all inputs and gives one outcome for each, in order.
    ///
    /// A request that is refused as a whole for one of its inputs is halved until the one is found; the others go
    /// through.
    pub(crate) async fn write<I: Input>(
        &self,
        inputs: Vec<I>,
        label: fn(&I::Outcome) -> &'static str,
        may_send: MaySend<'_>,
        priority: Priority,
    ) -> Result<Vec<(String, I::Outcome)>, Error> {
        let mut outcomes: Vec<Option<I::Outcome>> = vec![None; inputs.len()];
        let mut requests = VecDeque::from(batch::requests(&inputs));
        while let Some(mut places) = requests.pop_front() {
            match self.write_batch(&inputs, &mut places, may_send, priority).await {
                Ok(shown) => settle(&mut outcomes, &places, shown),
                Err(Failure { error: Error::Rejected(refusal), problem }) => {
                    let sent: Vec<_> = places.iter().map(|place| &inputs[*place]).collect();
                    let Isolated { settled, again } = isolate(&sent, &places, &problem, &refusal);
                    if again.len() > 1 {
                        self.metrics.bisections.inc();
                    }
                    settled.into_iter().for_each(|(place, outcome)| outcomes[place] = Some(outcome));
                    again.into_iter().rev().for_each(|request| requests.push_front(request));
                }
                Err(Failure { error: Error::Unknown { .. }, .. }) => {
                    settle(&mut outcomes, &places, vec![I::UNKNOWN; places.len()]);
                    break;
                }
                Err(failure) if outcomes.iter().all(Option::is_none) => return Err(failure.error),
                Err(_) => break,
            }
        }
        let outcomes = outcomes.into_iter().map(|outcome| outcome.unwrap_or(I::NOT_SENT));
        let outcomes = outcomes.inspect(|outcome| {
            self.metrics.writes.with_label_values(&[I::ENDPOINT.as_str(), label(outcome)]).inc();
        });
        Ok(inputs.iter().map(|input| input.trace().to_owned()).zip(outcomes).collect())
    }

    /// Makes one request of the inputs at these places, of which those are left that might be sent when its turn came.
    async fn write_batch<I: Input>(
        &self,
        inputs: &[I],
        places: &mut Vec<usize>,
        may_send: MaySend<'_>,
        priority: Priority,
    ) -> Result<Vec<I::Outcome>, Failure> {
        let permit = self.budget.acquire(I::ENDPOINT.kind(), priority).await?;
        places.retain(|place| may_send(inputs[*place].trace()));
        if places.is_empty() {
            return Ok(Vec::new());
        }
        let sent: Vec<_> = places.iter().map(|place| &inputs[*place]).collect();
        let request = Request::new(I::ENDPOINT).with(batch::body(&sent));
        let answer = self.call_now(permit, &request).await?;
        self.metrics.normalized.inc_by(normalized(&answer));
        Ok(batch::outcomes(&sent, &answer, &self.names))
    }
}

/// What is settled of a request that was refused as a whole, and which requests to make instead.
struct Isolated<I: Input> {
    settled: Vec<(usize, I::Outcome)>,
    again: Vec<Vec<usize>>,
}

/// A refusal for a broken property is laid to all inputs that write it: no halving finds one to blame.
fn isolate<I: Input>(inputs: &[&I], places: &[usize], problem: &Problem, refusal: &Refusal) -> Isolated<I> {
    if let ([input], [place]) = (inputs, places) {
        let outcome = if problem.is_empty() { I::refused(refusal.clone()) } else { input.failed(problem) };
        return Isolated { settled: vec![(*place, outcome)], again: Vec::new() };
    }
    let writes_it = |input: &I| refusal.broken_property().is_some_and(|broken| input.properties().contains_key(broken));
    let (broken, sound): (Vec<_>, Vec<_>) = inputs.iter().zip(places).partition(|(input, _)| writes_it(input));
    let places_of = |inputs: Vec<(&&I, &usize)>| inputs.into_iter().map(|(_, place)| *place).collect::<Vec<_>>();
    let (broken, sound) = (places_of(broken), places_of(sound));
    if broken.is_empty() {
        let (left, right) = sound.split_at(sound.len() / 2);
        return Isolated { settled: Vec::new(), again: vec![left.to_vec(), right.to_vec()] };
    }
    let settled = broken.into_iter().map(|place| (place, I::refused(refusal.clone()))).collect();
    Isolated { settled, again: if sound.is_empty() { Vec::new() } else { vec![sound] } }
}

fn settle<O>(outcomes: &mut [Option<O>], places: &[usize], shown: Vec<O>) {
    for (place, outcome) in places.iter().zip(shown) {
        outcomes[*place] = Some(outcome);
    }
}

/// How many values HubSpot says that it stored in another form.
fn normalized(answer: &Value) -> u64 {
    let warnings = wire::list(&answer["results"]).iter().flat_map(|result| wire::list(&result["warnings"]));
    warnings.filter(|warning| warning["category"] == "PROPERTY_VALUE_NORMALIZED").count() as u64
}
