//! Reading the limit from trees of files copied from, or modelled on, real systems.
//!
//! Each directory of `tests/fixtures` is one system. The affinity mask is the real one of this
//! machine, so only the group and the warnings are compared.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use millicore_quota::{Cpuset, ProcessLimit, Roots};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A fixture, the group expected to be the tightest as (directory, quota µs, period µs,
/// millicores), and what the warnings must hold, one entry a warning, in order.
type Row = (
    &'static str,
    Option<(&'static str, u64, u64, u32)>,
    &'static [&'static str],
);

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn check((fixture, expected, expected_warnings): &Row) {
    let root = fixtures().join(fixture);
    let limit = ProcessLimit::read_from(&Roots::under(&root));

    let group = limit.group.as_ref().map(|group| {
        let directory = group
            .directory
            .strip_prefix(&root)
            .unwrap()
            .to_str()
            .unwrap();
        (
            directory,
            group.quota_us,
            group.period_us,
            group.limit.get(),
        )
    });
    assert_eq!(group, *expected, "{fixture}: {:?}", limit.warnings);

    let warnings: Vec<String> = limit.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings.len(),
        expected_warnings.len(),
        "{fixture}: {warnings:?}"
    );
    for (warning, part) in warnings.iter().zip(*expected_warnings) {
        assert!(
            warning.contains(part),
            "{fixture}: {warning:?} has no {part:?}"
        );
        assert!(
            warning.len() < 1000,
            "{fixture}: a warning of {} bytes",
            warning.len()
        );
    }
}

#[rustfmt::skip]
const SYSTEMS: &[Row] = &[
    ("v1_cpu", Some(("sys/fs/cgroup/cpu/app", 50_000, 100_000, 500)), &[]),
    ("v1_cpu_cpuacct", Some(("sys/fs/cgroup/cpu,cpuacct/app", 50_000, 100_000, 500)), &[]),
    ("v1_cpuacct_cpu", Some(("sys/fs/cgroup/cpuacct,cpu/app", 50_000, 100_000, 500)), &[]),
    ("v1_misleading_mount_points", Some(("mnt/cpu control/app", 75_000, 100_000, 750)), &[]),
    ("v1_without_quota", None, &[]),
    ("v1_kubernetes_pod_tighter",
        Some(("sys/fs/cgroup/cpu,cpuacct/kubepods/burstable/pod1c9a", 25_000, 100_000, 250)), &[]),
    ("v2_systemd_tighter_ancestor",
        Some(("sys/fs/cgroup/system.slice/web.slice", 120_000, 100_000, 1200)), &[]),
    ("v2_leaf_without_cpu_controller",
        Some(("sys/fs/cgroup/user.slice", 1000, 1_000_000, 1)), &[]),
    ("v2_without_quota", None, &[]),
    ("hybrid", Some(("sys/fs/cgroup/cpu,cpuacct/app", 30_000, 100_000, 300)), &[]),
    ("hybrid_with_cpu_in_v2", Some(("sys/fs/cgroup/unified/app", 20_000, 100_000, 200)), &[]),
    ("container_v1_private_namespace",
        Some(("sys/fs/cgroup/cpu,cpuacct", 50_000, 100_000, 500)), &[]),
    // The directory below, of the same path, is a nested container's and not this process's.
    ("container_v1_host_namespace",
        Some(("sys/fs/cgroup/cpu,cpuacct", 50_000, 100_000, 500)), &[]),
    ("container_v1_nested_in_container",
        Some(("sys/fs/cgroup/cpu,cpuacct/docker/aa01", 40_000, 100_000, 400)), &[]),
    ("container_v2_private_namespace", Some(("sys/fs/cgroup", 50_000, 100_000, 500)), &[]),
    ("container_v2_host_namespace",
        Some(("sys/fs/cgroup/system.slice", 80_000, 100_000, 800)), &[]),
    ("v1_systemd_slices",
        Some(("sys/fs/cgroup/cpu,cpuacct/system.slice", 80_000, 100_000, 800)), &[]),
    ("v2_cpuset_and_burst",
        Some(("sys/fs/cgroup/app.slice/app.service", 50_000, 100_000, 500)), &[]),
    ("v2_hostile_cpuset", None, &[]),
    ("outside_of_the_namespace", None, &["\"/../other\", which no cgroup mount"]),
    ("not_mounted", None, &["\"/app\", which no cgroup mount"]),
    ("covered_mount", None, &["cgroup/cpu/app cannot be found"]),
    ("none", None, &[]),
    ("no_proc", None, &["self/cgroup, any limit in it is unknown: entity not found"]),
];

/// The quota of the group above an unreadable one.
const ABOVE: Option<(&str, u64, u64, u32)> = Some(("sys/fs/cgroup/a", 90_000, 100_000, 900));
const ABOVE_V1: Option<(&str, u64, u64, u32)> = Some(("sys/fs/cgroup/cpu", 90_000, 100_000, 900));

#[rustfmt::skip]
const HOSTILE: &[Row] = &[
    ("hostile_v2_empty", ABOVE, &["a/b/cpu.max holds \"\" where a quota"]),
    ("hostile_v2_one_field", ABOVE, &["a/b/cpu.max holds \"50000\" where a quota"]),
    ("hostile_v2_words", ABOVE, &["holds \"fifty percent\" where"]),
    ("hostile_v2_negative", ABOVE, &["holds \"-1 100000\" where"]),
    ("hostile_v2_zero_quota", ABOVE, &["holds \"0 100000\" where"]),
    ("hostile_v2_zero_period", ABOVE, &["holds \"50000 0\" where"]),
    ("hostile_v2_huge", ABOVE, &["holds \"99999999999999999999999 100000\" where"]),
    ("hostile_v2_more_than_any_machine", ABOVE, &["holds \"18446744073709551615 1000\" where"]),
    ("hostile_v2_binary", ABOVE, &["holds \"\\0\u{fffd}\u{fffd}\u{fffd}\" where"]),
    ("hostile_v2_long", ABOVE, &["holds \"999999"]),
    ("hostile_v2_directory", ABOVE, &["a/b/cpu.max, any limit in it is unknown: is a directory"]),
    ("hostile_v1_negative_quota", ABOVE_V1, &["cpu/a/cpu.cfs_quota_us holds \"-2\" where -1 or"]),
    ("hostile_v1_words", ABOVE_V1, &["cpu/a/cpu.cfs_quota_us holds \"half\" where -1 or"]),
    ("hostile_v1_no_period", ABOVE_V1, &["cpu/a/cpu.cfs_period_us, any limit in it is unknown"]),
    ("hostile_v1_zero_period", ABOVE_V1, &["cpu/a/cpu.cfs_period_us holds \"0\" where a period"]),
    ("hostile_proc_files", Some(("sys/fs/cgroup/a", 50_000, 100_000, 500)), &[
        "self/cgroup holds \"\u{fffd}\u{fffd} garbage\" where",
        "self/cgroup holds \"\" where",
        "self/cgroup holds \"7:cpu\" where",
        "self/cgroup holds \"0::relative\" where",
        "self/mountinfo holds \"99 98\" where a mount",
        "self/mountinfo holds \"\\0\\u{1}\" where a mount",
    ]),
];

#[test]
fn the_tightest_visible_group_is_found_on_every_kind_of_system() {
    SYSTEMS.iter().for_each(check);
}

#[test]
fn hostile_contents_are_warnings_and_the_other_groups_still_count() {
    HOSTILE.iter().for_each(check);
}

#[test]
fn a_cpuset_narrows_the_mask_and_a_burst_is_read() {
    let limit = ProcessLimit::read_from(&Roots::under(&fixtures().join("v2_cpuset_and_burst")));
    assert_eq!(limit.affinity_cores.get(), 1);
    assert_eq!(limit.group.unwrap().burst_us, 20_000);
    let hostile = Roots::under(&fixtures().join("v2_hostile_cpuset"));
    assert_eq!(Cpuset::find(&hostile), None);
}

#[test]
fn every_fixture_has_its_row() {
    let on_disk: BTreeSet<String> = std::fs::read_dir(fixtures())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let rows = SYSTEMS.iter().chain(HOSTILE).map(|row| row.0.to_owned());
    assert_eq!(rows.collect::<BTreeSet<_>>(), on_disk);
}
