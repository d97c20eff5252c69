//! Which limit the command finds where it runs: in a group, in groups inside one another, in a
//! container.

use crate::{MILLICORE, cannot_be_tested, usable};
use millicore_lab::place::DockerPlace;
use millicore_quota::{Bandwidth, CgroupPlace, Enclosure, Limits, Place, Program, Spec};
use rustix::thread::sched_getaffinity;
use serde_json::Value;
use std::io::Read;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

fn open(
    place: &dyn Place,
    limit: Option<&str>,
    inside: Option<&dyn Enclosure>,
) -> Box<dyn Enclosure> {
    let limit = limit.map(|limit| Bandwidth::of(limit.parse().unwrap()));
    let spec = Spec {
        label: "seen".to_owned(),
        limits: Limits {
            bandwidth: limit,
            weight: None,
        },
        inside: inside.map(|outer| outer.name().to_owned()),
    };
    place.open(&spec).unwrap()
}

/// What a program says in there.
fn run(enclosure: &mut dyn Enclosure, executable: &str, arguments: &[&str]) -> String {
    let mut running = enclosure
        .start(&Program {
            executable: executable.into(),
            arguments: arguments.iter().map(Into::into).collect(),
            environment: Vec::new(),
        })
        .unwrap();
    let (mut said, mut errors) = (String::new(), String::new());
    let (mut stdout, mut stderr) = (
        running.take_stdout().unwrap(),
        running.take_stderr().unwrap(),
    );
    stdout.read_to_string(&mut said).unwrap();
    stderr.read_to_string(&mut errors).unwrap();
    let status = running.wait(PATIENCE).unwrap();
    assert!(
        status.is_some_and(|it| it.success()),
        "{status:?}: {errors}"
    );
    said
}

const SHOW: [&str; 4] = ["quota", "show", "--format", "json"];

/// What `quota show` finds in there: the limit, and where it is said to come from.
#[track_caller]
fn check(enclosure: &mut dyn Enclosure, expected_m: u64, from: &str) {
    check_said(&run(enclosure, MILLICORE, &SHOW), expected_m, from);
}

#[track_caller]
fn check_said(said: &str, expected_m: u64, from: &str) {
    let said: Value = serde_json::from_str(said).unwrap();
    assert_eq!(said["limit_m"], expected_m, "{said}");
    let source = said["source"].as_str().unwrap();
    assert!(source.contains(from), "{source}");
    let cores = expected_m.div_euclid(1000).max(1);
    assert!(said["cores"].as_u64().unwrap() >= cores, "{said}");
    assert_eq!(said["warnings"], Value::Array(Vec::new()), "{said}");
}

/// All that there is without a limit.
fn machine_m() -> u64 {
    u64::from(sched_getaffinity(None).unwrap().count()) * 1000
}

const AFFINITY: &str = "affinity";

#[test]
fn in_a_group_its_limit() {
    let Some(place) = usable(CgroupPlace::find()) else {
        return;
    };
    for limit in ["1500m", "500m", "100m"] {
        let mut group = open(&place, Some(limit), None);
        let limit_m: u64 = limit.trim_end_matches('m').parse().unwrap();
        let name = group.name().to_owned();
        check(
            &mut *group,
            limit_m.min(machine_m()),
            name.trim_start_matches('/'),
        );
        group.remove().unwrap();
    }
}

#[test]
fn in_groups_inside_one_another_the_smallest_limit() {
    let Some(place) = usable(CgroupPlace::find()) else {
        return;
    };
    let outer = open(&place, Some("300m"), None);
    let outer_name = outer.name().trim_start_matches('/');
    let middle = open(&place, None, Some(&*outer));
    let mut inner = open(&place, None, Some(&*middle));
    check(&mut *inner, 300, outer_name);
    let inner_name = inner.name().trim_start_matches('/').to_owned();
    let narrow = Limits {
        bandwidth: Some(Bandwidth::of("200m".parse().unwrap())),
        weight: None,
    };
    inner.set_limits(&narrow).unwrap();
    check(&mut *inner, 200, &inner_name);
    for group in [inner, middle, outer] {
        group.remove().unwrap();
    }
}

/// Gives a program a view of the hierarchies that begins at its own group, as a container has it.
const PRIVATELY: &str = "
    set -e
    grep ' cgroup' /proc/mounts | while read -r _ point kind options _; do
        case $kind,$options, in
        cgroup2,*) umount $point; mount -t cgroup2 none $point ;;
        *,cpu,cpuacct,* | *,cpuacct,cpu,*) umount $point; mount -t cgroup -o cpu,cpuacct none $point ;;
        *,cpu,*) umount $point; mount -t cgroup -o cpu none $point ;;
        *,cpuacct,*) umount $point; mount -t cgroup -o cpuacct none $point ;;
        esac
    done
    exec $0 quota show --format json";

#[test]
fn in_a_namespace_of_its_own_what_can_be_seen_from_there() {
    let Some(place) = usable(CgroupPlace::find()) else {
        return;
    };
    let privately = ["--cgroup", "--mount", "sh", "-c", PRIVATELY, MILLICORE];
    if std::process::Command::new("unshare")
        .args(["--cgroup", "--mount", "true"])
        .status()
        .map_or(true, |status| !status.success())
    {
        return cannot_be_tested("no namespaces can be made here");
    }
    let outer = open(&place, Some("300m"), None);
    let mut inner = open(&place, Some("200m"), Some(&*outer));
    let said = run(&mut *inner, "unshare", &privately);
    check_said(&said, 200, "/sys/fs/cgroup");
    inner.set_limits(&Limits::default()).unwrap();
    let said = run(&mut *inner, "unshare", &privately);
    check_said(&said, machine_m(), AFFINITY);
    inner.remove().unwrap();
    outer.remove().unwrap();
}

#[test]
fn in_a_container_its_own_limit() {
    let Some(place) = usable(DockerPlace::connect()) else {
        return;
    };
    let quota = "/sys/fs/cgroup";
    for (limit, expected_m, from) in [
        (Some("500m"), 500, quota),
        (Some("100m"), 100, quota),
        (None, machine_m(), AFFINITY),
    ] {
        let mut container = open(&place, limit, None);
        check(&mut *container, expected_m, from);
        container.remove().unwrap();
    }
}

#[test]
fn in_a_container_inside_of_a_group_its_own_limit_alone() {
    let (Some(groups), Some(containers)) =
        (usable(CgroupPlace::find()), usable(DockerPlace::connect()))
    else {
        return;
    };
    let outer = open(&groups, Some("300m"), None);
    let sees_ancestors = containers.capabilities().sees_ancestors;
    for (limit, expected_m, from) in [
        (Some("200m"), 200, "/sys/fs/cgroup"),
        // What holds there as well cannot be seen from inside.
        (None, machine_m(), AFFINITY),
    ] {
        let mut container = open(&containers, limit, Some(&*outer));
        assert!(!sees_ancestors);
        check(&mut *container, expected_m, from);
        container.remove().unwrap();
    }
    outer.remove().unwrap();
}
