//! What a server says of itself in an answer, and when that was on the clock of the burst.

use crate::load::{Failure, Row};
use serde::Deserialize;
use std::time::{SystemTime, UNIX_EPOCH};

/// A response, and who gave it. Times count from the moment at which all requests should leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Which request it answers, in the order in which they left, from 1.
    pub request: u64,
    /// The process that answered.
    pub pid: u32,
    /// Its parent.
    pub parent_pid: u32,
    /// The thread that answered.
    pub thread_id: u32,
    /// When the request left.
    pub sent_ns: u64,
    /// When its handler began.
    pub started_ns: u64,
    /// How long the handler took.
    pub elapsed_ns: u64,
    /// When the response was complete.
    pub response_ns: u64,
    /// The CPU time of its work; nothing of what waited.
    pub cpu_ns: Option<u64>,
    /// How long its work waited for its first chunk.
    pub queue_ns: Option<u64>,
}

impl Response {
    /// When its handler was done.
    #[must_use]
    pub const fn finished_ns(&self) -> u64 {
        self.started_ns.saturating_add(self.elapsed_ns)
    }

    /// When its work began.
    #[must_use]
    pub fn work_began_ns(&self) -> u64 {
        let queue_ns = self.queue_ns.unwrap_or(0);
        self.started_ns
            .saturating_add(queue_ns)
            .min(self.finished_ns())
    }
}

/// Why a request has no response that can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// It failed.
    #[error("request {request} failed: {failure}")]
    Failed {
        /// Which one, from 1.
        request: u64,
        /// What became of it.
        failure: Failure,
    },
    /// Its answer is not one of the application.
    #[error("request {request} was answered by something else: {reason}: {body:?}")]
    Unreadable {
        /// Which one, from 1.
        request: u64,
        /// What is wrong with it.
        reason: String,
        /// Its beginning.
        body: String,
    },
}

/// The fields of an answer that are read.
#[derive(Deserialize)]
struct Answer {
    pid: u32,
    ppid: u32,
    thread_id: u32,
    started: String,
    elapsed_s: f64,
    cpu_s: Option<f64>,
    queue_s: Option<f64>,
}

const DAY_NS: u64 = 86_400 * 1_000_000_000;

/// Reads the rows of a burst, in their order. It began at this moment on the clock on the wall, which
/// is that of the server as well.
pub(super) fn responses(rows: &[Row], began: SystemTime) -> Result<Vec<Response>, AnswerError> {
    let since_1970 = began.duration_since(UNIX_EPOCH).unwrap_or_default();
    let began_of_day_ns = u64::try_from(since_1970.as_nanos()).unwrap_or(0) % DAY_NS;
    rows.iter()
        .map(|row| response(row, began_of_day_ns))
        .collect()
}

/// From one time of day to another, of which midnight is one like any other; none if it is back.
const fn from_to_ns(from_ns: u64, to_ns: u64) -> u64 {
    let later_ns = (to_ns + DAY_NS - from_ns) % DAY_NS;
    if later_ns > DAY_NS / 2 { 0 } else { later_ns }
}

fn response(row: &Row, began_of_day_ns: u64) -> Result<Response, AnswerError> {
    let request = row.index + 1;
    if let Some(failure) = row.failure() {
        return Err(AnswerError::Failed { request, failure });
    }
    let body = row.body.as_deref().unwrap_or_default();
    let unreadable = |reason: String| AnswerError::Unreadable {
        request,
        reason,
        body: String::from_utf8_lossy(body).chars().take(60).collect(),
    };
    let answer: Answer =
        serde_json::from_slice(body).map_err(|error| unreadable(error.to_string()))?;
    let started_of_day_ns = time_of_day_ns(&answer.started)
        .ok_or_else(|| unreadable(format!("{:?} is no time", answer.started)))?;
    Ok(Response {
        request,
        pid: answer.pid,
        parent_pid: answer.ppid,
        thread_id: answer.thread_id,
        sent_ns: row.sent_ns.unwrap_or(row.intended_ns),
        started_ns: from_to_ns(began_of_day_ns, started_of_day_ns),
        elapsed_ns: whole_ns(answer.elapsed_s),
        response_ns: row.latency_ns(),
        cpu_ns: answer.cpu_s.map(whole_ns),
        queue_ns: answer.queue_s.map(whole_ns),
    })
}

/// The time of day of `2026-01-31T12:34:56.123456Z`.
fn time_of_day_ns(timestamp: &str) -> Option<u64> {
    let (_, time) = timestamp.strip_suffix('Z')?.split_once('T')?;
    let mut fields = time.split(':');
    let mut field = || fields.next()?.parse::<u64>().ok();
    let (hour, minute) = (field()?, field()?);
    let second: f64 = fields.next()?.parse().ok()?;
    let is_time = hour < 24 && minute < 60 && (0.0..61.0).contains(&second);
    (is_time && fields.next().is_none())
        .then(|| (hour * 60 + minute) * 60_000_000_000 + whole_ns(second))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a time that no clock reaches saturates, and none is negative"
)]
fn whole_ns(seconds: f64) -> u64 {
    (seconds * 1e9).round() as u64
}

#[cfg(test)]
mod tests {
    use super::{AnswerError, Response, responses, time_of_day_ns};
    use crate::load::{Failure, Row};
    use std::time::{Duration, UNIX_EPOCH};

    /// A row of a burst with this answer, sent and completed at these microseconds.
    fn row(index: u64, sent_us: u64, ended_us: u64, answer: Result<&str, Failure>) -> Row {
        Row {
            index,
            target: 0,
            intended_ns: 0,
            sent_ns: Some(sent_us * 1000),
            ended_ns: ended_us * 1000,
            answer: answer.map(|_| 200),
            body_bytes: 0,
            body: answer.ok().map(|body| body.as_bytes().to_vec()),
        }
    }

    fn answer(started: &str) -> String {
        format!(
            r#"{{"pid":7,"ppid":6,"thread_id":8,"started":"{started}","finished":"",
            "elapsed_s":0.25,"cpu_s":0.125,"queue_s":0.5}}"#
        )
    }

    /// When a handler began that says so, in microseconds after 00:00:00.5 on this day since 1970.
    #[track_caller]
    fn check_start(day: u32, started: &str, expected_us: u64) {
        let body = answer(started);
        let began = UNIX_EPOCH + Duration::from_secs(86_400) * day + Duration::from_millis(500);
        let responses = responses(&[row(0, 0, 900, Ok(&body))], began).unwrap();
        assert_eq!(responses[0].started_ns, expected_us * 1000);
    }

    #[test]
    fn handlers_begin_on_the_clock_of_the_burst() {
        check_start(0, "1970-01-01T00:00:00.500000Z", 0);
        check_start(0, "1970-01-01T00:00:00.500123Z", 123);
        check_start(20_000, "2024-10-04T00:01:00.500000Z", 60_000_000);
        // A clock that was set back.
        check_start(1, "1970-01-02T00:00:00.400000Z", 0);
    }

    #[test]
    fn midnight_is_a_moment_like_any_other() {
        let before_midnight = UNIX_EPOCH + Duration::from_millis(86_400_000 - 1);
        let body = answer("1970-01-02T00:00:00.001000Z");
        let responses = responses(&[row(0, 0, 900, Ok(&body))], before_midnight).unwrap();
        assert_eq!(responses[0].started_ns, 2_000_000);
    }

    #[test]
    fn an_answer_says_who_gave_it() {
        let body = answer("1970-01-01T00:00:00.000030Z");
        let read = responses(&[row(4, 20, 900, Ok(&body))], UNIX_EPOCH).unwrap();
        let expected = Response {
            request: 5,
            pid: 7,
            parent_pid: 6,
            thread_id: 8,
            sent_ns: 20_000,
            started_ns: 30_000,
            elapsed_ns: 250_000_000,
            response_ns: 900_000,
            cpu_ns: Some(125_000_000),
            queue_ns: Some(500_000_000),
        };
        assert_eq!(read, std::slice::from_ref(&expected));
        // A wait that ends after the handler, by the rounding of two clocks, ends with it.
        assert_eq!(read[0].work_began_ns(), expected.finished_ns());
    }

    #[test]
    fn what_failed_or_is_not_from_the_application_is_an_error() {
        let failed = responses(&[row(0, 0, 1, Err(Failure::Reset))], UNIX_EPOCH);
        let expected = AnswerError::Failed {
            request: 1,
            failure: Failure::Reset,
        };
        assert_eq!(failed, Err(expected));
        for body in ["hello", "{}", &answer("yesterday")] {
            let error = responses(&[row(0, 0, 1, Ok(body))], UNIX_EPOCH).unwrap_err();
            assert!(matches!(error, AnswerError::Unreadable { request: 1, .. }));
        }
    }

    #[test]
    fn times_of_day() {
        let ns = |text| time_of_day_ns(text);
        assert_eq!(ns("2026-01-31T00:00:01.000001Z"), Some(1_000_001_000));
        assert_eq!(ns("2026-01-31T01:01:00Z"), Some(3_660_000_000_000));
        for bad in ["", "12:00:00", "2026-01-31T24:00:00Z", "2026-01-31T12:00Z"] {
            assert_eq!(ns(bad), None, "{bad}");
        }
    }
}
