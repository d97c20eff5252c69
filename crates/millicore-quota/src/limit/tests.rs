//! Which one counts, a quota or an affinity mask.

use super::ProcessLimit;
use crate::directories::Directories;
use crate::group::GroupQuota;
use crate::membership::Version;
use crate::millicores::Millicores;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// The limit of a quota in a period of 100 ms, if any, and a mask of `affinity_cores`.
fn check(quota_us: Option<u64>, affinity_cores: usize, cores: usize, printed: &str) {
    let group = quota_us.map(|quota_us| GroupQuota {
        directory: PathBuf::from("/group"),
        quota_us,
        period_us: 100_000,
        burst_us: 0,
        limit: Millicores::from_quota(quota_us, 100_000).unwrap(),
        directories: Directories {
            version: Version::V2,
            cpu: PathBuf::from("/group"),
            cpuacct: None,
        },
    });
    let affinity_cores = NonZeroUsize::new(affinity_cores).unwrap();
    let limit = ProcessLimit {
        group,
        affinity_cores,
        warnings: Vec::new(),
    };
    assert_eq!(limit.to_string(), printed);
    assert_eq!(limit.cores().get(), cores, "{printed}");
}

#[test]
fn the_smaller_of_quota_and_mask_counts() {
    let mask_of_two = "2, from 2 cores in the CPU affinity mask";
    let half_a_core = "500m, from 50000 µs in every 100000 µs of /group";
    let one_and_a_half = "1500m, from 150000 µs in every 100000 µs of /group";
    for (quota_us, affinity_cores, cores, printed) in [
        (None, 2, 2, mask_of_two),
        (Some(50_000), 4, 1, half_a_core),
        (Some(150_000), 4, 2, one_and_a_half),
        (Some(150_000), 2, 2, one_and_a_half),
        (
            Some(150_000),
            1,
            1,
            "1, from 1 core in the CPU affinity mask",
        ),
        (Some(200_000), 2, 2, mask_of_two),
        (Some(900_000), 2, 2, mask_of_two),
    ] {
        check(quota_us, affinity_cores, cores, printed);
    }
}
