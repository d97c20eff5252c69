//! `/metrics`, line by line, in both formats.

use super::*;

/// A family: its type, and the names of its samples.
type Families = std::collections::BTreeMap<String, (String, Vec<String>)>;

/// Reads the text as strictly as the formats are written, and returns what is in it.
#[track_caller]
fn parse(text: &str) -> Families {
    let mut families = Families::new();
    let mut current = String::new();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.last(), Some(&"# EOF"));
    for line in &lines[..lines.len() - 1] {
        if let Some(head) = line.strip_prefix("# TYPE ") {
            let (name, kind) = head.split_once(' ').unwrap();
            assert!(!families.contains_key(name), "{name} comes twice");
            families.insert(name.to_owned(), (kind.to_owned(), Vec::new()));
            name.clone_into(&mut current);
        } else if let Some(help) = line.strip_prefix("# HELP ") {
            assert_eq!(help.split(' ').next(), Some(current.as_str()), "{line}");
        } else {
            let (sample, value) = line.rsplit_once(' ').unwrap();
            let value: f64 = value.parse().unwrap();
            assert!(value >= 0.0, "{line}");
            let name = sample.split('{').next().unwrap();
            assert!(name.starts_with(&current), "{line} stands below {current}");
            families
                .get_mut(&current)
                .unwrap()
                .1
                .push(sample.to_owned());
        }
    }
    families
}

#[track_caller]
fn metrics(server: &Server, accept: &str) -> (String, Families) {
    let answer = server.send(Method::GET, "/metrics", &[("accept", accept)]);
    assert_eq!(answer.status, 200);
    let kind = answer.headers["content-type"].to_str().unwrap();
    (kind.to_owned(), parse(answer.text()))
}

fn servers() -> [Server; 2] {
    let compute = Compute::on(scheduled::executor(&Policy::fair()));
    [
        Server::blocking(),
        Server::new(ConcurrencyModel::Scheduled, compute, false),
    ]
}

#[test]
fn open_metrics_are_given_to_who_asks_for_them() {
    for server in servers() {
        let accept = "application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1";
        let (kind, families) = metrics(&server, accept);
        assert_eq!(
            kind,
            "application/openmetrics-text; version=1.0.0; charset=utf-8"
        );
        for (name, (kind, samples)) in &families {
            let ends_well = |sample: &String| {
                let sample = sample.split('{').next().unwrap();
                match (kind.as_str(), &sample[name.len()..]) {
                    ("counter", end) => end == "_total",
                    ("gauge", end) => end.is_empty(),
                    ("histogram", end) => ["_bucket", "_sum", "_count"].contains(&end),
                    (other, _) => panic!("{name} is a {other}"),
                }
            };
            assert!(samples.iter().all(ends_well), "{name}: {samples:?}");
        }
    }
}

#[test]
fn everybody_else_gets_the_older_format() {
    for server in servers() {
        let (kind, families) = metrics(&server, "*/*");
        assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
        for (name, (kind, samples)) in &families {
            let is_counter = kind == "counter";
            assert_eq!(name.ends_with("_total"), is_counter, "{name}");
            let named_alike = |sample: &String| sample.split('{').next() == Some(name);
            let alike = samples.iter().all(named_alike);
            assert_eq!(alike, kind != "histogram", "{name}: {samples:?}");
        }
    }
}

#[test]
fn the_executor_is_in_them_where_there_is_one() {
    let has_cores = servers().map(|server| {
        let (_, families) = metrics(&server, "");
        families.contains_key("millicore_core_busy_seconds_total")
    });
    assert_eq!(has_cores, [false, true]);
}

#[test]
fn buckets_only_grow() {
    let server = Server::blocking();
    for _ in 0..5 {
        server.get("/healthz");
    }
    let answer = server.get("/metrics");
    let counts: Vec<u64> = answer
        .text()
        .lines()
        .filter(|line| line.starts_with("millicore_http_request_duration_seconds_bucket"))
        .map(|line| line.rsplit_once(' ').unwrap().1.parse().unwrap())
        .collect();
    assert_eq!((counts.len(), counts.last()), (16, Some(&5)));
    assert!(counts.is_sorted(), "{counts:?}");
}

#[test]
fn they_are_served_where_they_are_wanted() {
    let settings = |serves_metrics| ApplicationSettings {
        model: ConcurrencyModel::Threads,
        trust_scheduling_headers: false,
        serves_metrics,
        activity: Arc::new(Activity::new().unwrap()),
        draining: Draining::new(),
    };
    let status = |mut application: Application, target: &str| {
        block_on(application.call(get_request(target)))
            .unwrap()
            .status()
    };
    for (serves_metrics, expected) in [(true, 200), (false, 404)] {
        let application = Application::new(settings(serves_metrics));
        assert_eq!(status(application, "/metrics"), expected);
        let alone = Application::metrics_only(settings(serves_metrics));
        assert_eq!(status(alone.clone(), "/metrics"), 200);
        assert_eq!(status(alone, "/requests"), 404);
    }
}
