//! What can be planned, and what is refused.

use super::{Arrivals, Extent, Plan, Wishes};
use crate::load::{Order, Protocol};

fn wishes(flags: &[(&str, &str)]) -> Wishes {
    let mut wishes = Wishes {
        urls: vec!["http://localhost/".to_owned()],
        ..Wishes::default()
    };
    for (flag, value) in flags {
        let value = Some((*value).to_owned());
        match *flag {
            "--url" => wishes.weighted_urls.extend(value),
            "-n" => wishes.requests = value,
            "-c" => wishes.connections = value,
            "--at-once" => wishes.at_once = value,
            "--rate" => wishes.rate = value,
            "--arrivals" => wishes.arrivals = value,
            "--seed" => wishes.seed = value,
            "--duration" => wishes.duration = value,
            "--order" => wishes.order = value,
            "--timeout" => wishes.timeout = value,
            "--method" => wishes.method = value,
            "-H" => wishes.headers.extend(value),
            "--body" => wishes.body = value.map(String::into_bytes),
            "--expect" => wishes.expect.extend(value),
            _ => panic!("no flag is called {flag}"),
        }
    }
    wishes
}

#[track_caller]
fn check(flags: &[(&str, &str)], arrivals: Arrivals, requests: Option<u64>, duration_s: u64) {
    let plan = Plan::new(&wishes(flags)).unwrap();
    let extent = Extent {
        requests,
        duration_ns: Some(duration_s * 1_000_000_000).filter(|ns| *ns > 0),
    };
    assert_eq!((plan.arrivals, plan.extent), (arrivals, extent));
}

#[track_caller]
fn check_refused(flags: &[(&str, &str)], expected: &str) {
    let error = Plan::new(&wishes(flags)).unwrap_err().to_string();
    assert!(error.starts_with(expected), "{error}");
}

#[test]
fn a_closed_loop_is_the_default() {
    let closed = |connections| Arrivals::Closed { connections };
    check(&[], closed(10), Some(200), 0);
    check(&[("-n", "5"), ("-c", "3")], closed(3), Some(5), 0);
    check(&[("--duration", "2s")], closed(10), None, 2);
    check(&[("--duration", "2s"), ("-n", "9")], closed(10), Some(9), 2);
    let plan = Plan::new(&wishes(&[])).unwrap();
    assert_eq!((plan.order, plan.protocol), (Order::Sent, Protocol::Http1));
    assert_eq!(
        (plan.method.as_str(), plan.timeout_ns),
        ("GET", 30_000_000_000)
    );
}

#[test]
fn a_burst_and_an_open_loop_say_when() {
    check(
        &[("--at-once", "7")],
        Arrivals::AtOnce { requests: 7 },
        Some(7),
        0,
    );
    let constant = Arrivals::Constant { rate_per_s: 0.5 };
    check(&[("--rate", "0.5"), ("-n", "3")], constant, Some(3), 0);
    check(
        &[("--rate", "0.5"), ("--arrivals", "constant")],
        constant,
        Some(200),
        0,
    );
    let poisson = |seed| Arrivals::Poisson {
        rate_per_s: 100.0,
        seed,
    };
    let flags = [
        ("--rate", "100"),
        ("--arrivals", "poisson"),
        ("--duration", "1s"),
    ];
    check(&flags, poisson(1), None, 1);
    check(
        &[&flags[..], &[("--seed", "7")]].concat(),
        poisson(7),
        None,
        1,
    );
}

#[test]
fn what_contradicts_itself_is_refused_with_the_reason() {
    let burst = ("--at-once", "7");
    check_refused(
        &[burst, ("-n", "7")],
        "--at-once does not go with -n: it says itself",
    );
    check_refused(
        &[burst, ("-c", "7")],
        "--at-once does not go with -c: it opens as many",
    );
    for other in ["--rate", "--duration", "--arrivals", "--seed"] {
        let expected = format!("--at-once does not go with {other}: its requests all start");
        check_refused(&[burst, (other, "1")], &expected);
    }
    let rate = ("--rate", "10");
    check_refused(
        &[rate, ("-c", "7")],
        "--rate does not go with -c: it opens as many",
    );
    check_refused(
        &[("--arrivals", "poisson")],
        "--arrivals says something only beside --rate",
    );
    check_refused(
        &[("--seed", "1")],
        "--seed says something only beside --rate",
    );
    check_refused(
        &[rate, ("--seed", "1")],
        "--seed says something only beside --arrivals poisson",
    );
}

#[test]
fn numbers_and_times_have_a_range() {
    for flag in ["-n", "-c", "--at-once"] {
        for bad in ["0", "-1", "1.5", "", "many", "99999999999999999999"] {
            let expected = format!("{flag} {bad}: give a whole number from 1 to 1");
            check_refused(&[(flag, bad)], &expected);
        }
    }
    for bad in [
        "0", "-1", "inf", "nan", "1e3", "", "fast", "1000001", "0.0001",
    ] {
        let expected = format!("--rate {bad}: give the number of requests that start each second");
        check_refused(&[("--rate", bad)], &expected);
    }
    for (flag, longest) in [("--duration", "604800s"), ("--timeout", "3600s")] {
        for bad in ["0", "9ns", "9000000s"] {
            let expected = format!("{flag} {bad}: give 1us to {longest}");
            check_refused(&[(flag, bad)], &expected);
        }
        let expected = format!("{flag} soon: a duration is a number");
        check_refused(&[(flag, "soon")], &expected);
    }
}

#[test]
fn words_are_those_that_are_known() {
    check_refused(
        &[("--order", "random")],
        "--order random: the known ones are sent, completed",
    );
    let flags = [("--rate", "1"), ("--arrivals", "bursty")];
    check_refused(
        &flags,
        "--arrivals bursty: the known ones are constant, poisson",
    );
    for bad in ["", "GE T", "CONNECT"] {
        check_refused(
            &[("--method", bad)],
            &format!("--method {bad}: a method is a word"),
        );
    }
    for bad in ["no colon", ": empty", "two words: 1", "X: \u{7f}"] {
        check_refused(
            &[("-H", bad)],
            &format!("-H {bad}: a header is 'NAME: VALUE'"),
        );
    }
    for name in ["content-length", "Transfer-Encoding"] {
        let header = format!("{name}: 1");
        let expected = format!("-H {}: it follows from the body", name.to_lowercase());
        check_refused(&[("-H", &header)], &expected);
    }
    check_refused(
        &[("--expect", "p99<100ms,ok")],
        "--expect ok: an expectation is a figure",
    );
    check_refused(
        &[("--url", "http://localhost/")],
        "http://localhost/: a weighted URL is",
    );
}

#[test]
fn somewhere_to_go_is_needed() {
    let nowhere = Plan::new(&Wishes::default()).unwrap_err().to_string();
    assert!(
        nowhere.starts_with("give a URL, such as http://"),
        "{nowhere}"
    );
    let plan = Plan::new(&wishes(&[("--url", "3=http://localhost/b")])).unwrap();
    let targets = plan.targets.iter().map(|it| (it.path.as_str(), it.weight));
    assert_eq!(targets.collect::<Vec<_>>(), [("/", 1), ("/b", 3)]);
}

#[test]
fn a_body_makes_it_a_post() {
    let method = |flags: &[(&str, &str)]| Plan::new(&wishes(flags)).unwrap().method;
    assert_eq!(method(&[("--body", "")]), "POST");
    assert_eq!(method(&[("--body", "x"), ("--method", "PUT")]), "PUT");
}
