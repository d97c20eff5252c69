//! What became of each request, added up while the run goes on.

use crate::load::failure::{Failure, Malformed};
use crate::load::latency::Latencies;
use crate::load::schedule::Ticket;
use std::collections::BTreeMap;

/// One request that has ended.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) ticket: Ticket,
    /// The index of its target.
    pub(super) target: usize,
    /// When the generator turned to it.
    pub(super) started_ns: u64,
    /// When its first byte left, if it did.
    pub(super) sent_ns: Option<u64>,
    pub(super) ended_ns: u64,
    /// A status of any kind, or why there is none.
    pub(super) answer: Result<u16, Failure>,
    pub(super) body_bytes: u64,
    pub(super) body: Option<Vec<u8>>,
}

/// A request as it is reported. Times count from the start of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// In the order of the intended starts, from 0.
    pub index: u64,
    /// The index of its target in the plan.
    pub target: usize,
    /// When it should have started.
    pub intended_ns: u64,
    /// When its first byte left; nothing if none did.
    pub sent_ns: Option<u64>,
    /// When it ended.
    pub ended_ns: u64,
    /// The status of its answer, or why there is none.
    pub answer: Result<u16, Failure>,
    /// How many bytes the body of its answer had.
    pub body_bytes: u64,
    /// The body, if the plan keeps it.
    pub body: Option<Vec<u8>>,
}

impl Row {
    /// From the intended start to the end.
    #[must_use]
    pub fn latency_ns(&self) -> u64 {
        self.ended_ns.saturating_sub(self.intended_ns)
    }

    /// Why it counts as failed: there was no answer, or one that is neither 2xx nor 3xx.
    #[must_use]
    pub fn failure(&self) -> Option<Failure> {
        failure(self.answer)
    }
}

#[derive(Debug)]
pub(super) struct Recorder {
    most_rows: usize,
    pub(super) ok: u64,
    pub(super) failed: BTreeMap<String, u64>,
    pub(super) sent: u64,
    /// From the intended start.
    pub(super) latency: Latencies,
    /// From the actual departure.
    pub(super) latency_from_send: Latencies,
    /// From the intended start until the generator turned to the request.
    pub(super) lateness: Latencies,
    pub(super) first_sent_ns: u64,
    pub(super) last_sent_ns: u64,
    pub(super) last_ended_ns: u64,
    pub(super) body_bytes: u64,
    pub(super) first_malformed: Option<Malformed>,
    pub(super) rows: Vec<Row>,
    pub(super) rows_left_out: u64,
}

impl Recorder {
    pub(super) fn new(most_rows: usize) -> Self {
        Self {
            most_rows,
            ok: 0,
            failed: BTreeMap::new(),
            sent: 0,
            latency: Latencies::default(),
            latency_from_send: Latencies::default(),
            lateness: Latencies::default(),
            first_sent_ns: u64::MAX,
            last_sent_ns: 0,
            last_ended_ns: 0,
            body_bytes: 0,
            first_malformed: None,
            rows: Vec::new(),
            rows_left_out: 0,
        }
    }

    pub(super) fn ended(&self) -> u64 {
        self.ok + self.failed.values().sum::<u64>()
    }

    pub(super) fn record(&mut self, sample: Sample) {
        let Ticket { intended_ns, .. } = sample.ticket;
        self.lateness
            .record(sample.started_ns.saturating_sub(intended_ns));
        if let Some(sent_ns) = sample.sent_ns {
            self.sent += 1;
            self.first_sent_ns = self.first_sent_ns.min(sent_ns);
            self.last_sent_ns = self.last_sent_ns.max(sent_ns);
        }
        self.last_ended_ns = self.last_ended_ns.max(sample.ended_ns);
        self.body_bytes += sample.body_bytes;
        self.record_latency(&sample);
        self.keep_row(sample);
    }

    /// An answer counts with its latency; what was given up, with the least that it would have
    /// been. What failed otherwise would never have had an answer, and has no latency.
    fn record_latency(&mut self, sample: &Sample) {
        let since = |start_ns: u64| sample.ended_ns.saturating_sub(start_ns);
        let latency_ns = since(sample.ticket.intended_ns);
        let from_send_ns = sample.sent_ns.map(since);
        let Some(failure) = failure(sample.answer) else {
            self.ok += 1;
            self.latency.record(latency_ns);
            from_send_ns.inspect(|ns| self.latency_from_send.record(*ns));
            return;
        };
        *self.failed.entry(failure.to_string()).or_default() += 1;
        if let Failure::Malformed(reason) = failure {
            self.first_malformed.get_or_insert(reason);
        }
        if failure.is_censored() {
            self.latency.record_censored(latency_ns);
            from_send_ns.inspect(|ns| self.latency_from_send.record_censored(*ns));
        }
    }

    fn keep_row(&mut self, sample: Sample) {
        if self.rows_left_out > 0 || self.rows.len() >= self.most_rows {
            self.rows_left_out += 1 + self.rows.len() as u64;
            self.rows = Vec::new();
            return;
        }
        self.rows.push(Row {
            index: sample.ticket.index,
            target: sample.target,
            intended_ns: sample.ticket.intended_ns,
            sent_ns: sample.sent_ns,
            ended_ns: sample.ended_ns,
            answer: sample.answer,
            body_bytes: sample.body_bytes,
            body: sample.body,
        });
    }
}

fn failure(answer: Result<u16, Failure>) -> Option<Failure> {
    match answer {
        Ok(200..400) => None,
        Ok(status) => Some(Failure::Status(status)),
        Err(failure) => Some(failure),
    }
}

#[cfg(test)]
mod tests {
    use super::{Recorder, Sample};
    use crate::load::failure::Failure;
    use crate::load::schedule::Ticket;

    fn sample(index: u64, answer: Result<u16, Failure>) -> Sample {
        Sample {
            ticket: Ticket {
                index,
                intended_ns: 100 * index,
            },
            target: 0,
            started_ns: 100 * index + 1,
            sent_ns: Some(100 * index + 2),
            ended_ns: 100 * index + 52,
            answer,
            body_bytes: 10,
            body: None,
        }
    }

    #[test]
    fn answers_and_failures_are_counted_by_kind() {
        let mut recorder = Recorder::new(10);
        let unavailable = Ok(503);
        let answers = [
            Ok(200),
            Ok(399),
            unavailable,
            Ok(404),
            unavailable,
            Err(Failure::Reset),
        ];
        for (index, answer) in (0..).zip(answers) {
            recorder.record(sample(index, answer));
        }
        let failed: Vec<(&str, u64)> = recorder
            .failed
            .iter()
            .map(|(kind, it)| (kind.as_str(), *it))
            .collect();
        assert_eq!(failed, [("reset", 1), ("status 404", 1), ("status 503", 2)]);
        assert_eq!((recorder.ok, recorder.ended(), recorder.sent), (2, 6, 6));
        assert_eq!((recorder.first_sent_ns, recorder.last_sent_ns), (2, 502));
        assert_eq!(
            recorder.latency.count(),
            2,
            "only answers that count have a latency"
        );
    }

    #[test]
    fn what_was_given_up_stays_in_the_statistics() {
        let mut recorder = Recorder::new(10);
        recorder.record(sample(0, Ok(200)));
        recorder.record(sample(1, Err(Failure::Timeout)));
        recorder.record(sample(2, Err(Failure::Interrupted)));
        assert_eq!(
            (recorder.latency.count(), recorder.latency.censored()),
            (3, 2)
        );
        assert_eq!(
            (
                recorder.latency_from_send.count(),
                recorder.latency_from_send.censored()
            ),
            (3, 2)
        );
    }

    #[test]
    fn rows_are_kept_all_or_none() {
        let rows = |most, count| {
            let mut recorder = Recorder::new(most);
            (0..count).for_each(|index| recorder.record(sample(index, Ok(200))));
            (recorder.rows.len(), recorder.rows_left_out)
        };
        assert_eq!(rows(3, 3), (3, 0));
        assert_eq!(rows(3, 4), (0, 4));
        assert_eq!(rows(3, 9), (0, 9));
    }
}
