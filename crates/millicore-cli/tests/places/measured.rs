//! The figures of experiments that come back from a place.

use crate::{alone, json, places};
use serde_json::Value;

/// CPU time was counted, and periods: at least those that so much CPU time takes at 500m. What is
/// shorter than one can lie between the ends of two.
#[track_caller]
fn check_counters(counters: &Value, least_cpu_s: f64) {
    let number = |key: &str| counters[key].as_f64().unwrap();
    assert!(number("cpu_s") >= least_cpu_s, "{counters}");
    assert!(
        number("periods") >= (least_cpu_s / 0.05 - 1.0).floor(),
        "{counters}"
    );
    assert!(
        number("throttled_periods") <= number("periods"),
        "{counters}"
    );
}

#[test]
fn requests_are_divided_in_every_place() {
    let _alone = alone();
    for place in places() {
        let report = json(&format!(
            "lab divide --in {place} --cpu 500m --size 20ms --repeat 1"
        ));
        assert_eq!(report["place"], place);
        assert_eq!(report["limit_m"], 500);
        assert_eq!(report["cores"], 1, "as many as half a core keeps busy");
        // Twelve requests of twenty milliseconds.
        check_counters(&report["counters"], 0.2);
        let policies = report["policies"].as_array().unwrap();
        let theory: Vec<f64> = policies
            .iter()
            .map(|it| it["closed_form_mean_s"].as_f64().unwrap())
            .collect();
        assert_eq!(theory, [0.1, 0.16, 0.1], "{place}");
        // More than they have cannot be given to them, whatever else the machine does.
        for policy in policies {
            let responses = policy["response_s"].as_array().unwrap();
            let last_s = responses.iter().filter_map(Value::as_f64);
            assert!(last_s.fold(0.0, f64::max) > 0.1, "{place}: {policy}");
        }
    }
}

#[test]
fn servers_are_asked_in_every_place() {
    let _alone = alone();
    for place in places() {
        let report = json(&format!(
            "lab concurrency --in {place} --cpu 500m --requests 2 --only spin --size 20ms --policy fifo"
        ));
        assert_eq!(report["place"], place);
        assert_eq!(report["limit_m"], 500);
        let servers = report["parts"][0]["servers"].as_array().unwrap();
        let models = ["sync", "threads", "forks", "prefork", "scheduled"];
        for model in models {
            assert!(servers.iter().any(|it| it["model"] == model), "{model}");
        }
        for server in servers {
            assert_eq!(server["limit_m"], 500);
            check_counters(&server["counters"], 0.03);
        }
    }
}

#[test]
fn places_say_what_they_can_do() {
    let report = json("lab places");
    let usable = places();
    let listed = report["places"].as_array().unwrap();
    let names: Vec<&str> = listed
        .iter()
        .map(|it| it["place"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["process", "cgroup", "docker"]);
    for place in listed {
        let name = place["place"].as_str().unwrap();
        assert_eq!(place["usable"], name == "process" || usable.contains(&name));
        let has_limits = usable.contains(&name);
        assert_eq!(place["floor_m"] == 1, has_limits, "{place}");
        assert_eq!(place["live_update"] == true, has_limits, "{place}");
        assert_ne!(
            place["kept_by"].is_null(),
            place["why"].is_null(),
            "{place}"
        );
    }
}
