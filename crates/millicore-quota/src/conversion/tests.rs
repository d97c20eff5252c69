//! The vectors of those whose conversions these are.

use super::{
    conversions, docker_nano_cpus, kubernetes_quota_us, kubernetes_shares, linear_weight,
    quadratic_weight, systemd_quota_us,
};
use crate::{Bandwidth, Millicores};
use std::time::Duration;

#[track_caller]
fn check(amount: &str, quota_us: u64, systemd_us: u64, shares: u64, linear: u64, quadratic: u64) {
    let amount: Millicores = amount.parse().unwrap();
    let usual = Bandwidth::USUAL_PERIOD;
    let found_us = kubernetes_quota_us(amount, usual);
    assert_eq!(found_us, quota_us, "{amount}");
    assert_eq!(systemd_quota_us(found_us, usual), systemd_us, "{amount}");
    let found = kubernetes_shares(amount);
    assert_eq!(found, shares, "{amount}");
    assert_eq!(linear_weight(found), linear, "{amount}");
    assert_eq!(quadratic_weight(found), quadratic, "{amount}");
}

#[test]
fn amounts_become_what_a_node_makes_of_them() {
    check("1m", 1000, 1000, 2, 1, 1);
    check("10m", 1000, 1000, 10, 1, 4);
    check("51m", 5100, 6000, 52, 2, 11);
    check("100m", 10_000, 10_000, 102, 4, 17);
    check("125m", 12_500, 13_000, 128, 5, 21);
    check("250m", 25_000, 25_000, 256, 10, 35);
    check("333m", 33_300, 34_000, 340, 13, 43);
    check("500m", 50_000, 50_000, 512, 20, 59);
    check("1", 100_000, 100_000, 1024, 39, 100);
    check("2500m", 250_000, 250_000, 2560, 98, 208);
    check("4096m", 409_600, 410_000, 4194, 160, 309);
    check(
        "1000000",
        100_000_000_000,
        100_000_000_000,
        262_144,
        10_000,
        10_000,
    );
}

#[test]
fn a_long_period_keeps_small_limits_apart() {
    let check = |limit: &str, expected_us| {
        let limit = limit.parse().unwrap();
        assert_eq!(
            kubernetes_quota_us(limit, Duration::from_secs(1)),
            expected_us
        );
    };
    check("1m", 1000);
    check("5m", 5000);
    check("500m", 500_000);
}

#[test]
fn weights_are_those_of_runc() {
    let check = |shares, expected| assert_eq!(quadratic_weight(shares), expected, "{shares}");
    check(0, 0);
    check(1, 1);
    check(2, 1);
    check(3, 2);
    check(1024, 100);
    check(2000, 170);
    check(262_143, 10_000);
    check(262_144, 10_000);
    check(262_145, 10_000);
    assert_eq!(
        [0, 1, 2, 2000, 300_000].map(linear_weight),
        [0, 1, 1, 77, 10_000]
    );
}

#[test]
fn docker_refuses_what_kubernetes_widens() {
    assert_eq!(docker_nano_cpus("500m".parse().unwrap()), 500_000_000);
    let acts_as = |amount: &str, name: &str| {
        let found = conversions(amount.parse().unwrap()).into_iter();
        let mut found = found.filter(|conversion| conversion.name.starts_with(name));
        found.next().and_then(|conversion| conversion.acts_as)
    };
    let millicores = |text: &str| Some(text.parse::<Millicores>().unwrap());
    assert_eq!(acts_as("1m", "docker"), None);
    assert_eq!(acts_as("10m", "docker"), millicores("10m"));
    assert_eq!(acts_as("1m", "kubernetes limit:"), millicores("10m"));
    assert_eq!(acts_as("1m", "kernel"), millicores("1m"));
    assert_eq!(
        acts_as("125m", "kubernetes limit, systemd"),
        millicores("130m")
    );
}
