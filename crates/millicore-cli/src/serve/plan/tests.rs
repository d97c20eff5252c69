//! Which wishes go together, and what becomes of those that do not.

use super::*;
use crate::serve::options::by_name;
use millicore_server::scheduling::CpuTime;
use std::time::Duration;

fn limit() -> ProcessLimit {
    ProcessLimit {
        group: None,
        affinity_cores: NonZeroUsize::MIN.saturating_add(7),
        warnings: Vec::new(),
    }
}

/// A plan from a command line such as `model=forks max-children=3`.
fn plan(typed: &str) -> Result<Plan, String> {
    Plan::new(wishes(typed, &Source::CommandLine), &limit()).map_err(message)
}

fn wishes(typed: &str, source: &Source) -> Wishes {
    let mut wishes = Wishes::default();
    for word in typed.split_whitespace() {
        let (name, text) = word.split_once('=').unwrap();
        let texts = text.split('|').map(str::to_owned).collect();
        wishes.insert(by_name(name).unwrap(), texts, source.clone());
    }
    wishes
}

fn message(failure: Failure) -> String {
    match failure {
        Failure::Usage(message) => message,
        other => panic!("{other:?} is not a bad usage"),
    }
}

#[track_caller]
fn check_refused(typed: &str, expected: &str) {
    let error = plan(typed).unwrap_err();
    assert!(error.contains(expected), "{typed}: {error}");
}

#[test]
fn nothing_typed_is_the_defaults_of_the_library() {
    for model in ConcurrencyModel::ALL {
        let plan = plan(&format!("model={model}")).unwrap();
        let library = ServerSettings::new(model);
        let debug = |settings: &ServerSettings| format!("{settings:?}");
        let workers = plan.server.workers;
        assert_eq!(
            debug(&plan.server),
            debug(&ServerSettings { workers, ..library })
        );
        assert_eq!(workers, limit().cores());
        assert_eq!(
            format!("{:?}", plan.listen),
            format!("{:?}", ListenOptions::default())
        );
    }
    let plan = plan("").unwrap();
    assert_eq!(plan.server.model, ConcurrencyModel::Scheduled);
    assert_eq!(plan.scheduling, SchedulingSettings::default());
    assert_eq!(plan.binds, ["127.0.0.1:8000".parse().unwrap()]);
    assert_eq!(plan.trusted_peers, TrustedPeers::default());
    assert!(!plan.trusts_scheduling_headers);
}

#[test]
fn every_option_reaches_the_plan() {
    let plan = plan(
        "bind=a:1|unix:/b|fd://3 backlog=7 reuse-port=yes policy=srpt/one cores=3 cpu=1500m queue=9 \
         queue-timeout=2 ageing=off tenant=a=1|b=2:400m niceness=-3 trust-scheduling-headers=1 \
         max-connections=11 keep-alive=no idle-timeout=1s header-timeout=2s body-timeout=3s \
         write-timeout=4s request-timeout=5m max-head=8KiB max-headers=12 max-body=0 \
         forwarded-allow-ips=* graceful-timeout=0 drain-delay=6 metrics=off \
         access-log=a.log access-log-format=json log-level=WARN log-format=json",
    )
    .unwrap();
    let Plan {
        server,
        scheduling,
        observing,
        ..
    } = &plan;
    let connection = &server.connection;
    let seconds = Duration::from_secs;
    assert_eq!(plan.binds.len(), 3);
    assert_eq!((plan.listen.backlog, plan.listen.reuse_port), (7, true));
    assert_eq!(scheduling.policy.to_string(), "srpt/one");
    assert_eq!(scheduling.cores.map(NonZeroUsize::get), Some(3));
    assert_eq!(scheduling.cpu, CpuTime::AtMost("1.5".parse().unwrap()));
    assert_eq!(
        (scheduling.max_waiting, scheduling.max_wait),
        (Some(9), Some(seconds(2)))
    );
    assert_eq!((scheduling.ageing, scheduling.niceness), (None, -3));
    assert_eq!(scheduling.tenants[1].limit, "400m".parse().ok());
    assert!(plan.trusts_scheduling_headers && !connection.keep_alive);
    assert_eq!(server.max_connections.get(), 11);
    assert_eq!(
        (connection.idle_timeout, connection.header_timeout),
        (seconds(1), seconds(2))
    );
    assert_eq!(
        (connection.body_timeout, connection.write_timeout),
        (seconds(3), seconds(4))
    );
    assert_eq!(connection.request_timeout, Some(seconds(300)));
    assert_eq!(
        (connection.max_head_bytes, connection.max_headers),
        (8192, 12)
    );
    assert_eq!(connection.max_body_bytes, 0);
    assert_eq!(plan.trusted_peers, "*".parse().unwrap());
    assert_eq!(
        (server.graceful_timeout, server.drain_delay),
        (seconds(0), seconds(6))
    );
    assert!(!observing.metrics);
    assert_eq!(observing.access_log, AccessLog::File("a.log".into()));
    assert_eq!(observing.access_log_format, AccessLogFormat::Json);
    assert_eq!(
        (observing.log_level, observing.log_format),
        (LevelFilter::WARN, LogFormat::Json)
    );
}

#[test]
fn slots_belong_to_their_model() {
    let slots = |typed: &str| {
        let server = plan(typed).unwrap().server;
        (
            server.workers.get(),
            server.max_children.get(),
            server.max_threads.map(NonZeroUsize::get),
            server.max_requests.map(NonZeroU64::get),
        )
    };
    assert_eq!(slots("model=forks max-children=3"), (8, 3, None, None));
    assert_eq!(slots("model=threads max-threads=3"), (8, 40, Some(3), None));
    assert_eq!(slots("model=prefork workers=3"), (3, 40, None, None));
    let recycled = "model=prefork max-requests=100 max-requests-jitter=10";
    assert_eq!(slots(recycled), (8, 40, None, Some(100)));
}

#[test]
fn an_option_that_the_model_does_not_know_is_refused() {
    check_refused(
        "model=forks max-threads=4",
        "--max-threads 4: the model is --model forks, and max-threads is an option of threads: \
         leave it out, or choose another model; forks has --max-children",
    );
    check_refused("model=threads max-children=4", "threads has --max-threads");
    check_refused("model=prefork max-children=4", "prefork has --workers");
    check_refused(
        "workers=4",
        "the model is scheduled, the default, and workers is an option of",
    );
    check_refused("workers=4", "scheduled has --cores");
    check_refused("model=sync workers=4", "or choose another model");
    check_refused(
        "model=threads policy=fifo",
        "--policy fifo: the model is --model threads",
    );
    check_refused(
        "model=forks trust-scheduling-headers=true",
        "--trust-scheduling-headers: the",
    );
    for model in ConcurrencyModel::ALL {
        for option in OPTIONS.into_iter().filter(|option| !option.serves(model)) {
            check_refused(&format!("model={model} {}=1", option.name), option.name);
        }
    }
}

#[test]
fn the_refusal_names_the_place_of_both_wishes() {
    let file = Source::File {
        path: "s.toml".to_owned(),
        line: 2,
    };
    let both = wishes("max-threads=4", &Source::Environment).over(wishes("model=forks", &file));
    let error = message(Plan::new(both, &limit()).unwrap_err());
    assert!(
        error.starts_with("MILLICORE_MAX_THREADS=4 in the environment: "),
        "{error}"
    );
    assert!(
        error.contains("the model is model = forks in s.toml, line 2, and"),
        "{error}"
    );
}

#[test]
fn what_a_platform_says_to_all_servers_holds_where_it_means_something() {
    let workers = |model: &str| {
        let platform = wishes("workers=5", &Source::Convention("WEB_CONCURRENCY"));
        let wishes = wishes(&format!("model={model}"), &Source::CommandLine).over(platform);
        Plan::new(wishes, &limit()).unwrap().server.workers.get()
    };
    assert_eq!(workers("prefork"), 5);
    assert_eq!(workers("scheduled"), 8);
}

#[test]
fn values_out_of_range_are_refused() {
    check_refused("model=fork", "--model fork: unknown concurrency model");
    check_refused(
        "bind=8000",
        "--bind 8000: \"8000\" is not an address to listen on",
    );
    check_refused("bind=a:1|a:1", "--bind a:1: it is there already");
    check_refused(
        "backlog=0",
        "--backlog 0: it must be a whole number from 1 to 2147483647",
    );
    check_refused("policy=lifo", "--policy lifo: ");
    check_refused("cores=0", "from 1 to 1000000, or auto");
    check_refused(
        "queue=-1",
        "--queue -1: it must be a whole number from 1 to 4294967295, or off",
    );
    check_refused("ageing=0", "it must be longer than nothing, or off");
    check_refused(
        "idle-timeout=off",
        "--idle-timeout off: it must be a number of seconds",
    );
    check_refused("niceness=20", "from -20 to 19");
    check_refused(
        "tenant=a=1|a=2",
        "--tenant a=2: the tenant \"a\" is there already",
    );
    check_refused("max-head=1KiB", "from 8192 to 16777216");
    check_refused(
        "forwarded-allow-ips=nginx",
        "\"nginx\" is neither an address, nor a network",
    );
    check_refused("metrics=9090", "--metrics: it must be true or false");
    check_refused("access-log-format=xml", "the known ones are common, json");
    check_refused("log-level=loud", "off, error, warn, info, debug or trace");
    check_refused("log-format=xml", "the known ones are text, json");
    check_refused(
        "model=prefork max-requests-jitter=5",
        "give both or neither",
    );
    assert!(plan("bind=a:0|a:0").is_ok());
}
