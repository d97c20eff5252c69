//! What a report says of made-up outcomes.

use super::Report;
use crate::load::failure::Failure;
use crate::load::generator::GeneratorUse;
use crate::load::latency::Latencies;
use crate::load::plan::{Plan, Wishes};
use crate::load::recorder::Row;
use crate::load::run::Outcome;
use crate::machine::MachineState;
use serde_json::Value;

const MILLISECOND_NS: u64 = 1_000_000;

fn latencies(all_ms: &[u64], censored_ms: &[u64]) -> Latencies {
    let mut latencies = Latencies::default();
    all_ms
        .iter()
        .for_each(|ms| latencies.record(ms * MILLISECOND_NS));
    censored_ms
        .iter()
        .for_each(|ms| latencies.record_censored(ms * MILLISECOND_NS));
    latencies
}

/// Three requests of which one was answered, one refused by the server and one given up.
fn outcome() -> Outcome {
    let answers = [Ok(200), Ok(503), Err(Failure::Timeout)];
    let rows = (0..3).zip(answers).map(|(index, answer)| Row {
        index,
        target: 0,
        intended_ns: 0,
        sent_ns: Some(1000 * index),
        ended_ns: 100 * (index + 1) * MILLISECOND_NS,
        answer,
        body_bytes: 2,
        body: None,
    });
    let failed = [("status 503", 1), ("timeout", 1)];
    Outcome {
        asked: 3,
        sent: 3,
        ok: 1,
        failed: failed.map(|(kind, count)| (kind.to_owned(), count)).into(),
        began: std::time::UNIX_EPOCH,
        wall_ns: 300 * MILLISECOND_NS,
        spread_ns: Some(2000),
        latency: latencies(&[100], &[300]),
        latency_from_send: latencies(&[100], &[300]),
        lateness: latencies(&[0, 0, 0], &[]),
        body_bytes: 6,
        first_malformed: None,
        rows: rows.collect(),
        rows_left_out: 0,
        connections_opened: 3,
        resent: 0,
        was_stopped: false,
        generator: GeneratorUse {
            cpu_ns: 3 * MILLISECOND_NS,
            waited_for_core_ns: Some(0),
            wall_ns: 300 * MILLISECOND_NS,
        },
    }
}

fn report(outcome: Outcome, is_burst: bool, expect: &str) -> Report {
    let wishes = Wishes {
        urls: vec!["http://localhost/a,b".to_owned()],
        at_once: is_burst.then(|| "3".to_owned()),
        rate: (!is_burst).then(|| "10".to_owned()),
        expect: Some(expect.to_owned())
            .filter(|it| !it.is_empty())
            .into_iter()
            .collect(),
        ..Wishes::default()
    };
    Report::new(Plan::new(&wishes).unwrap(), MachineState::read(), outcome)
}

#[test]
fn json_has_the_documented_shape() {
    let report = report(outcome(), true, "p99<1s");
    let json: Value = serde_json::from_str(&report.to_json().unwrap()).unwrap();
    let expected = serde_json::json!({
        "schema": 1, "asked": 3, "sent": 3, "ok": 1, "failed": {"status 503": 1, "timeout": 1},
        "spread_s": 2e-6, "wall_s": 0.3, "stopped": false, "requests_left_out": 0,
        "arrivals": {"kind": "at_once"}, "http": "1.1", "method": "GET",
    });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&json[key], value, "{key}");
    }
    assert!((json["rate_per_s"].as_f64().unwrap() - 1.0 / 0.3).abs() < 1e-9);
    let latency = &json["latency_s"];
    let p50 = latency["p50"].as_f64().unwrap();
    assert!((p50 / 0.1 - 1.0).abs() < 0.001, "{p50}");
    assert_eq!(latency["max"], 0.3);
    assert_eq!(latency["mean"], 0.2);
    assert_eq!(
        latency["at_least"],
        serde_json::json!(["mean", "p90", "p99", "max"])
    );
    let last = serde_json::json!({
        "index": 2, "url": "http://localhost/a,b", "intended_s": 0.0, "sent_s": 2e-6,
        "latency_s": 0.3, "latency_from_send_s": 0.299998, "status": null, "failure": "timeout",
        "bytes": 2,
    });
    assert_eq!(json["requests"][2], last);
    assert_eq!(json["expectations"][0]["met"], false);
}

#[test]
fn csv_has_a_row_for_each_request() {
    let expected = "\
index,url,intended_s,sent_s,latency_s,latency_from_send_s,status,failure,bytes
0,\"http://localhost/a,b\",0.000000000,0.000000000,0.100000000,0.100000000,200,,2
1,\"http://localhost/a,b\",0.000000000,0.000001000,0.200000000,0.199999000,503,status 503,2
2,\"http://localhost/a,b\",0.000000000,0.000002000,0.300000000,0.299998000,,timeout,2
";
    assert_eq!(report(outcome(), true, "").to_csv(), expected);
}

#[test]
fn the_table_fits_eighty_columns_and_marks_lower_bounds() {
    let table = report(outcome(), true, "p50<1s,failed<1%").to_table();
    assert!(
        table.lines().all(|line| line.chars().count() <= 80),
        "{table}"
    );
    for expected in [
        "3 requests at once, HTTP/1.1, timeout 30s\nGET http://localhost/a,b\n",
        "requests   3 asked, 3 sent, 1 ok, 2 failed\n",
        "failed     1 status 503, 1 timeout\n",
        "spread     2us from the first to the last departure\n",
        "from the intended start  >= 200ms  100ms  >= 300ms  >= 300ms  >= 300ms\n",
        "expected  p50<1s     met: 100ms\n",
        "expected  failed<1%  MISSED: 66.667 %\n",
        "      3        0s   2us  >= 300ms      2  timeout\n",
    ] {
        assert!(table.contains(expected), "{expected} is not in:\n{table}");
    }
}

/// The notes on an outcome changed like this: the one that contains `expected`, or none if that is
/// empty.
#[track_caller]
fn check_note(is_burst: bool, change: impl Fn(&mut Outcome), expected: &str) {
    let mut outcome = outcome();
    (outcome.latency, outcome.latency_from_send) = (latencies(&[100], &[]), latencies(&[100], &[]));
    change(&mut outcome);
    let notes = report(outcome, is_burst, "").notes();
    let is_as_expected = match expected.is_empty() {
        true => notes.is_empty(),
        false => notes.len() == 1 && notes[0].contains(expected),
    };
    assert!(is_as_expected, "{expected}: {notes:?}");
}

#[test]
fn notes_say_where_the_generator_was_the_limit() {
    check_note(true, |_| (), "");
    let busy = |ms: u64| move |it: &mut Outcome| it.generator.cpu_ns = ms * MILLISECOND_NS;
    check_note(true, busy(269), "");
    check_note(
        true,
        busy(280),
        "The generator was the limit: it used 93 % of the core",
    );
    let waited = |ms: u64| {
        move |it: &mut Outcome| it.generator.waited_for_core_ns = Some(ms * MILLISECOND_NS)
    };
    check_note(true, waited(14), "");
    check_note(true, waited(60), "waited for a core 20 % of the time");
    let late = |ms: u64| move |it: &mut Outcome| it.lateness = latencies(&[ms], &[]);
    check_note(false, late(9), "");
    check_note(
        false,
        late(11),
        "one request in a hundred started 11ms or more after its time",
    );
    check_note(
        true,
        |it| it.sent = 1,
        "Of 3 requests asked for, 2 never left",
    );
    let no_descriptor = |it: &mut Outcome| _ = it.failed.insert("descriptors".to_owned(), 2);
    check_note(true, no_descriptor, "2 requests found no descriptor");
}

#[test]
fn notes_say_what_spoils_the_figures() {
    let spread = |us: u64| move |it: &mut Outcome| it.spread_ns = Some(us * 1000);
    check_note(true, spread(900), "");
    check_note(
        true,
        spread(1100),
        "spread over 1.1ms, 1.1 % of the shortest latency.",
    );
    check_note(
        true,
        spread(200_000),
        "the server's queue of connections (its backlog) is shorter",
    );
    let shifted = |ms: u64| move |it: &mut Outcome| it.latency_from_send = latencies(&[ms], &[]);
    check_note(false, shifted(96), "");
    check_note(
        false,
        shifted(60),
        "40 % of the latency passed before the request left: 0s until the generator",
    );
    check_note(
        true,
        |it| it.rows_left_out = 5000,
        "The 5000 requests are not listed",
    );
    check_note(true, |it| it.resent = 1, "1 request was sent again");
    check_note(true, |it| it.was_stopped = true, "stopped before its end");
    let censored = |it: &mut Outcome| it.latency = latencies(&[100], &[100]);
    check_note(true, censored, "1 request was given up without an answer");
}

#[track_caller]
fn check_expectation(text: &str, is_met: bool, measured: &str) {
    let report = report(outcome(), true, text);
    let judgement = &report.judgements[0];
    assert_eq!(
        (judgement.is_met, judgement.measured.as_str()),
        (is_met, measured),
        "{text}"
    );
    assert_eq!(report.is_as_expected(), is_met);
}

#[test]
fn expectations_are_held_against_what_was_measured() {
    check_expectation("p50<101ms", true, "100ms");
    check_expectation("p50<99.9ms", false, "100ms");
    check_expectation("p50<=100.1ms", true, "100ms");
    check_expectation("p50>100.1ms", false, "100ms");
    check_expectation("p50 >= 100ms", true, "100ms");
    check_expectation("ok=1", true, "1");
    check_expectation("failed=0", false, "2");
    check_expectation("fail<70%", true, "66.667 %");
    check_expectation("failed%<66.6", false, "66.667 %");
    check_expectation("ok>=33%", true, "33.333 %");
    check_expectation("rate>3.3", true, "3.3");
    check_expectation("sent=3", true, "3");
    check_expectation("spread<1ms", true, "2us");
}

#[test]
fn a_lower_bound_is_below_nothing() {
    check_expectation("p99<10s", false, ">= 300ms");
    check_expectation("max=300ms", false, ">= 300ms");
    check_expectation("mean>100ms", true, ">= 200ms");
}

#[test]
fn what_was_not_measured_meets_nothing() {
    let nothing = Outcome {
        latency: Latencies::default(),
        spread_ns: None,
        ..outcome()
    };
    for text in ["p99<1s", "mean>0", "spread<1s"] {
        let report = report(nothing.clone(), true, text);
        assert!(!report.is_as_expected(), "{text}");
        assert_eq!(report.judgements[0].measured, "nothing was measured");
    }
}

#[test]
fn what_is_no_expectation_is_refused() {
    let refusal = |text: &str| {
        let wishes = Wishes {
            urls: vec!["http://localhost/".to_owned()],
            expect: vec![text.to_owned()],
            ..Wishes::default()
        };
        Plan::new(&wishes).unwrap_err().to_string()
    };
    for (text, expected) in [
        (
            "p99",
            "an expectation is a figure, one of < <= > >= =, and a bound",
        ),
        ("", "an expectation is a figure"),
        ("q99<1s", "the figures are mean, p50"),
        ("p101<1s", "the figures are mean, p50"),
        ("p99%<1", "the figures are mean, p50"),
        ("p99<1", "its bound is a time such as 100ms"),
        ("ok>many", "its bound is a number such as 100"),
        ("ok>-1", "its bound is a number such as 100"),
        ("failed<x%", "its bound is a share such as 1%"),
    ] {
        let error = refusal(text);
        assert!(
            error.starts_with(&format!("--expect {text}: {expected}")),
            "{error}"
        );
    }
}
