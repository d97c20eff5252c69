//! What is counted, and what the table shows, in one process.

use super::*;

fn activity() -> Arc<Activity> {
    Arc::new(Activity::new().unwrap())
}

fn begin(activity: &Arc<Activity>, path: &str) -> RequestGuard {
    activity.begin(activity.next_number(), "GET", path, "id-1")
}

#[test]
fn connections_and_slots_are_counted() {
    let activity = activity();
    for _ in 0..3 {
        activity.connection_opened();
        activity.slot_started();
    }
    activity.connection_closed();
    activity.connection_refused();
    activity.slot_ended(false);
    activity.slot_ended(true);
    activity.set_parked(7);
    activity.set_waiting(5);
    let counted = activity.snapshot();
    assert_eq!(counted.connections_accepted, 3);
    assert_eq!(counted.connections_open, 2);
    assert_eq!(counted.connections_refused, 1);
    assert_eq!(counted.connections_parked, 7);
    assert_eq!(counted.connections_waiting, 5);
    assert_eq!(activity.waiting(), 5);
    assert_eq!(counted.slots_started, 3);
    assert_eq!((counted.slots_ended, counted.slots_killed), (2, 1));
}

#[test]
fn what_was_never_opened_is_not_closed() {
    let activity = activity();
    activity.connection_closed();
    assert_eq!(activity.snapshot().connections_open, 0);
}

#[test]
fn an_answer_counts_by_its_class_and_in_the_histogram() {
    let activity = activity();
    for (status, class) in [(200, 1), (204, 1), (404, 3), (503, 4), (999, 4), (0, 0)] {
        let before = activity.snapshot().answered[class];
        begin(&activity, "/").answered(status);
        let after = activity.snapshot().answered[class];
        assert_eq!(after, before + 1, "status {status}");
    }
    let counted = activity.snapshot();
    assert_eq!(counted.latency.count, 6);
    assert_eq!(
        (counted.requests_in_flight, counted.requests_abandoned),
        (0, 0)
    );
}

#[test]
fn a_bucket_ends_at_its_bound() {
    let activity = activity();
    let histogram = &activity.board.latency;
    for elapsed in [
        Duration::ZERO,
        Duration::from_millis(1),
        Duration::from_nanos(1_000_001),
        Duration::from_secs(60),
        Duration::from_secs(61),
    ] {
        histogram.record(nanoseconds(elapsed));
    }
    let latency = histogram.snapshot();
    let at_most = |bound: Duration| {
        let found = latency.at_most.iter().find(|(it, _)| *it == bound);
        found.unwrap().1
    };
    assert_eq!(at_most(Duration::from_millis(1)), 2);
    assert_eq!(at_most(Duration::from_micros(2_500)), 3);
    assert_eq!(at_most(Duration::from_secs(30)), 3);
    assert_eq!(at_most(Duration::from_secs(60)), 4);
    assert_eq!(latency.count, 5);
    assert_eq!(latency.sum, Duration::from_nanos(121_002_000_001));
}

#[test]
fn a_request_without_an_answer_was_abandoned() {
    let activity = activity();
    drop(begin(&activity, "/left"));
    let counted = activity.snapshot();
    assert_eq!(counted.requests_abandoned, 1);
    assert_eq!(counted.requests_in_flight, 0);
    assert_eq!(counted.latency.count, 0);
}

#[test]
fn the_table_shows_requests_from_beginning_to_end() {
    let activity = activity();
    let first = begin(&activity, "/first?ms=1");
    let second = begin(&activity, "/second");
    let rows = activity.live_requests();
    let paths: Vec<&str> = rows.iter().map(|row| row.path.as_str()).collect();
    assert_eq!(paths, ["/first?ms=1", "/second"]);
    assert!(rows[0].number < rows[1].number);
    assert_eq!(
        (rows[0].method.as_str(), rows[0].id.as_str()),
        ("GET", "id-1")
    );
    assert_eq!(rows[0].pid, std::process::id());
    assert!(rows[0].age >= rows[1].age);
    drop(first);
    let rows = activity.live_requests();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].path, "/second");
    drop(second);
    assert_eq!(activity.live_requests(), []);
}

#[test]
fn what_is_long_is_cut() {
    let activity = activity();
    let path = "/é".repeat(300);
    let id = "x".repeat(300);
    let _long = activity.begin(1, "PROPFIND", &path, &id);
    let rows = activity.live_requests();
    assert_eq!(rows[0].method, "PROPFIND");
    assert!(rows[0].path.starts_with("/é/é"), "{}", rows[0].path);
    assert_eq!(rows[0].path.chars().filter(|it| *it == '/').count(), 32);
    assert_eq!(rows[0].id, "x".repeat(64));
    drop(activity.begin(2, &"M".repeat(300), "/", ""));
}

#[test]
fn a_table_that_is_full_still_counts() {
    let activity = activity();
    let requests: Vec<RequestGuard> = (0..1500).map(|_| begin(&activity, "/")).collect();
    let counted = activity.snapshot();
    let listed = activity.live_requests().len() as u64;
    assert_eq!(counted.requests_in_flight, 1500);
    assert_eq!(counted.requests_unlisted, 1500 - listed);
    assert!((64..=1024).contains(&listed), "{listed} rows");
    drop(requests);
    let counted = activity.snapshot();
    assert_eq!(
        (counted.requests_in_flight, counted.requests_unlisted),
        (0, 0)
    );
}

#[test]
fn threads_share_the_table_and_readers_see_whole_rows() {
    const REQUESTS: usize = 20_000;
    let activity = activity();
    let serve = |path: &'static str, id: &'static str| {
        let activity = Arc::clone(&activity);
        move || {
            for _ in 0..REQUESTS {
                let mut request = activity.begin(activity.next_number(), "GET", path, id);
                request.answered(200);
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(serve(
            "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "aaaaaaaaaaaaaaaa",
        ));
        let others = scope.spawn(serve("/b", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"));
        while !others.is_finished() {
            for row in activity.live_requests() {
                let whole = row.path[1..].chars().chain(row.id.chars());
                let kinds: std::collections::BTreeSet<char> = whole.collect();
                assert_eq!(kinds.len(), 1, "{row:?}");
            }
        }
    });
    let counted = activity.snapshot();
    assert_eq!(counted.answered[1], 2 * REQUESTS as u64);
    assert_eq!(counted.requests_in_flight, 0);
}

#[test]
fn everything_counted_is_exported() {
    let activity = activity();
    activity.connection_opened();
    activity.cpu_used(Duration::from_millis(1_500));
    begin(&activity, "/").answered(200);
    let mut text = String::new();
    activity.snapshot().write_openmetrics(&mut text).unwrap();
    for line in [
        "millicore_connections_accepted_total 1",
        "millicore_connections_open 1",
        "millicore_http_requests_total{status=\"2xx\"} 1",
        "millicore_http_request_cpu_seconds_total 1.5",
        "millicore_http_request_duration_seconds_bucket{le=\"60.0\"} 1",
        "millicore_http_request_duration_seconds_bucket{le=\"+Inf\"} 1",
        "millicore_http_request_duration_seconds_count 1",
    ] {
        assert!(
            text.lines().any(|it| it == line),
            "{line} is not in\n{text}"
        );
    }
}
